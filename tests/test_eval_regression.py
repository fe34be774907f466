from __future__ import annotations

import math

import numpy as np
import pytest

from assistant.fitted import Linear
from eval.regression import Row, logistic, ranking

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


def choice(feature: str, *, right: bool) -> list[Row]:
    """A question with two candidates, one of which has a feature: the right one or the other."""
    return [({feature: 1.0}, right), ({}, not right)]


def test_a_ranking_learns_how_often_a_candidate_beats_the_others_of_its_question() -> None:
    # Unpenalised, a feature that wins two of three times is worth ln 2, three of four ln 3.
    often = [choice("a", right=True)] * 2 + [choice("a", right=False)]
    oftener = [choice("b", right=True)] * 3 + [choice("b", right=False)]
    model = ranking([*often, *oftener], 1e6)
    assert model.weights["a"] / model.weights["b"] == pytest.approx(math.log(2) / LN3, abs=1e-3)
    # On the scale of log-odds: of all candidates with `a` two thirds are right, of those without one third.
    alone = ranking(often, 1e6)
    assert alone.probability({"a": 1.0}) == pytest.approx(2 / 3, abs=0.02)
    assert alone.probability({}) == pytest.approx(1 / 3, abs=0.02)


def test_what_all_candidates_of_a_question_share_is_worth_nothing() -> None:
    easy: list[Row] = [({"easy": 1.0, "a": 1.0}, True), ({"easy": 1.0}, True), ({"easy": 1.0}, False)]
    hard: list[Row] = [({"a": 1.0}, True), ({}, False), ({}, False), ({}, False)]
    model = ranking([easy, hard], 1.0)
    assert model.weights["easy"] == pytest.approx(0.0, abs=1e-6)
    assert model.weights["a"] > 0.1


@pytest.mark.parametrize(
    "questions",
    [
        pytest.param([], id="no questions"),
        pytest.param([[({"x": 1.0}, True)], [({"x": 0.0}, False)]], id="nothing to choose from"),
        pytest.param([[({}, True), ({}, False)]], id="no features"),
    ],
)
def test_no_ranking_is_learnt_where_no_question_tells_candidates_apart(questions: list[list[Row]]) -> None:
    assert ranking(questions, 1.0) == Linear()
