from __future__ import annotations

import pytest

from assistant.context import ContextPaper
from assistant.records import Paper, Passage
from assistant.verification import Verifier, narrowed, numbers

CACHE = (
    "LongCache keeps one third of the layers. It reduces memory by 62% and decoding is 1.4x faster. "
    "Loss changes by −0.5 over 1,000 steps."
)
TUNE = "SlimTune requires no gradient computation. It reduces memory on GPUs."


def shown(n: int, paper_id: str, title: str, abstract: str) -> ContextPaper:
    passage = Passage(f"{paper_id}:0", paper_id, 0, len(abstract), abstract)
    return ContextPaper(n, Paper(paper_id, title, abstract), (passage,))


CONTEXT = (shown(1, "a", "Caches", CACHE), shown(2, "b", "Tuning", TUNE))


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(CONTEXT, "What reduces memory on GPUs?")


# Terms are stems without stop words; those of the title are part of every sentence's.
CLAIMS = {
    # {longcach, keep, one, third, layer}: all 5 in the sentence.
    "verbatim": ("LongCache keeps one third of the layers.", 1.0, "supported", "LongCache keeps"),
    # {cach, reduc, memori, 62}: "cach" by the title.
    "title counts": ("Caches reduce memory by 62%.", 1.0, "supported", "It reduces memory by 62%"),
    # {slimtun, requir, gradient, human, label}: 3 of 5, at the bound of supported.
    "three of five": ("SlimTune requires gradients, human labels.", 0.6, "supported", "SlimTune requires"),
    # {slimtun, requir, human, label}: 2 of 4.
    "two of four": ("SlimTune requires human labels.", 0.5, "partial", "SlimTune requires"),
    # {slimtun, human, label}: 1 of 3, below .35.
    "one of three": ("SlimTune, human labels.", 0.333, "unsupported", "SlimTune requires"),
    "number not there": ("LongCache keeps one third of 9 layers.", 0.833, "unsupported", "LongCache keeps"),
    # {memori, reduc, 62}: 2 of 3 in both sentences about memory, but 62 in the first only.
    "sentence with the number": ("Memory is reduced by 62%.", 1.0, "supported", "It reduces memory by 62%"),
    # {reduc, memori, 0.5}: a sentence with the number is looked at first, and here holds nothing else.
    "number of another sentence": ("It reduces memory by -0.5.", 0.333, "unsupported", "Loss changes"),
    # {loss, chang, 1000, step}: as a number 1000 is there, as a term it is written otherwise.
    "thousands comma": ("Loss changes over 1000 steps.", 1.0, "supported", "Loss changes"),
    "hyphen for minus": ("Loss changes by -0.5.", 1.0, "supported", "Loss changes"),
    "minus is not plus": ("Loss changes by 0.5.", 1.0, "unsupported", "Loss changes"),
}


@pytest.mark.parametrize(("claim", "share", "verdict", "span"), CLAIMS.values(), ids=CLAIMS)
def test_support_of_a_claim(verifier: Verifier, claim: str, share: float, verdict: str, span: str) -> None:
    support = verifier.support(claim)
    assert (round(support.share, 3), support.verdict) == (share, verdict)
    assert support.span is not None
    assert support.span.text.startswith(span)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("SlimTune needs 3 labels.", "supported"),
        ("SlimTune needs three labels.", "supported"),
        ("SlimTune needs 3.0 labels.", "supported"),
        ("SlimTune needs 4 labels.", "unsupported"),
    ],
)
def test_number_that_the_abstract_spells_out_is_that_number(claim: str, verdict: str) -> None:
    verifier = Verifier([shown(1, "a", "", "SlimTune needs three labels.")], "")
    assert verifier.support(claim).verdict == verdict


def test_span_is_where_the_abstract_says_it() -> None:
    abstract = "Nothing here. SlimTune requires no gradients."
    passage = Passage("b:1", "b", 14, len(abstract), abstract[14:])
    entry = ContextPaper(1, Paper("b", "", abstract), (passage,))
    span = Verifier([entry], "").support("SlimTune requires gradients.").span
    assert span is not None
    assert (span.start, span.end, span.text) == (14, 45, "SlimTune requires no gradients.")


