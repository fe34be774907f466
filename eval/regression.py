"""Logistic regression with coefficients for features as they are, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from assistant.fitted import Linear

Features = Mapping[str, float]
Row = tuple[Features, bool]
Floats = NDArray[np.floating]

_LEVEL_PENALTY = 10.0  # of the two numbers that put a ranking's scores on the scale of log-odds


def logistic(rows: Sequence[Row], penalty: float, weights: Floats | None = None) -> Linear:
    """A logistic regression over features scaled to unit spread, its coefficients scaled back."""
    names = _names(rows)
    labels = np.array([label for _, label in rows])
    if not names or len(set(labels)) < 2:
        return Linear()
    table = _table(rows, names)
    spread = _spread(table)
    model = LogisticRegression(C=penalty, max_iter=5000).fit(table / spread, labels, sample_weight=weights)
    return Linear(
        float(model.intercept_[0]), dict(zip(names, map(float, model.coef_[0] / spread), strict=True))
    )


def ranking(questions: Sequence[Sequence[Row]], penalty: float) -> Linear:
    """A conditional logit (McFadden 1974): which candidate of each question is a right one.

    Candidates compete with those of their own question only, so no coefficient is spent on telling easy
    questions from hard ones. The scores are put on the scale of log-odds of being right afterwards.
    """
    told = [rows for rows in questions if len({label for _, label in rows}) == 2]
    every = [row for rows in questions for row in rows]
    names = _names(every)
    if not told or not names:
        return Linear()
    spread = _spread(_table(every, names))
    choices = [
        (_table(rows, names) / spread, np.array([label for _, label in rows], dtype=bool)) for rows in told
    ]

    def loss(weights: Floats) -> tuple[float, Floats]:
        value, slope = weights @ weights / (2 * penalty), weights / penalty
        for table, right in choices:
            chances = log_softmax(table @ weights)
            among = log_softmax(chances[right])
            value -= np.logaddexp.reduce(chances[right])
            slope = slope + np.exp(chances) @ table - np.exp(among) @ table[right]
        return float(value), slope

    weights = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x / spread
    ranked = Linear(0.0, dict(zip(names, map(float, weights), strict=True)))
    level = logistic(
        [({"score": ranked.score(features)}, label) for features, label in every], _LEVEL_PENALTY
    )
    slope = level.weights["score"]
    return Linear(level.intercept, {name: slope * weight for name, weight in ranked.weights.items()})


def _names(rows: Sequence[Row]) -> list[str]:
    return sorted({name for features, _ in rows for name in features})


def _table(rows: Sequence[Row], names: Sequence[str]) -> Floats:
    return np.array([[features.get(name, 0.0) for name in names] for features, _ in rows])


def _spread(table: Floats) -> Floats:
    spread = table.std(axis=0)
    return np.where(spread == 0, 1.0, spread)
