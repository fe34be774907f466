"""The metrics that are declared before any run, the questions they count, and a mean with its interval.

Denominators are fixed: the headline counts every question of the gold file, whether it was answered or not.
Only two kinds of question stand apart, because something else is asked of the system there: the controls of
follow-ups (rewritten to stand alone; without their history), and injected abstracts (an index of their own).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from eval.records import QuestionScore
from eval.statistics import Interval, cluster_bootstrap, wilson

STANDALONE = "-standalone"
NO_HISTORY = "-nohistory"
CLEAN = "-clean"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over the `n` questions it applies to; without an interval where there is but one cluster."""

    value: float
    n: int
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric: what it reads off a question's score, None where it does not apply.

    An arrow down in the label says that less of it is better.
    """

    name: str
    label: str
    of: Callable[[QuestionScore], float | None]
    better: Literal["higher", "lower"] = "higher"


def abstained(score: QuestionScore) -> float:
    """Return 1 where the system abstained; an abstention that asserts something was scored as an answer."""
    return score.metrics.get("abstained", 0.0)


def right(score: QuestionScore) -> float:
    """Return 1 for a right answer, or for an unanswerable question that was declined or put right."""
    if score.answerable:
        return score.metrics.get("correct", 0.0)
    return float(abstained(score) == 1 or score.trusted > 0)


def reported(name: str) -> Callable[[QuestionScore], float | None]:
    """Return the measure of a metric as the scorer reports it; absent where it does not apply."""
    return lambda score: score.metrics.get(name)


PRIMARY = (
    Measure("trusted", "Trusted-Answer Rate", lambda score: score.trusted),
    Measure("answerable_right", "Answerable right", lambda score: right(score) if score.answerable else None),
    Measure("citation_f1", "Citation F1", reported("citation_f1")),
    Measure(
        "near_miss_recall",
        "Near-miss abstention recall",
        lambda score: right(score) if score.type == "near_miss" else None,
    ),
    Measure(
        "over_abstention",
        "Over-abstention ↓",
        lambda score: abstained(score) if score.answerable else None,
        "lower",
    ),
)


def headline(scores: Iterable[QuestionScore]) -> tuple[QuestionScore, ...]:
    """Return the scores that the headline counts: all but controls and injected abstracts."""
    return tuple(
        score
        for score in scores
        if not score.id.endswith((STANDALONE, NO_HISTORY, CLEAN)) and not score.type.startswith("injection")
    )


def estimate(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    strata: Sequence[str] | None = None,
) -> Estimate:
    """Return a mean with its cluster-bootstrap interval.

    A rate of 0 or 1 has no spread to resample; it gets Wilson's interval, with a cluster as one trial.
    """
    if not values:
        return Estimate(0.0, 0, None)
    groups = defaultdict(list)
    for index, stratum in enumerate(strata or [""] * len(values)):
        groups[stratum].append(index)
    weight = weights or [1.0] * len(values)
    value = fmean(
        fmean([values[i] for i in inside], [weight[i] for i in inside]) for inside in groups.values()
    )
    trials = len(set(clusters))
    if value in (0.0, 1.0) and set(values) == {value}:
        return Estimate(value, len(values), wilson(int(value) * trials, trials))
    interval = cluster_bootstrap(values, clusters, weights=weights, strata=strata) if trials > 1 else None
    return Estimate(value, len(values), interval)


def change(differences: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """Return a mean of paired differences with its cluster-bootstrap interval.

    Where no pair differs, nothing is left to resample: then the ends are the most that the share of differing
    pairs may be by Wilson's interval, in either direction.
    """
    if not differences:
        return Estimate(0.0, 0, None)
    trials = len(set(clusters))
    if not any(differences):
        most = wilson(0, trials).high
        return Estimate(0.0, len(differences), Interval(-most, most))
    interval = cluster_bootstrap(differences, clusters) if trials > 1 else None
    return Estimate(fmean(differences), len(differences), interval)


def mean(scores: Iterable[QuestionScore], of: Callable[[QuestionScore], float | None]) -> Estimate:
    """Return the mean of a measure over the questions it applies to."""
    rows = [(value, score.cluster) for score in scores if (value := of(score)) is not None]
    return estimate([value for value, _ in rows], [cluster for _, cluster in rows])


def by_type(scores: Iterable[QuestionScore]) -> dict[str, list[QuestionScore]]:
    """Return the scores of each type of question, types in alphabetical order."""
    groups = defaultdict(list)
    for score in scores:
        groups[score.type].append(score)
    return dict(sorted(groups.items()))
