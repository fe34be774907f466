from __future__ import annotations

import math

import numpy as np
import pytest

from assistant.fitted import Linear
from eval.regression import Row, logistic

LN3 = math.log(3)  # the log-odds of 3/4

# Two points at -1 and 1, scaled: the penalised slope w solves w = C · n · σ(-w), and for
# w = ln 3, where σ(-w) = 1/4, and n = 2 that is C = 2 ln 3. The middle has a half.


@pytest.mark.parametrize("far", [1.0, 1000.0, -0.01])
def test_a_separable_table_is_learnt_whatever_its_scale(far: float) -> None:
    model = logistic([({"x": 0.0}, False), ({"x": far}, True)], 2 * LN3)
    found = [model.probability({"x": share * far}) for share in (0, 0.5, 1)]
    assert found == pytest.approx([0.25, 0.5, 0.75], abs=1e-4)


def test_a_weight_counts_as_often_as_the_row_is_there() -> None:
    rows: list[Row] = [({"x": 0.0}, False), ({"x": 1.0}, True)]
    once = logistic(rows * 2, LN3)
    assert once.probability({"x": 1.0}) == pytest.approx(0.75, abs=1e-4)
    weighted = logistic(rows, LN3, np.array([2.0, 2.0]))
    assert weighted.weights == pytest.approx(once.weights, abs=1e-3)


def test_a_feature_that_is_left_out_of_a_row_is_0_there_and_a_constant_one_is_worth_nothing() -> None:
    model = logistic([({"always": 5.0}, False), ({"x": 1.0, "always": 5.0}, True)], 2 * LN3)
    assert model.weights["x"] == pytest.approx(2 * LN3, abs=1e-3)
    assert model.weights["always"] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no rows"),
        pytest.param([({}, True), ({}, False)], id="no features"),
        pytest.param([({"x": 1.0}, True), ({"x": 2.0}, True)], id="all right"),
    ],
)
def test_nothing_is_learnt_where_there_is_nothing_to_tell_apart(rows: list[Row]) -> None:
    assert logistic(rows, 1.0) == Linear()
