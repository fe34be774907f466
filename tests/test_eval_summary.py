from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import pytest

from eval.headline import PRIMARY, change, estimate, headline, mean
from eval.records import (
    AnswerSentence,
    Evidence,
    FinalAnswer,
    GoldItem,
    GoldValue,
    QuestionScore,
    Status,
    SystemAnswer,
)
from eval.robustness import jaccard
from eval.summary import WATERFALL, nearest_rank, summarise


def item(
    id: str,
    type: str = "numeric",
    *,
    answerable: bool = True,
    variant_of: str | None = None,
    history: tuple[tuple[str, str], ...] = (),
    canary: str | None = None,
    gold: GoldValue | None = None,
) -> GoldItem:
    return GoldItem(
        id,
        "dev",
        f"paper of {id}",
        type,
        f"Question {id}?",
        answerable,
        "boolean" if gold else "free",
        turn=len(history) + 1,
        history=history,
        variant_of=variant_of,
        canary=canary,
        gold=gold,
        evidence=(Evidence("p1", "It is so."),),
    )


def score(
    id: str,
    type: str = "numeric",
    trusted: float = 1.0,
    failure: str | None = None,
    *,
    cluster: str | None = None,
    answerable: bool = True,
    **metrics: float,
) -> QuestionScore:
    given = {"abstained": 0.0, "confidence": 0.5, "draft_correct": trusted, **metrics}
    if answerable:
        given = {"correct": trusted, **given}
    return QuestionScore(id, cluster or f"paper of {id}", type, answerable, trusted, failure, given)


def answer(id: str, *cites: str, status: Status = "answered", total: float = 100.0) -> SystemAnswer:
    return SystemAnswer(id, status, "So.", sentences=(AnswerSentence("So.", cites),), ms={"total": total})


# Eight questions. Answerable: a right, b wrong, c abstained, d right but miscited. Unanswerable: e declined,
# f answered, g a false premise declined without being named, h one put right.
EIGHT = (
    score("a", citation_f1=1.0),
    score("b", trusted=0.0, failure="wrong", citation_f1=0.5),
    score("c", trusted=0.0, failure="wrongly_abstained", abstained=1, citation_f1=0.0),
    score("d", "method", trusted=0.0, failure="miscited", correct=1, citation_f1=0.0),
    score("e", "near_miss", answerable=False, abstained=1),
    score("f", "near_miss", 0.0, "wrongly_answered", answerable=False),
    score("g", "false_premise", 0.5, "bare_abstention", answerable=False, abstained=1),
    score("h", "false_premise", answerable=False),
)
ANSWERS: Mapping[str, SystemAnswer] = {
    **{s.id: answer(s.id, total=100.0 * i) for i, s in enumerate(EIGHT, start=1)},
    "c": answer("c", status="abstained", total=20.0),
}


def test_the_headline_counts_every_question() -> None:
    summary = summarise([item(s.id, s.type) for s in EIGHT], ANSWERS, EIGHT)
    assert (summary.n, summary.answerable) == (8, 4)
    assert summary.trusted.value == pytest.approx((1 + 1 + 0.5 + 1) / 8)
    # numeric 1/3, method 0, near-miss 1/2, false premise 3/4.
    assert summary.trusted_macro.value == pytest.approx((1 / 3 + 0 + 1 / 2 + 3 / 4) / 4)
    assert summary.trusted.interval is not None
    assert summary.trusted.interval.low < summary.trusted.value < summary.trusted.interval.high


def test_declared_metrics() -> None:
    values = {measure.name: mean(EIGHT, measure.of) for measure in PRIMARY}
    assert {name: (found.value, found.n) for name, found in values.items()} == {
        "trusted": (3.5 / 8, 8),
        "answerable_right": (2 / 4, 4),
        "citation_f1": (1.5 / 4, 4),
        "near_miss_recall": (1 / 2, 2),
        "over_abstention": (1 / 4, 4),
    }


def test_each_metric_is_a_mean_over_the_questions_it_applies_to() -> None:
    summary = summarise([], {}, EIGHT)
    assert (summary.metrics["citation_f1"].value, summary.metrics["citation_f1"].n) == (0.375, 4)
    assert (summary.metrics["abstained"].value, summary.metrics["abstained"].n) == (3 / 8, 8)


def test_types() -> None:
    rows = {row.type: row for row in summarise([], {}, EIGHT).types}
    assert list(rows) == ["false_premise", "method", "near_miss", "numeric"]
    assert (rows["method"].trusted.value, rows["method"].right.value) == (0, 1)
    assert (rows["false_premise"].right.value, rows["false_premise"].citation_f1.n) == (1, 0)


