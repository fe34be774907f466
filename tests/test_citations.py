from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations_with_replacement

import pytest

from assistant.citations import CitedText, DraftReader, DraftSentence, is_bare_label
from assistant.context import ContextPaper
from assistant.records import Marks, Paper, Passage, Sentence
from assistant.verification import Verifier

ABSTRACTS = (
    "LongCache keeps one third of the layers. It reduces memory by 62%.",
    "SlimTune requires no gradient computation.",
    "LongCache keeps one third of the layers.",
)
CONTEXT = tuple(
    ContextPaper(n, Paper(f"p{n}", "", text), (Passage(f"p{n}:0", f"p{n}", 0, len(text), text),))
    for n, text in enumerate(ABSTRACTS, start=1)
)
LAYERS, MEMORY, GRADIENTS = (
    "LongCache keeps one third of the layers.",
    "It reduces memory by 62%.",
    ABSTRACTS[1],
)


@pytest.fixture
def cited() -> CitedText:
    return CitedText(Verifier(CONTEXT, "Does SlimTune require gradient computation?"), papers_shown=3)


DRAFTS = {
    "before the full stop": ("It is [1]. So it is [2].", [("It is.", (1,)), ("So it is.", (2,))]),
    "after the full stop": ("It is. [1] So it is. [2]", [("It is.", (1,)), ("So it is.", (2,))]),
    "no space": ("It is[1]. So it is.[2]", [("It is.", (1,)), ("So it is.", (2,))]),
    "within": ("It [1] is.", [("It is.", (1,))]),
    "leading the draft": ("[1] It is. So it is [2].", [("It is.", (1,)), ("So it is.", (2,))]),
    "list": ("It is [1, 3].", [("It is.", (1, 3))]),
    "semicolons": ("It is [1;3].", [("It is.", (1, 3))]),
    "range": ("It is [1-3].", [("It is.", (1, 2, 3))]),
    "range with a dash": ("It is [1–2, 5].", [("It is.", (1, 2, 5))]),
    "one after another": ("It is [2][1] [3].", [("It is.", (2, 1, 3))]),
    "repeated": ("It [1] is [1].", [("It is.", (1,))]),
    "no full stop": ("It is [1]", [("It is", (1,))]),
    "not cited": ("It is. So it is [2].", [("It is.", ()), ("So it is.", (2,))]),
    "no marks": ("It [n=5] is (1).", [("It [n=5] is (1).", ())]),
    "label before its sentence": ("No. It is not [1].", [("No. It is not.", (1,))]),
    "mark after the label": ("Yes. [1] It is. [2]", [("Yes. It is.", (1, 2))]),
    "label alone": ("Yes [2].", [("Yes.", (2,))]),
    "decimals and abbreviations": ("It is 1.4x, cf. v2.5 [1].", [("It is 1.4x, cf. v2.5.", (1,))]),
    "lead-ins": ("According to [1], it is. In [2] it is.", [("it is.", (1,)), ("it is.", (2,))]),
    "marks after the full stop": (
        "It is. [1][2] So. [1, 2] We.",
        [("It is.", (1, 2)), ("So.", (1, 2)), ("We.", ())],
    ),
    "marks where the full stop has no space": (
        "It is.[1][2] So it is.[1, 2] We.",
        [("It is.", (1, 2)), ("So it is.", (1, 2)), ("We.", ())],
    ),
    "a stop that has lost its space": ("It works.We show it.", [("It works.", ()), ("We show it.", ())]),
    "bullets": (
        "Two things:\n- It is fast [1].\n* It is small. [2]\n1. It is one.\n2) It is two [3].",
        [
            ("Two things:", ()),
            ("It is fast.", (1,)),
            ("It is small.", (2,)),
            ("It is one.", ()),
            ("It is two.", (3,)),
        ],
    ),
    "lines": (
        "One line\nTwo lines [1]\n\nThree. [2]\n",
        [("One line", ()), ("Two lines", (1,)), ("Three.", (2,))],
    ),
    "label on a line of its own": ("No.\nIt is not.\nWe do.", [("No.\nIt is not.", ()), ("We do.", ())]),
    "label within": ("It is. No. We do.", [("It is.", ()), ("No.", ()), ("We do.", ())]),
    "name after the abbreviation": (
        "Adam et al. Westwood reduces it [1]. So it is.",
        [("Adam et al. Westwood reduces it.", (1,)), ("So it is.", ())],
    ),
    "word after the abbreviation": ("See Li et al. We agree.", [("See Li et al.", ()), ("We agree.", ())]),
    "ellipses": (
        "It is... Then it was… But... well. [1] So",
        [("It is...", ()), ("Then it was…", ()), ("But... well.", (1,)), ("So", ())],
    ),
    "name in small letters": ("It helps. vLLM is fast.", [("It helps.", ()), ("vLLM is fast.", ())]),
    "formula": ("It is $a. B$ here. We stop.", [("It is $a. B$ here.", ()), ("We stop.", ())]),
    "formula that begins with a digit": (
        r"It is $1.4\times$ faster. Then $2n$ is. We stop.",
        [(r"It is $1.4\times$ faster.", ()), ("Then $2n$ is.", ()), ("We stop.", ())],
    ),
    "formulas in brackets": (
        r"It is \(loss. Then Z\) here. So \[loss. Then Z\] is. We stop.",
        [(r"It is \(loss. Then Z\) here.", ()), (r"So \[loss. Then Z\] is.", ()), ("We stop.", ())],
    ),
    "prices": (
        "It costs $5. Then it costs $6 or $7. $8 is [1]. We stop.",
        [("It costs $5.", ()), ("Then it costs $6 or $7.", ()), ("$8 is.", (1,)), ("We stop.", ())],
    ),
    "price and formula": (
        "It costs $5. Then ($a. B c$) is. We stop.",
        [("It costs $5.", ()), ("Then ($a. B c$) is.", ()), ("We stop.", ())],
    ),
    "full-width stops": ("它很快。它很小！[1] We", [("它很快。", ()), ("它很小！", (1,)), ("We", ())]),
    "mark that never closes": ("It is. [1", [("It is.", ()), ("[1", ())]),
    "a mark alone": ("[1]", []),
    "nothing": ("", []),
    "white space": (" \n", []),
}