def test_nothing_in_common_is_unsupported_and_has_no_span(verifier: Verifier) -> None:
    support = verifier.support("Whales sing.")
    assert (support.span, support.share, support.verdict) == (None, 0.0, "unsupported")


def test_among_looks_only_at_the_papers_named(verifier: Verifier) -> None:
    claim = "It reduces memory by 62%."
    assert verifier.support(claim, among=[1]).verdict == "supported"
    elsewhere = verifier.support(claim, among=[2])
    assert elsewhere.span is not None
    # {reduc, memori, 62}: 2 of 3 in the second paper, whose lack of 62 denies the claim.
    assert (elsewhere.span.n, round(elsewhere.share, 3), elsewhere.verdict) == (2, 0.667, "unsupported")
    assert verifier.support(claim, among=[]).span is None


def test_of_equal_claims_the_one_that_fits_the_question_wins(verifier: Verifier) -> None:
    span = verifier.support("It reduces memory.").span
    assert span is not None
    assert span.text == "It reduces memory on GPUs."  # the question names GPUs too


def test_empty_claim_stands_for_the_question(verifier: Verifier) -> None:
    support = verifier.support("")
    assert support.span is not None
    assert (support.span.text, support.share) == ("It reduces memory on GPUs.", 1.0)


@pytest.mark.parametrize("claim", ["...", "It is.", "😀"])
def test_words_that_claim_nothing_are_unsupported(verifier: Verifier, claim: str) -> None:
    assert verifier.support(claim).verdict == "unsupported"


def test_best_for_the_question_come_in_order_of_fit(verifier: Verifier) -> None:
    # The question's {reduc, memori, gpus}: 3, 2 and in all others 0 of them.
    best = verifier.best_for_question(5)
    assert [(span.text[:20], fit) for span, fit in best] == [
        ("It reduces memory on", 1.0),
        ("It reduces memory by", 2 / 3),
    ]
    assert verifier.best_for_question(1) == best[:1]


def test_of_equal_fit_the_sentence_shown_first_is_best() -> None:
    same = [shown(1, "a", "", "Memory shrinks. Memory grows."), shown(2, "b", "", "Memory stays.")]
    best = Verifier(same, "What of memory?").best_for_question(3)
    assert [span.text for span, _ in best] == ["Memory shrinks.", "Memory grows.", "Memory stays."]


NUMBERS = {
    "none": ("no number, v2 and x1.5", set()),
    "sign and percent": ("from -3 to 62%", {"-3", "62"}),
    "minus sign": ("−0.5", {"-0.5"}),
    "thousands": ("1,000,000 of 12,500", {"1000000", "12500"}),
    "a comma that is none of thousands": ("1,2 and 10,00", {"1,2", "10,00"}),
    "range": ("5-10 or 10–20", {"5", "10", "20"}),
    "ends of sentences": ("in 2020, of 3.", {"2020", "3"}),
    "zeros that say nothing": ("62.0% of −0.50, 10 and 100", {"62", "-0.5", "10", "100"}),
    "unit attached": ("5.75x in 12ms", {"5.75", "12"}),
}


@pytest.mark.parametrize(("text", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_a_text(text: str, expected: set[str]) -> None:
    assert numbers(text) == expected


def test_a_long_sentence_is_narrowed_to_the_forty_words_that_share_most_with_the_claim() -> None:
    """Of 50 words the 47th to 49th are claimed, so the quote is the last words but one, 10 to 49."""
    sentence = " ".join([*(f"w{i}" for i in range(46)), "memory", "shrinks", "greatly", "here."])
    (span, _), *_ = Verifier([shown(1, "a", "", sentence)], "memory").best_for_question(1)
    quote = narrowed(span, {"memori", "shrink", "great"})
    assert quote.text == " ".join(sentence.split()[9:49])
    assert quote.paper.abstract[quote.start : quote.end] == quote.text
    assert narrowed(quote, {"memori"}) == quote
