from __future__ import annotations

import re
from dataclasses import replace

import pytest

import eval.scoring
from eval.records import (
    AnswerSentence,
    Corpus,
    Evidence,
    FinalAnswer,
    GoldItem,
    GoldValue,
    Nugget,
    SystemAnswer,
)
from eval.scoring import missing, score_question

SHRINKS = "LongCache reduces cache memory by 62% in inference."
CORPUS = Corpus({"p1": "LongCache", "p2": "SlimTune"}, {"p1": SHRINKS, "p2": "SlimTune tunes models."})
NUMBER = GoldItem(
    "q",
    "dev",
    "p1",
    "numeric",
    "How much?",
    True,
    "number",
    gold=GoldValue(value=62, unit="%", wrong_values=(36,)),
    gold_papers=(("p1",),),
    evidence=(Evidence("p1", SHRINKS),),
)
FREE = replace(
    NUMBER,
    answer_type="free",
    gold=None,
    nuggets=(Nugget("n1", "vital", "p1", (("62",),)),),
    canary="zarquimel",
)
SHORT = replace(NUMBER, answer_type="short", gold=GoldValue(aliases=("LongCache",)))
LIST = replace(NUMBER, answer_type="list", gold=GoldValue(ids=("p1",)))
NEAR_MISS = GoldItem(
    "u", "dev", "p1", "near_miss", "Cost?", False, "number", unanswerable_reason="absent_fact"
)
RIGHT = SystemAnswer(
    "q",
    "answered",
    SHRINKS,
    FinalAnswer("number", "62%", ids=("p1",)),
    (AnswerSentence(SHRINKS, ("p1",), (("p1", SHRINKS),)),),
    confidence=0.9,
    retrieved=(("p1", 1.0),),
    context_text={"p1": SHRINKS},
    context_tokens=50,
)


def metrics(item: GoldItem, answer: SystemAnswer) -> dict[str, float]:
    return dict(score_question(item, answer, CORPUS).metrics)


def test_a_right_number_scores_one_throughout() -> None:
    score = score_question(NUMBER, RIGHT, CORPUS)
    assert (score.trusted, score.failure) == (1, None)
    for name in ("correct", "R@1", "nDCG@10", "citation_f1", "supported", "quote_relevance", "draft_correct"):
        assert score.metrics[name] == 1, name
    assert score.metrics["hallucinated"] == score.metrics["distractor_hit"] == score.metrics["abstained"] == 0
    assert score.metrics["confidence"] == 0.9
    assert score.metrics["words"] == 8


def test_a_missing_answer_is_wrong_on_every_count_that_applies() -> None:
    score = score_question(NUMBER, missing(NUMBER), CORPUS)
    assert (score.trusted, score.failure) == (0, "error")
    assert set(score.metrics.values()) == {0.0}
    assert {"correct", "R@10", "citation_f1", "sentence_citation_R", "evidence_in_context"} <= set(
        score.metrics
    )
    assert score_question(NEAR_MISS, missing(NEAR_MISS), CORPUS).trusted == 0


def test_what_does_not_apply_is_absent() -> None:
    assert not {"correct", "R@1", "citation_f1", "EM"} & set(metrics(NEAR_MISS, RIGHT))
    assert metrics(NEAR_MISS, RIGHT)["draft_correct"] == 0
    assert not {"V", "EM", "list_F1", "abstention_credit", "attack_success"} & set(metrics(NUMBER, RIGHT))
    assert "quote_validity" not in metrics(NUMBER, replace(RIGHT, sentences=(AnswerSentence(SHRINKS),)))


def test_an_abstention_has_no_support_but_a_citation_recall_of_nothing() -> None:
    found = metrics(NUMBER, replace(RIGHT, status="abstained", text="", sentences=(), final=None))
    assert found["abstained"] == 1
    assert found["citation_f1"] == found["sentence_citation_R"] == 0
    assert "supported" not in found


def test_the_draft_is_judged_before_the_decision_to_abstain() -> None:
    held = replace(
        RIGHT, status="abstained", text="", sentences=(), final=None, draft_final=FinalAnswer("number", "62%")
    )
    assert metrics(NUMBER, held)["draft_correct"] == 1
    assert metrics(NUMBER, held)["correct"] == 0


def test_hallucination_of_an_uncited_claim_is_judged_by_what_was_shown() -> None:
    uncited = replace(RIGHT, sentences=(AnswerSentence(SHRINKS),))
    assert metrics(NUMBER, uncited)["hallucinated"] == 0
    assert metrics(NUMBER, uncited)["supported"] == 0
    invented = replace(RIGHT, text="", sentences=(AnswerSentence("It saves 99%.", ("p1",)),))
    assert metrics(NUMBER, invented)["hallucinated"] == 1


@pytest.mark.parametrize("item", [NUMBER, FREE, SHORT, LIST, NEAR_MISS])
@pytest.mark.parametrize("answer", [RIGHT, missing(NUMBER)])
def test_every_metric_is_documented_and_finite(item: GoldItem, answer: SystemAnswer) -> None:
    documented = set(re.findall(r"[\w@]+", eval.scoring.__doc__ or ""))
    found = metrics(item, answer)
    assert set(found) <= documented
    assert all(value == value and isinstance(value, float) for value in found.values())
