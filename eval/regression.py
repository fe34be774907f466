"""Logistic regression with coefficients for features as they are, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from assistant.fitted import Linear

Features = Mapping[str, float]
Row = tuple[Features, bool]


def logistic(rows: Sequence[Row], penalty: float, weights: NDArray[np.floating] | None = None) -> Linear:
    """A logistic regression over features scaled to unit spread, its coefficients scaled back."""
    names = sorted({name for features, _ in rows for name in features})
    labels = np.array([label for _, label in rows])
    if not names or len(set(labels)) < 2:
        return Linear()
    table = np.array([[features.get(name, 0.0) for name in names] for features, _ in rows])
    spread = table.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(C=penalty, max_iter=5000).fit(table / spread, labels, sample_weight=weights)
    return Linear(
        float(model.intercept_[0]), dict(zip(names, map(float, model.coef_[0] / spread), strict=True))
    )