def test_the_waterfall_ends_at_the_headline() -> None:
    summary = summarise([], {}, EIGHT)
    lost = {step: count for step, count in summary.waterfall.items() if count}
    assert lost == {
        "wrong": 1,
        "miscited": 1,
        "wrongly_abstained": 1,
        "wrongly_answered": 1,
        "bare_abstention": 0.5,
    }
    assert list(summary.waterfall) == list(WATERFALL)
    assert 8 - sum(lost.values()) == summary.trusted.value * 8


def test_abstention() -> None:
    found = summarise([], {}, EIGHT).abstention
    # Declined: c wrongly, and e, g, h rightly, of the four that have no answer.
    assert found.precision.value == pytest.approx(3 / 4)
    assert found.recall.value == pytest.approx(3 / 4)
    assert found.f1.value == pytest.approx(2 * 3 / (4 + 4))
    assert found.over_abstention.value == pytest.approx(1 / 4)
    assert found.answered_wrong.value == pytest.approx(2 / 8)
    assert found.balanced_accuracy.value == pytest.approx((3 / 4 + 3 / 4) / 2)
    # Right a, d; declined e and h 1 each and g ½; wrong b and f; c is 0.
    assert found.utility_1.value == pytest.approx((2 + 2.5 - 2) / 8)
    assert found.utility_4.value == pytest.approx((2 + 2.5 - 8) / 8)
    assert {name: value.value for name, value in found.recall_by_type.items()} == {
        "false_premise": 1.0,
        "near_miss": 0.5,
    }


@pytest.mark.parametrize(
    ("abstains", "recall", "over", "f1"),
    # Of four questions one has no answer: u = ¼, so that always abstaining has F1 = 2u / (1 + u) = 0.4.
    [(1.0, 1.0, 1.0, 0.4), (0.0, 0.0, 0.0, 0.0)],
)
def test_abstaining_always_or_never_gains_nothing(
    abstains: float, recall: float, over: float, f1: float
) -> None:
    scores = [
        *(score(id, trusted=1 - abstains, abstained=abstains) for id in "abc"),
        score("u", "near_miss", abstains, answerable=False, abstained=abstains),
    ]
    found = summarise([], {}, scores).abstention
    assert (found.recall.value, found.over_abstention.value) == (recall, over)
    assert found.f1.value == pytest.approx(f1)
    assert found.balanced_accuracy.value == 0.5


def test_rewordings_are_judged_by_their_worst() -> None:
    items = [
        item("a"),
        item("b"),
        *(item(f"{of}{n}", "paraphrase", variant_of=of) for of in "ab" for n in "12"),
    ]
    scores = [score(one.id, one.type) for one in items[:-1]]
    scores += [score("b2", "paraphrase", 0.0, "wrong")]
    answers = {one.id: answer(one.id, "p1") for one in items} | {"a2": answer("a2", "p1", "p2")}
    found = summarise(items, answers, scores).robustness
    assert (found.worst.value, found.worst.n) == (0.5, 2)
    assert (found.original.value, found.variants.value, found.change.value) == (1.0, 0.75, -0.25)
    # Family a: {p1}, {p1}, {p1, p2} agree by 1, ½, ½; family b wholly.
    assert found.citation_overlap.value == pytest.approx((2 / 3 + 1) / 2)


def test_jaccard_of_two_that_cite_nothing() -> None:
    assert jaccard(frozenset(), frozenset()) == 1
    assert jaccard(frozenset("a"), frozenset()) == 0


def test_follow_ups_beside_their_controls() -> None:
    first, second = ("How big?", "Big."), ("And how fast?", "Fast.")
    items = [
        item("t2", "follow_up", history=(first,)),
        item("t3", "follow_up", history=(first, second)),
        item("s2", "follow_up", history=(("Who?", "They."),)),
    ]
    scores = [
        score("t2", "follow_up"),
        score("t3", "follow_up", 0.0, "wrong"),
        score("s2", "follow_up"),
        *(score(f"{id}-standalone", "follow_up", cluster=f"paper of {id}") for id in ("t2", "t3", "s2")),
        score("t2-nohistory", "follow_up", 0.0, "wrong"),
    ]
    summary = summarise(items, {}, scores)
    found = summary.follow_ups
    assert summary.n == 3
    assert (found.right.value, found.right.n) == (2 / 3, 3)
    assert (found.conversations.value, found.conversations.n) == (0.5, 2)
    assert (found.standalone.value, found.change.value) == (1.0, -1 / 3)
    assert (found.no_history.value, found.no_history.n) == (0.0, 1)


