from __future__ import annotations

import pytest

from assistant.citations import CitedText, DraftSentence, draft_sentences, is_bare_label
from assistant.context import ContextPaper
from assistant.records import Paper, Passage, Sentence
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
    "a mark alone": ("[1]", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("draft", "expected"), DRAFTS.values(), ids=DRAFTS)
def test_marks_are_taken_out_of_a_draft(draft: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    sentences = draft_sentences(draft, finished=True)
    assert [(sentence.text, sentence.marks) for sentence in sentences] == expected


STREAMED = [
    *(draft for draft, _ in DRAFTS.values()),
    "Yes. It cuts memory by 62% [1]. Decoding is 1.4x faster, e.g. on GPUs [1, 2]. See Fig. 2 for more. [3]",
    "No, it needs none. [2] Smith et al. show this.[1] We agree",
    "[2] SlimTune needs no gradients.[2]\nvLLM does! Does it? It does [1-3].",
    "It is. [1",
    "It works.We show it [1].We do",
]


@pytest.mark.parametrize("draft", STREAMED)
def test_what_is_read_of_a_growing_draft_never_changes(draft: str) -> None:
    read: list[DraftSentence] = []
    for length in range(len(draft) + 1):
        now = draft_sentences(draft[:length], finished=False)
        assert now[: len(read)] == read, f"after {draft[:length]!r}"
        read = now
    assert draft_sentences(draft, finished=True)[: len(read)] == read


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


def test_mark_is_kept_where_its_paper_supports_as_well_as_another(cited: CitedText) -> None:
    cited.add(DraftSentence(LAYERS, (3,)))
    assert ([citation.paper_id for citation in cited.citations], cited.replaced_marks) == (["p3"], 0)


def test_mark_is_replaced_where_another_paper_supports_better(cited: CitedText) -> None:
    cited.add(DraftSentence(GRADIENTS, (1,)))
    assert ([citation.paper_id for citation in cited.citations], cited.replaced_marks) == (["p2"], 1)


def test_unknown_marks_are_reported_and_dropped(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence(GRADIENTS, (0, 2, 4)))
    assert (cited.unknown_marks, sentence.citations, cited.replaced_marks) == ([0, 4], (1,), 0)
    assert cited.text == f"{GRADIENTS} [1]"


def test_citations_are_numbered_in_order_of_first_use_and_a_span_is_cited_once(cited: CitedText) -> None:
    for text in (GRADIENTS, MEMORY, GRADIENTS, LAYERS):
        cited.add(DraftSentence(text, ()))
    assert [sentence.citations for sentence in cited.sentences] == [(1,), (2,), (1,), (3,)]
    assert [citation.quote for citation in cited.citations] == [GRADIENTS, MEMORY, LAYERS]
    assert cited.text == f"{GRADIENTS} [1] {MEMORY} [2] {GRADIENTS} [1] {LAYERS} [3]"


def test_unsupported_sentence_cites_nothing(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence("Memory is reduced by 63%.", (1,)))
    assert (sentence.citations, sentence.verdict, cited.citations) == ((), "unsupported", [])


def test_label_is_no_part_of_the_claim_but_stays_in_the_text(cited: CitedText) -> None:
    sentence = cited.add(DraftSentence(f"No. {GRADIENTS}", ()))
    assert (sentence.text, sentence.support) == (f"No. {GRADIENTS}", 1.0)


def test_bare_label_stands_for_the_question(cited: CitedText) -> None:
    # The question's {slimtun, requir, gradient, comput} are all in the sentence of p2.
    sentence = cited.add(DraftSentence("no", ()))
    assert (sentence.text, sentence.verdict) == ("No.", "supported")
    assert cited.citations[0].quote == GRADIENTS


def test_extract_is_quoted_as_it_stands(cited: CitedText) -> None:
    ((span, _),) = cited.verifier.best_for_question(1)
    sentence = cited.add_extract(span, fit=0.5)
    assert sentence == Sentence(GRADIENTS, (1,), "supported", 0.5)
    assert cited.citations[0].quote == GRADIENTS
