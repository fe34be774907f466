"""When to abstain: the probability that an answer is right, and how much of it is enough.

A gate is a logistic regression over the signals of answers that were given with no gate shut; the first one,
`about`, tells whether a question's paper is there, the others whether an answer is right. Its threshold is
chosen by probabilities out of fold, of models that have seen no question about the same paper. Whoever has
questions of their own refits two numbers, slope and offset of the log-odds (Platt 1999), and the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from assistant.fitted import Gate, Linear
from eval.regression import Features, Row, logistic

UNANSWERABLE = 0.38  # their share among the gold questions; the questions for fitting have more of them
FOLDS = 5
MOST_LOST = 0.10  # of right answers, that a gate may cost
LOST_EARLY = 0.01  # of them, that the gate before the draft may cost
MOST_ASTRAY = 0.05  # of questions whose paper is there, that may be taken for questions about something else
# What tells whether the paper that is asked about is there at all, whatever it says.
ABOUT = frozenset(
    "ahead dense paper_like names_missing best_names_of_paper best_own_name best_share_with_title"
    " best_soft_share".split()
)

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
    model = _calibrated(known.model, found, signals)
    return Gate(model, choose(found, _probabilities(model, found, signals)).threshold)


def about_gate(found: Sequence[Outcome], others: Sequence[Outcome] = ()) -> Gate:
    """The probability that one of the papers found is the one that is asked about.

    `found` is of questions whose paper is there, which are answerable, and of the same without it; where one
    of these is wanting, the gate is open. The threshold stops but few of the former, of `others` too.
    """
    found, others = _there(found), _there(others)
    if not tells_apart(found):
        return Gate()
    rows: list[Row] = [(about_signals(one), one.right) for one in found]
    every = [*found, *others]
    least = _lowest(every, out_of_fold(found, about_signals, others), MOST_ASTRAY)
    return Gate(logistic(rows, _PENALTY, balanced(found)), least)


def about_calibrated(known: Gate, found: Sequence[Outcome]) -> Gate:
    """The same gate stretched and shifted to other questions; as it is where they do not tell enough."""
    found = _there(found)
    if not tells_apart(found):
        return known
    model = _calibrated(known.model, found, about_signals)
    return Gate(model, _lowest(found, _probabilities(model, found, about_signals), MOST_ASTRAY))


def tells_apart(found: Sequence[Outcome]) -> bool:
    """Whether there are questions whose paper is there, and such whose paper is not, about several papers."""
    return len({one.answerable for one in found}) == 2 and len({one.cluster for one in found}) > 1


def about_signals(one: Outcome) -> Features:
    """The signals of whether the paper is there."""
    return {name: value for name, value in one.before.items() if name in ABOUT}


def _there(found: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, right where the paper is there."""
    return [replace(one, right=one.answerable) for one in found]


def _calibrated(model: Linear, found: Sequence[Outcome], signals: Signals) -> Linear:
    """Log-odds stretched and shifted so that they tell the probability of being right."""
    log_odds = np.array([model.score(signals(one)) for one in found])
    # From their middle, so that the shift is right for a slope that is held at the least, too.
    middle = float(log_odds.mean())
    rows: list[Row] = [({"log_odds": x - middle}, one.right) for x, one in zip(log_odds, found, strict=True)]
    platt = logistic(rows, _PLATT_PENALTY)
    if not platt.weights:  # all were right, or all wrong
        return model
    slope = max(platt.weights["log_odds"], _LEAST_SLOPE)
    return Linear(
        platt.intercept + slope * (model.intercept - middle),
        {name: slope * weight for name, weight in model.weights.items()},
    )


def _probabilities(model: Linear, found: Sequence[Outcome], signals: Signals) -> NDArray[np.floating]:
    return np.array([model.probability(signals(one)) for one in found])


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
    return _lowest(found, _probabilities(model, found, lambda one: one.before), LOST_EARLY)


def _lowest(found: Sequence[Outcome], probabilities: NDArray[np.floating], share: float) -> float:
    """The threshold below which no more than that share of the right ones lies."""
    right = probabilities[np.array([one.right for one in found], dtype=bool)]
    if not len(right):
        return 0.0
    # One's own probability, rounded down: between two of them, the lower one would be lost for nothing.
    return math.floor(float(np.quantile(right, share, method="lower")) * 1e4) / 1e4


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
