from __future__ import annotations

import pytest

from eval.confidence import (
    augrc,
    aurc,
    auroc,
    brier,
    brier_skill,
    calibrate,
    coverage_at_risk,
    e_aurc,
    ece,
    ece_floor,
    reliability,
    risk_coverage,
)

# 200 questions, 60 of them wrong, ranked by a confidence that falls evenly.
FALLING = [1 - i / 200 for i in range(200)]
ORACLE = [True] * 140 + [False] * 60
CONSTANT = [0.7] * 200

# Four answers, surest first: right, wrong, right, wrong.
SURE = [0.9, 0.8, 0.6, 0.1]
RIGHT = [True, False, True, False]


def area(confidences: list[float], correct: list[bool]) -> float:
    return aurc(risk_coverage(confidences, correct))


@pytest.mark.parametrize(
    ("confidences", "correct", "expected"),
    [
        (FALLING, ORACLE, 0.051),
        (CONSTANT, ORACLE, 0.300),
        (FALLING, ORACLE[::-1], 0.659),
        (SURE, RIGHT, (0 + 1 / 2 + 1 / 3 + 2 / 4) / 4),
    ],
)
def test_aurc(confidences: list[float], correct: list[bool], expected: float) -> None:
    assert area(confidences, correct) == pytest.approx(expected, abs=5e-4)


def test_the_curve_has_a_point_for_each_confidence() -> None:
    curve = risk_coverage([0.5, 0.9, 0.5, 0.2], [False, True, True, False])
    assert [(p.confidence, p.coverage, p.risk) for p in curve] == [
        (0.9, 0.25, 0.0),
        (0.5, 0.75, pytest.approx(1 / 3)),
        (0.2, 1.0, 0.5),
    ]


@pytest.mark.parametrize(
    ("confidences", "correct", "excess"),
    [
        # e + (1 - e) ln(1 - e) = 0.3 + 0.7 · (-0.35667) = 0.05033.
        (FALLING, ORACLE, 0.0007),
        (CONSTANT, ORACLE, 0.2497),
        (FALLING, [False] * 200, 0.0),
        (FALLING, [True] * 200, 0.0),
    ],
)
def test_e_aurc(confidences: list[float], correct: list[bool], excess: float) -> None:
    error = 1 - sum(correct) / len(correct)
    assert e_aurc(area(confidences, correct), error) == pytest.approx(excess, abs=1e-4)


@pytest.mark.parametrize("confidences", [FALLING, CONSTANT, [0.9] * 100 + [0.1] * 100])
def test_augrc_follows_from_auroc_and_accuracy(confidences: list[float]) -> None:
    ranked = auroc(confidences, ORACLE)
    assert ranked is not None
    expected = (1 - ranked) * 0.7 * 0.3 + 0.3**2 / 2
    assert augrc(risk_coverage(confidences, ORACLE)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("confidences", "expected"),
    # At a perfect ranking 15 of 155 answered are wrong (9.7 %), 16 of 156 are 10.3 %.
    [(FALLING, 155 / 200), (CONSTANT, 0.0), (FALLING[::-1], 0.0)],
)
def test_coverage_at_risk(confidences: list[float], expected: float) -> None:
    assert coverage_at_risk(risk_coverage(confidences, ORACLE)) == expected


@pytest.mark.parametrize(
    ("confidences", "correct", "expected"),
    [
        (SURE, RIGHT, 3 / 4),  # of the four pairs only (0.6 right, 0.8 wrong) is the wrong way round
        ([0.5, 0.5, 0.5, 0.5], RIGHT, 0.5),
        ([0.9, 0.5, 0.5, 0.1], RIGHT, 3.5 / 4),
        (SURE, [True] * 4, None),
    ],
)
def test_auroc(confidences: list[float], correct: list[bool], expected: float | None) -> None:
    assert auroc(confidences, correct) == expected


def test_brier_and_its_skill() -> None:
    # (0.1² + 0.8² + 0.4² + 0.1²) / 4 = 0.82 / 4; always saying ½ would score ¼.
    score = brier(SURE, RIGHT)
    assert score == pytest.approx(0.205)
    assert brier_skill(score, 0.5) == pytest.approx(0.18)
    assert brier_skill(0.1, 1.0) is None


def test_confidence_at_the_base_rate_has_no_error_and_no_skill() -> None:
    assert ece(CONSTANT, ORACLE) == pytest.approx(0)
    assert brier_skill(brier(CONSTANT, ORACLE), 0.7) == pytest.approx(0)


def test_ece() -> None:
    # Two confidences of ten answers: 0.9 with eight right, 0.2 with four right; each stays in one bin.
    correct = [True] * 8 + [False] * 2 + [True] * 4 + [False] * 6
    assert ece([0.9] * 10 + [0.2] * 10, correct) == pytest.approx((0.1 + 0.2) / 2)


@pytest.mark.parametrize(("n", "floor"), [(100, 0.098), (200, 0.073), (500, 0.044)])
def test_ece_floor_of_few_answers(n: int, floor: float) -> None:
    assert ece_floor([(i + 0.5) / n for i in range(n)]) == pytest.approx(floor, abs=0.008)


def test_certainty_leaves_nothing_to_chance() -> None:
    assert ece_floor([0.0] * 50 + [1.0] * 50) == 0.0


def test_reliability_has_bins_of_equal_mass() -> None:
    bins = reliability([i / 200 for i in range(200)], ORACLE[::-1])
    assert [b.n for b in bins] == [20] * 10
    assert [b.accuracy for b in bins] == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert bins[0].confidence == pytest.approx(9.5 / 200)
    assert bins[0].interval.high == pytest.approx(0.161, abs=5e-4)


def test_everything_about_a_system_that_is_always_right() -> None:
    figures = calibrate([0.9, 0.8, 0.7], [True, True, True])
    assert (figures.accuracy, figures.aurc, figures.e_aurc, figures.coverage_at_risk) == (1, 0, 0, 1)
    assert (figures.auroc, figures.brier_skill) == (None, None)
    assert figures.brier == pytest.approx((0.01 + 0.04 + 0.09) / 3)
