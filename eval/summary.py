"""What a run scored as a whole: the headline, every metric with its interval, and each group of questions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.abstention import Abstention, abstention
from eval.confidence import Calibration, calibrate
from eval.headline import Estimate, abstained, by_type, estimate, headline, mean, reported, right
from eval.labels import Labels, labels
from eval.records import GoldItem, QuestionScore, SystemAnswer
from eval.robustness import FollowUps, Injection, Robustness, follow_ups, injection, robustness

# The steps a question can fail at, in the order in which they are tried.
WATERFALL = {
    "error": "Error or no answer",
    "not_retrieved": "Paper not retrieved",
    "not_in_context": "Evidence not in context",
    "wrong_sentence": "Right paper, wrong sentence",
    "wrong": "Wrong answer",
    "miscited": "Uncited or miscited",
    "unsupported": "Sentence not supported",
    "bad_quote": "Invalid quote",
    "wrongly_abstained": "Wrongly abstained",
    "wrongly_answered": "Unanswerable, yet answered",
    "bare_abstention": "False premise not named",
}


@dataclass(frozen=True, slots=True)
class TypeRow:
    """One type of question."""

    type: str
    trusted: Estimate
    right: Estimate
    citation_f1: Estimate
    abstained: Estimate


@dataclass(frozen=True, slots=True)
class Latency:
    """End-to-end milliseconds, by nearest rank."""

    n: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in figures."""

    n: int
    answerable: int
    trusted: Estimate
    trusted_macro: Estimate
    metrics: Mapping[str, Estimate]
    types: tuple[TypeRow, ...]
    waterfall: Mapping[str, float]
    abstention: Abstention
    robustness: Robustness
    follow_ups: FollowUps
    injection: Injection
    calibration: Calibration | None
    labels: Labels
    latency: Latency
    latency_answered: Latency


def type_table(scores: Iterable[QuestionScore]) -> tuple[TypeRow, ...]:
    """Return a row for each type of question."""
    return tuple(
        TypeRow(
            type=name,
            trusted=mean(group, lambda score: score.trusted),
            right=mean(group, right),
            citation_f1=mean(group, reported("citation_f1")),
            abstained=mean(group, abstained),
        )
        for name, group in by_type(scores).items()
    )


def waterfall(scores: Iterable[QuestionScore]) -> dict[str, float]:
    """Return how much of the headline each step lost, so that N less the losses is TAR · N."""
    losses: defaultdict[str, float] = defaultdict(float)
    for score in scores:
        if score.failure:
            losses[score.failure] += 1 - score.trusted
    return {step: losses[step] for step in (*WATERFALL, *sorted(set(losses) - set(WATERFALL)))}


def nearest_rank(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed; 0 of none.

    Source: Hyndman and Fan, Sample quantiles in statistical packages, American Statistician 50, 1996,
    definition 1.
    """
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)] if values else 0.0


def latency(answers: Iterable[SystemAnswer]) -> Latency:
    """Return the median and the slow end of the time to an answer."""
    total = [answer.ms["total"] for answer in answers if "total" in answer.ms]
    return Latency(len(total), nearest_rank(total, 50), nearest_rank(total, 95))


def summarise(
    items: Sequence[GoldItem], answers: Mapping[str, SystemAnswer], scores: Sequence[QuestionScore]
) -> Summary:
    """Return a run in figures; a question without an answer has no confidence in it and no latency."""
    counted, by_id = headline(scores), {score.id: score for score in scores}
    trusted, clusters = [score.trusted for score in counted], [score.cluster for score in counted]
    names = sorted({name for score in counted for name in score.metrics})
    ids = {score.id for score in counted}
    given = [answers[score.id] for score in counted if score.id in answers]
    return Summary(
        n=len(counted),
        answerable=sum(score.answerable for score in counted),
        trusted=estimate(trusted, clusters),
        trusted_macro=estimate(trusted, clusters, strata=[score.type for score in counted]),
        metrics={name: mean(counted, reported(name)) for name in names},
        types=type_table(counted),
        waterfall=waterfall(counted),
        abstention=abstention(counted),
        robustness=robustness(items, answers, by_id),
        follow_ups=follow_ups(items, by_id),
        injection=injection(items, by_id),
        calibration=calibrate(
            [score.metrics.get("confidence", 0.0) for score in counted],
            [score.metrics.get("draft_correct", 0.0) == 1 for score in counted],
        )
        if counted
        else None,
        labels=labels([item for item in items if item.id in ids], answers),
        latency=latency(given),
        latency_answered=latency(answer for answer in given if answer.status in {"answered", "partial"}),
    )