def read(pieces: Iterable[str]) -> list[tuple[str, tuple[int, ...]]]:
    """What is taken off a draft that comes in `pieces`."""
    reader = DraftReader()
    sentences = [sentence for piece in pieces for sentence in reader.read(piece)] + reader.finish()
    return [(sentence.text, sentence.marks) for sentence in sentences]


@pytest.mark.parametrize(("draft", "expected"), DRAFTS.values(), ids=DRAFTS)
def test_marks_are_taken_out_of_a_draft(draft: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert read([draft]) == expected


STREAMED = [
    *(draft for draft, _ in DRAFTS.values()),
    "Yes. It cuts memory by 62% [1]. Decoding is 1.4x faster, e.g. on GPUs [1, 2]. See Fig. 2 for more. [3]",
    "No, it needs none. [2] Smith et al. show this.[1] We agree",
    "[2] SlimTune needs no gradients.[2]\nvLLM does! Does it? It does [1-3].",
    "It works.We show it [1].We do",
    "- Yes. It is so. [1]. It was [2]; [3].\n[1] No. [4",
    "“It is.” So (it is.) 'So.' It is [n=5] so. [12] It. [1234] is.. We",
    "Costs are $5.50–$6. It is $O(n)$. And $2. B c$ too ($x$-norm, US$5). $ a. B $ We. It",
    "One \n and \n\n so on. \n Option b. The U.S. based, i.e. no. 5, etc. We",
]


@pytest.mark.parametrize("draft", STREAMED)
def test_however_a_draft_comes_in_the_same_is_read_of_it(draft: str) -> None:
    expected = read([draft])
    assert read(draft) == expected, "character by character"
    for i, j in combinations_with_replacement(range(len(draft) + 1), 2):
        pieces = (draft[:i], draft[i:j], draft[j:])
        assert read(pieces) == expected, pieces


@pytest.mark.parametrize("draft", STREAMED)
def test_a_draft_is_in_no_part_lost_and_in_none_read_twice(draft: str) -> None:
    reader = DraftReader()
    seen = 0
    for length, character in enumerate(draft, start=1):
        taken = reader.read(character)
        assert reader.rest == draft[length - len(reader.rest) : length]
        assert taken == [] or len(reader.rest) < length - seen
        seen = length - len(reader.rest)
    reader.finish()
    assert (reader.rest, reader.finish()) == ("", [])


COMPLETE = {
    "the next word is not there": ("It is. ", 0),
    "the next word is not whole": ("It is. S", 0),
    "the next word is whole": ("It is. So ", 1),
    "the mark may go on": ("It is. [1", 0),
    "a mark is no word": ("It is. [1] ", 0),
    "the word after the mark": ("It is. [1] So ", 1),
    "a label waits for its sentence": ("No. It is ", 0),
    "a label and its sentence": ("No. It is not. So ", 1),
    "what follows may be lower case": ("See Li et al. W", 0),
    "the formula is open": ("It is $a. B c ", 0),
}


@pytest.mark.parametrize(("draft", "count"), COMPLETE.values(), ids=COMPLETE)
def test_a_sentence_is_complete_when_the_next_word_is_whole(draft: str, count: int) -> None:
    assert len(DraftReader().read(draft)) == count


@pytest.mark.parametrize(
    ("text", "bare"), [("Yes", True), ("No.", True), ("No, none.", False), ("Nobody.", False), ("", False)]
)
def test_bare_label(text: str, bare: bool) -> None:
    assert is_bare_label(text) is bare


def test_sentence_without_mark_cites_the_span_that_supports_it_best(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence("Memory is reduced by 62%.", ()))
    assert (sentence.citations, sentence.verdict, sentence.support) == ((1,), "supported", 1.0)
    citation = cited.citations[0]
    assert (citation.n, citation.paper_id, citation.passage_id, citation.quote) == (1, "p1", "p1:0", MEMORY)
    assert ABSTRACTS[0][citation.start : citation.end] == MEMORY


def papers(cited: CitedText) -> list[str]:
    return [citation.paper_id for citation in cited.citations]


# What the marks of a sentence become: the papers cited, and (kept, dropped, unknown, added). The layers
# are in p1 and, word for word, in p3; the gradients in p2.
MARKED = {
    "none": (GRADIENTS, (), ["p2"], Marks(added=1)),
    "right": (GRADIENTS, (2,), ["p2"], Marks(kept=1)),
    "another as right as the first": (LAYERS, (3,), ["p3"], Marks(kept=1)),
    "two right": (LAYERS, (3, 1), ["p3", "p1"], Marks(kept=2)),
    "right and wrong": (LAYERS, (2, 3), ["p3"], Marks(kept=1, dropped=1)),
    "wrong": (GRADIENTS, (1, 3), ["p2"], Marks(dropped=2, added=1)),
    "unknown": (GRADIENTS, (0, 4), ["p2"], Marks(unknown=2, added=1)),
    "right and unknown": (GRADIENTS, (0, 2, 4), ["p2"], Marks(kept=1, unknown=2)),
    "of an unsupported sentence": ("Whales sing.", (1, 7), [], Marks(dropped=1, unknown=1)),
    "of nothing supported": ("Whales sing.", (), [], Marks()),
    # {longcach, keep, whale, fish}: 2 of 4 in p1 and p3, so that both are partial.
    "partly right": ("LongCache keeps whales, fish.", (3, 2), ["p3"], Marks(kept=1, dropped=1)),
}


@pytest.mark.parametrize(("text", "marks", "cites", "became"), MARKED.values(), ids=MARKED)
def test_marks_are_kept_dropped_unknown_or_added(
    cited: CitedText, text: str, marks: tuple[int, ...], cites: list[str], became: Marks
) -> None:
    sentence = cited.add(DraftSentence(text, marks))
    assert (papers(cited), cited.marks) == (cites, became)
    assert sentence.citations == tuple(range(1, len(cites) + 1))


def test_marks_are_counted_over_all_sentences(cited: CitedText) -> None:
    for text, marks in ((GRADIENTS, (2, 9)), (LAYERS, (1, 3)), (MEMORY, (2,)), ("Whales sing.", (3,))):
        cited.add(DraftSentence(text, marks))
    assert cited.marks == Marks(kept=3, dropped=2, unknown=1, added=1)


def test_a_sentence_has_a_citation_and_a_quote_for_every_mark_that_holds(cited: CitedText) -> None:
    cited.add(DraftSentence(MEMORY, ()))
    sentence = cited.add(DraftSentence(LAYERS, (3, 1)))
    assert (sentence.citations, sentence.quotes) == ((2, 3), (LAYERS, LAYERS))
    assert cited.text == f"{MEMORY} [1] {LAYERS} [2] [3]"


def test_quotes_are_verbatim(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence("Memory is reduced by 62%.", ()))
    assert sentence.quotes == (MEMORY,)


def test_support_is_that_of_what_is_cited() -> None:
    """Of {longcach, keep, third, layer, memori} the first paper has 5 and the second 4, support too."""
    texts = ("LongCache keeps a third of the layers in memory.", "LongCache keeps a third of the layers.")
    context = [
        ContextPaper(n, Paper(f"p{n}", "", text), (Passage(f"p{n}:0", f"p{n}", 0, len(text), text),))
        for n, text in enumerate(texts, start=1)
    ]
    sentences = [
        CitedText(Verifier(context, ""), papers_shown=2).add(DraftSentence(texts[0], marks))
        for marks in ((), (2,), (2, 1))
    ]
    assert [(sentence.quotes, sentence.support) for sentence in sentences] == [
        (texts[:1], 1.0),
        (texts[1:], 0.8),
        ((texts[1], texts[0]), 1.0),
    ]


def test_quote_of_a_long_sentence_is_the_part_that_supports(cited: CitedText) -> None:
    """Of 50 words the 1st, 48th and 49th are claimed: the most that 40 in a row hold is two."""
    text = " ".join(["Memory", *(f"w{i}" for i in range(46)), "shrinks", "greatly", "here."])
    passage = Passage("p1:0", "p1", 0, len(text), text)
    long = CitedText(Verifier([ContextPaper(1, Paper("p1", "", text), (passage,))], ""), papers_shown=1)
    sentence = long.add(DraftSentence("Memory shrinks greatly.", ()))
    (citation,) = long.citations
    assert sentence.quotes == (" ".join(text.split()[9:49]),)
    assert text[citation.start : citation.end] == citation.quote == sentence.quotes[0]


def test_citations_are_numbered_in_order_of_first_use_and_a_span_is_cited_once(cited: CitedText) -> None:
    for text in (GRADIENTS, MEMORY, GRADIENTS, LAYERS):
        cited.add(DraftSentence(text, ()))
    assert [sentence.citations for sentence in cited.sentences] == [(1,), (2,), (1,), (3,)]
    assert [citation.quote for citation in cited.citations] == [GRADIENTS, MEMORY, LAYERS]
    assert cited.text == f"{GRADIENTS} [1] {MEMORY} [2] {GRADIENTS} [1] {LAYERS} [3]"


def test_unsupported_sentence_cites_nothing(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence("Memory is reduced by 63%.", (1,)))
    assert (sentence.citations, sentence.quotes, sentence.verdict) == ((), (), "unsupported")
    assert cited.citations == []


def test_label_is_no_part_of_the_claim_but_stays_in_the_text(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence(f"No. {GRADIENTS}", ()))
    assert (sentence.text, sentence.support) == (f"No. {GRADIENTS}", 1.0)


def test_bare_label_stands_for_the_question_and_is_at_most_partly_supported(cited: CitedText) -> None:
    # The question's {slimtun, requir, gradient, comput} are all in the sentence of p2.
    sentence = cited.add(DraftSentence("no", ()))
    assert sentence == Sentence("No.", (1,), (GRADIENTS,), "partial", 1.0)


def test_bare_label_of_what_no_paper_says_is_unsupported() -> None:
    sentence = CitedText(Verifier(CONTEXT, "Do whales sing?"), papers_shown=3).add(DraftSentence("Yes", (1,)))
    assert sentence == Sentence("Yes.", (), (), "unsupported", 0.0)


def test_extract_is_quoted_as_it_stands(cited: CitedText) -> None:
    ((span, _),) = cited.verifier.best_for_question(1)
    sentence = cited.add_extract(span, fit=0.5)
    assert sentence == Sentence(GRADIENTS, (1,), (GRADIENTS,), "supported", 0.5)
    assert cited.citations[0].quote == GRADIENTS


def test_a_bare_label_and_the_sentence_after_it_share_one_quote_of_what_was_asked() -> None:
    """Of 50 words the last ones are asked about, so the quote is words 10 to 49, and cited once."""
    text = " ".join([*(f"w{i}" for i in range(46)), "memory", "shrinks", "greatly", "here."])
    shown = ContextPaper(1, Paper("p1", "", text), (Passage("p1:0", "p1", 0, len(text), text),))
    cited = CitedText(Verifier((shown,), "Does memory shrink greatly?"), papers_shown=1)
    label = cited.add(DraftSentence("Yes.", ()))
    ((span, fit),) = cited.verifier.best_for_question(1)
    extract = cited.add_extract(span, fit)
    assert (label.text, label.verdict, label.citations, extract.citations) == ("Yes.", "partial", (1,), (1,))
    assert [citation.quote for citation in cited.citations] == [" ".join(text.split()[9:49])]
    assert extract.text == text
