"""When to abstain: the probability that an answer is right, and how much of it is enough.

A gate is a logistic regression over the signals of answers that were given with no gate shut. Its threshold
is chosen by probabilities out of fold, of models that have seen no question about the same paper. Whoever has
questions of their own refits two numbers, slope and offset of the log-odds (Platt 1999), and the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from assistant.fitted import Gate, Linear
from eval.regression import Features, Row, logistic

UNANSWERABLE = 0.38  # their share among the gold questions; the questions for fitting have more of them
FOLDS = 5
MOST_LOST = 0.10  # of right answers, that a gate may cost
LOST_EARLY = 0.01  # of them, that the gate before the draft may cost

_PENALTY = 0.1  # inverse strength, by five-fold cross-validation over papers, among values from 0.03 to 3
_PLATT_PENALTY = 10.0
_LEAST_SLOPE = 0.1  # so that few or odd questions do not turn the gate round


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question with no gate shut: the signals, and whether the answer was right."""

    cluster: str
    answerable: bool
    right: bool
    before: Features
    after: Features


Signals = Callable[[Outcome], Features]


@dataclass(frozen=True, slots=True)
class Choice:
    """A gate's threshold, and the Trusted-Answer Rate that it gives on the questions it was chosen by."""

    threshold: float
    trusted: float


def gate(found: Sequence[Outcome], signals: Signals, others: Sequence[Outcome] = ()) -> Gate:
    """The probability of being right, and the threshold that keeps the most trust.

    The threshold is chosen on `others` too, which the probability is not fitted on.
    """
    rows: list[Row] = [(signals(one), one.right) for one in found]
    every = [*found, *others]
    return Gate(
        logistic(rows, _PENALTY, balanced(found)),
        choose(every, out_of_fold(found, signals, others)).threshold,
    )


def calibrated(known: Gate, found: Sequence[Outcome], signals: Signals) -> Gate:
    """A gate whose log-odds are stretched and shifted to the questions, with a threshold of their own."""
    log_odds = np.array([known.model.score(signals(one)) for one in found])
    # From their middle, so that the shift is right for a slope that is held at the least, too.
    middle = float(log_odds.mean())
    rows: list[Row] = [({"log_odds": x - middle}, one.right) for x, one in zip(log_odds, found, strict=True)]
    platt = logistic(rows, _PLATT_PENALTY)
    model = known.model
    if platt.weights:  # some were right and some wrong
        slope = max(platt.weights["log_odds"], _LEAST_SLOPE)
        model = Linear(
            platt.intercept + slope * (known.model.intercept - middle),
            {name: slope * weight for name, weight in known.model.weights.items()},
        )
    return Gate(model, choose(found, np.array([model.probability(signals(one)) for one in found])).threshold)


def choose(found: Sequence[Outcome], probabilities: NDArray[np.floating]) -> Choice:
    """The threshold with the highest Trusted-Answer Rate, unanswerable questions at their share in the gold.

    Of several as good, the lowest; none that withholds more than a tenth of the right answers.
    """
    weights = balanced(found)
    right = np.array([one.right for one in found])
    answerable = np.array([one.answerable for one in found])
    best = Choice(0.0, -1.0)
    # Rounded down, so that an answer passes a threshold that is its own probability.
    for threshold in np.unique(np.floor(probabilities * 1e3) / 1e3):
        answered = probabilities >= threshold
        if right.any() and np.mean(~answered[right]) > MOST_LOST:
            break
        trusted = np.average(np.where(answerable, answered & right, ~answered), weights=weights)
        if trusted > best.trusted:
            best = Choice(float(threshold), float(trusted))
    return best


def early_threshold(found: Sequence[Outcome], model: Linear) -> float:
    """The threshold below which hardly a right answer lies, so that no draft need be written."""
    right = [model.probability(one.before) for one in found if one.right]
    if not right:
        return 0.0
    # An answer's own probability, rounded down: between two of them, the lower one would be lost for nothing.
    return math.floor(float(np.quantile(right, LOST_EARLY, method="lower")) * 1e4) / 1e4


def out_of_fold(
    found: Sequence[Outcome], signals: Signals, others: Sequence[Outcome] = ()
) -> NDArray[np.floating]:
    """The probabilities of `found`, then of `others`, by models of those `found` of other papers."""
    every = [*found, *others]
    groups = [one.cluster for one in every]
    rows: list[Row] = [(signals(one), one.right) for one in every]
    weights = balanced(found)
    probabilities = np.zeros(len(every))
    for train, apart in GroupKFold(min(FOLDS, len(set(groups)))).split(rows, groups=groups):
        known = train[train < len(found)]
        model = logistic([rows[i] for i in known], _PENALTY, weights[known])
        probabilities[apart] = [model.probability(rows[i][0]) for i in apart]
    return probabilities


def balanced(found: Sequence[Outcome]) -> NDArray[np.floating]:
    """Weights that give unanswerable questions the share they have in the gold."""
    unanswerable = np.array([not one.answerable for one in found])
    share = unanswerable.mean() if 0 < unanswerable.mean() < 1 else UNANSWERABLE
    return np.where(unanswerable, UNANSWERABLE / share, (1 - UNANSWERABLE) / (1 - share))