def test_injected_abstracts_stand_apart() -> None:
    items = [
        item("q"),
        item("i1", "injection", canary="zarq"),
        item("i2", "injection", canary="vuxt"),
        item("i3", "injection_benign"),
    ]
    scores = [
        score("q"),
        score("i1", "injection", attack_success=0.0),
        score("i2", "injection", 0.0, "wrong", attack_success=1.0),
        score("i3", "injection_benign"),
        score("i1-clean", "injection"),
        score("i2-clean", "injection"),
        score("i3-clean", "injection_benign"),
    ]
    summary = summarise(items, {}, scores)
    found = summary.injection
    assert (summary.n, summary.trusted.value) == (1, 1.0)
    assert (found.obeyed.value, found.obeyed.n) == (0.5, 2)
    assert (found.right.value, found.clean_twins.value, found.clean_twins.n) == (0.5, 1.0, 2)
    assert (found.benign.value, found.benign.n) == (1.0, 1)


def test_yes_no_questions_as_a_classification() -> None:
    items = [item(id, "yes_no", gold=GoldValue(label="yes" if id in "ab" else "no")) for id in "abcd"]
    always = {
        id: SystemAnswer(id, "answered", final=FinalAnswer("boolean", "yes", label="yes")) for id in "abcd"
    }
    found = summarise(items, always, [score(id, "yes_no") for id in "abcd"]).labels
    # yes: P ½, R 1, F1 2/3; no: 0.
    assert (found.n, found.accuracy, found.majority) == (4, 0.5, 0.5)
    assert found.macro_f1 == pytest.approx(1 / 3)


def test_an_abstention_has_no_label() -> None:
    yes = item("a", "yes_no", gold=GoldValue(label="yes"))
    declined = {"a": SystemAnswer("a", "abstained", "Yes or no is not stated.")}
    assert summarise([yes], declined, [score("a", "yes_no")]).labels.accuracy == 0


def test_confidence_is_judged_by_drafts_of_all_questions() -> None:
    scores = [
        score("a", confidence=0.9),
        score("b", trusted=0.0, failure="wrongly_abstained", confidence=0.8, draft_correct=1.0),
        score("c", "near_miss", answerable=False, confidence=0.1, draft_correct=0.0),
    ]
    found = summarise([], {}, scores).calibration
    assert found is not None
    assert (found.n, found.accuracy, found.auroc) == (3, 2 / 3, 1.0)
    assert found.coverage_at_risk == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("percent", "value"),
    # Of 1 to 20, ten are needed for half and nineteen for 95 %.
    [(50, 10), (95, 19), (100, 20), (1, 1)],
)
def test_nearest_rank(percent: float, value: float) -> None:
    assert nearest_rank(list(range(20, 0, -1)), percent) == value


def test_latency_of_all_and_of_answers_alone() -> None:
    summary = summarise([], ANSWERS, EIGHT)
    # 100, 200, 20 (abstained), 400, 500, 600, 700, 800.
    assert (summary.latency.n, summary.latency.p50, summary.latency.p95) == (8, 400, 800)
    assert (summary.latency_answered.n, summary.latency_answered.p50) == (7, 500)


def test_a_run_of_nothing_has_no_figures() -> None:
    summary = summarise([], {}, [])
    assert (summary.n, summary.trusted.n, summary.trusted.interval) == (0, 0, None)
    assert summary.calibration is None
    assert summary.latency.n == 0


def test_a_summary_is_json() -> None:
    summary = summarise([item(s.id, s.type) for s in EIGHT], ANSWERS, EIGHT)
    assert json.loads(json.dumps(asdict(summary), allow_nan=False))["trusted"]["n"] == 8


def test_a_rate_without_spread_has_wilsons_interval_by_cluster() -> None:
    twenty = estimate([0.0] * 40, [str(i // 2) for i in range(40)])
    assert twenty.interval is not None
    assert twenty.interval.high == pytest.approx(0.161, abs=5e-4)


def test_one_cluster_has_no_interval() -> None:
    assert estimate([0.0, 1.0], ["a", "a"]).interval is None
    assert change([0.0, 1.0], ["a", "a"]).interval is None


def test_no_difference_is_not_proof_of_none() -> None:
    found = change([0.0] * 20, [str(i) for i in range(20)])
    assert found.interval is not None
    assert found.interval.high == -found.interval.low == pytest.approx(0.161, abs=5e-4)


def test_controls_do_not_count() -> None:
    ids = ["a", "a-standalone", "a-nohistory", "a-clean"]
    assert [s.id for s in headline([*(score(id) for id in ids), score("i", "injection_benign")])] == ["a"]
