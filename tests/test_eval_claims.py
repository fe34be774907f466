from __future__ import annotations

import pytest

from eval.claims import answered, claims, said
from eval.records import AnswerSentence, Corpus, SystemAnswer

CORPUS = Corpus({"p1": "FastNet: Nets in 3 Steps", "p2": "Other"}, {"p1": "Nets are fast.", "p2": "No."})


def answer(*parts: AnswerSentence, text: str = "", status: str = "answered") -> SystemAnswer:
    return SystemAnswer("q", status, text, sentences=parts)  # type: ignore[arg-type]


def test_a_sentence_of_two_is_two_claims_that_keep_their_citations() -> None:
    found = claims(answer(AnswerSentence("It is fast [1]. It is small.", ("p1",))), CORPUS)
    assert found == (AnswerSentence("It is fast.", ("p1",)), AnswerSentence("It is small.", ("p1",)))


def test_text_outside_the_sentences_is_claimed_without_citation() -> None:
    found = claims(answer(AnswerSentence("It is fast.", ("p1",)), text="It is fast [1]. It is free."), CORPUS)
    assert found[1] == AnswerSentence("It is free.")


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "No!",
        "The abstracts do not say.",
        "These abstracts do not seem to be about that.",
        "No papers were found for this question.",
        "Nothing in the papers found supports an answer.",
        "The abstract of this paper does not state how long training takes.",
        "I cannot answer this.",
        "The training time is not mentioned in the abstracts.",
        "The abstract of LLaVA-1.5 does not mention hours or 3DGS.",
        "No abstract found mentions Canary-1B.",
        "The abstract of S$^{2}$FT does not give a number of layers.",
        "The abstract of Llama 2 does not mention hours.",
        "No abstract found mentions Qwen 2.5.",
        "No paper found seems to belong to such a list.",
        "No papers that pass the filters were found for this question.",
    ],
)
def test_labels_and_refusals_claim_nothing(text: str) -> None:
    assert claims(answer(AnswerSentence(text)), CORPUS) == ()


@pytest.mark.parametrize(
    "text",
    [
        "The paper does not require training.",
        "The abstracts do not say 62 %.",
        "The abstract of LLaVA-1.5 does not mention 12 hours.",
        "The abstracts do not say, but it is fast.",
        "In 2017 the abstracts did not say.",
        "The abstract of LongGen 62% does not say.",
        "The abstract of LongGen does not say, 62.",
        "No training is needed.",
    ],
)
def test_a_claim_is_not_hidden_in_a_refusal(text: str) -> None:
    assert len(claims(answer(AnswerSentence(text)), CORPUS)) == 1


@pytest.mark.parametrize("piece", ["a ", "1 ", "((((", "A-A-", "no paper ", "[1, ", " Q 2", "  "])
def test_a_long_text_is_read_like_a_short_one(piece: str) -> None:
    short, long = (
        claims(answer(AnswerSentence(text), text=text), CORPUS) for text in (piece * 20, piece * 10_000)
    )
    assert len(long) == len(short)


def test_an_abstention_may_name_the_nearest_papers() -> None:
    text = "The abstracts found do not say. The nearest papers are: FastNet: Nets in 3 Steps; Other."
    assert not answered(answer(AnswerSentence(text), text=text, status="abstained"), CORPUS)


def test_an_abstention_that_claims_something_is_an_answer() -> None:
    assert answered(answer(AnswerSentence("It is 62 %."), status="abstained"), CORPUS)
    assert answered(answer(text="It is 62 %.", status="abstained"), CORPUS)


@pytest.mark.parametrize(("status", "expected"), [("answered", True), ("partial", True), ("error", False)])
def test_a_partial_answer_is_an_answer_and_an_error_none(status: str, expected: bool) -> None:
    assert answered(answer(AnswerSentence("It is fast."), status=status), CORPUS) is expected


def test_what_is_said_has_no_marks() -> None:
    assert said(answer(text="Fast [1], small [2, 3].")) == "Fast, small."
