from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from assistant.fitted import Gate, Linear
from eval.gates import (
    Choice,
    Outcome,
    about_calibrated,
    about_gate,
    balanced,
    calibrated,
    choose,
    early_threshold,
    gate,
    out_of_fold,
)
from eval.regression import logistic

SIGNAL = Linear(0.0, {"s": 1.0})


def signal(one: Outcome) -> dict[str, float]:
    return dict(one.after)


def outcome(
    probability: float, *, right: bool = False, answerable: bool = True, cluster: str = "p"
) -> Outcome:
    """An outcome whose one signal has this probability by SIGNAL."""
    signals = {"s": math.log(probability / (1 - probability))}
    return Outcome(cluster, answerable, right, signals, signals)


# Thresholds, unanswerable questions weighted to 0.38.


@pytest.mark.parametrize(
    ("answerable", "unanswerable", "weights"),
    [(3, 2, (0.62 / 0.6, 0.38 / 0.4)), (1, 3, (0.62 / 0.25, 0.38 / 0.75)), (2, 0, (1, 1)), (0, 2, (1, 1))],
)
def test_unanswerable_questions_weigh_as_much_as_in_the_gold(
    answerable: int, unanswerable: int, weights: tuple[float, float]
) -> None:
    found = [outcome(0.5)] * answerable + [outcome(0.5, answerable=False)] * unanswerable
    expected = [weights[0]] * answerable + [weights[1]] * unanswerable
    assert balanced(found).tolist() == pytest.approx(expected)


RIGHT, WRONG, NONE = "right", "wrong", "unanswerable"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # At 0.6, 2 of 3 answerable ones are right and 1 of 2 others is withheld: 0.62 · 2/3 + 0.38 · 1/2.
        # At 0.5: 0.62 · 2/3. Above 0.7 a right one would be withheld.
        pytest.param(
            [(0.9, RIGHT), (0.6, WRONG), (0.7, RIGHT), (0.5, NONE), (0.8, NONE)],
            Choice(0.6, 0.62 * 2 / 3 + 0.38 / 2),
            id="a mixture",
        ),
        # Unweighted, withholding two of four at 0.9 would be better than answering one of four.
        pytest.param(
            [(0.3, RIGHT), (0.4, NONE), (0.4, NONE), (0.9, NONE)], Choice(0.3, 0.62), id="many unanswerable"
        ),
        # Answering all would be 0.62, though nine of ten are right.
        pytest.param([(0.2, NONE), *[(0.7, RIGHT)] * 9], Choice(0.7, 1.0), id="few unanswerable"),
        # At 0.9 a tenth of the right ones is withheld, which is the most that may be.
        pytest.param(
            [(0.1, RIGHT), (0.2, NONE), *[(0.9, RIGHT)] * 9],
            Choice(0.9, 0.62 * 9 / 10 + 0.38),
            id="a tenth withheld",
        ),
        # Here it would be a fifth, so all are answered.
        pytest.param(
            [(0.1, RIGHT), (0.1, RIGHT), (0.2, NONE), *[(0.9, RIGHT)] * 8],
            Choice(0.1, 0.62),
            id="a fifth withheld",
        ),
        # Wrong ones are no loss.
        pytest.param(
            [(0.1, WRONG), (0.1, WRONG), (0.2, NONE), *[(0.9, RIGHT)] * 8],
            Choice(0.9, 0.62 * 8 / 10 + 0.38),
            id="wrong ones withheld",
        ),
        # 0.7996 passes a threshold of its own.
        pytest.param([(0.7996, RIGHT), (0.5, NONE)], Choice(0.799, 1.0), id="rounded down"),
        pytest.param([(0.2, WRONG), (0.7, RIGHT)], Choice(0.2, 0.5), id="all answerable"),
        pytest.param([(0.2, NONE), (0.7, NONE)], Choice(0.7, 0.5), id="none answerable"),
    ],
)
def test_the_threshold_is_the_one_with_the_most_trust(
    found: list[tuple[float, str]], expected: Choice
) -> None:
    given = [outcome(p, right=kind == RIGHT, answerable=kind != NONE) for p, kind in found]
    chosen = choose(given, np.array([probability for probability, _ in found]))
    assert (chosen.threshold, chosen.trusted) == pytest.approx((expected.threshold, expected.trusted))


@pytest.mark.parametrize(
    ("right", "wrong", "lost", "threshold"),
    [
        ([0.2, 0.5, 0.8], [0.1], 0, 0.2),
        ([0.3 + n / 1000 for n in range(100)], [], 0, 0.3),
        # Of 101 the first hundredth lies at the second: one is lost, which is less than one in a hundred.
        ([0.3 + n / 1000 for n in range(101)], [0.01], 1, 0.301),
        ([], [0.5], 0, 0.0),
    ],
    ids=["few", "a hundred", "one more", "none right"],
)
def test_the_early_threshold_loses_one_right_answer_in_a_hundred_at_most(
    right: list[float], wrong: list[float], lost: int, threshold: float
) -> None:
    found = [outcome(p, right=True) for p in right] + [outcome(p) for p in wrong]
    least = early_threshold(found, SIGNAL)
    assert least == pytest.approx(threshold, abs=1.1e-4)
    assert sum(SIGNAL.probability(one.before) < least for one in found if one.right) == lost


# Gates.


def test_a_gate_is_shifted_to_how_often_the_answers_are_right() -> None:
    """All have the same signals, so three of four is what every one of them must get."""
    found = [outcome(0.9, right=right) for right in (True, True, True, False)]
    model = calibrated(Gate(SIGNAL, 0.99), found, signal).model
    assert model.probability(found[0].after) == pytest.approx(0.75, abs=1e-3)
    assert model.weights == pytest.approx({"s": 0.1})


def test_a_gate_is_stretched_where_its_probabilities_are_too_timid() -> None:
    """The slope w of log-odds 0 and 2 with C = 10 solves w = 20 σ(-w): 2.128 · (1 + e^2.128) = 20.0."""
    found = [Outcome("p", True, right, {}, {"s": s}) for s, right in ((-1.5, False), (0.5, True))]
    model = calibrated(Gate(Linear(1.5, {"s": 1.0})), found, signal).model
    assert model.weights["s"] == pytest.approx(2.128, abs=0.01)
    assert model.probability({"s": -0.5}) == pytest.approx(0.5, abs=1e-3)


def test_a_gate_is_not_turned_round_by_odd_questions() -> None:
    found = [outcome(0.1, right=True), outcome(0.9, right=False)]
    model = calibrated(Gate(SIGNAL), found, signal).model
    assert model.weights == pytest.approx({"s": 0.1})
    assert model.probability({"s": 0.0}) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("right", [True, False])
def test_a_gate_stays_as_it_is_where_all_answers_are_alike(right: bool) -> None:
    found = [outcome(0.6, right=right), outcome(0.8, right=right)]
    known = Gate(Linear(0.5, {"s": 2.0}), 0.3)
    assert calibrated(known, found, signal).model == known.model


def test_a_threshold_is_chosen_by_the_calibrated_probabilities() -> None:
    found = [outcome(0.9, right=True), outcome(0.8, right=True), outcome(0.7, answerable=False)]
    shifted = calibrated(Gate(SIGNAL), found, signal)
    lowest_right = shifted.model.probability(found[1].after)
    assert shifted.threshold == pytest.approx(lowest_right, abs=1e-3)


def test_a_probability_is_out_of_fold_where_the_paper_was_not_seen() -> None:
    """Each paper has a feature of its own, which tells all about it and nothing about another."""
    papers = [("a", True), ("b", True), ("c", False), ("d", False), ("e", False)]
    found = [Outcome(name, True, right, {}, {name: 1.0}) for name, right in papers for _ in range(4)]
    seen = logistic([(one.after, one.right) for one in found], 10.0)
    unseen = out_of_fold(found, lambda one: one.after)
    assert all(seen.probability(one.after) > 0.5 for one in found if one.right)
    # Without paper a, four of sixteen are right, and its feature says nothing.
    assert all(p < 0.5 for p, one in zip(unseen, found, strict=True) if one.right)
    # Without paper c, d or e, eight of sixteen are.
    assert unseen[8:].tolist() == pytest.approx([0.5] * 12, abs=1e-3)


def test_a_gate_of_few_papers_is_fitted_in_fewer_folds() -> None:
    found = [outcome(p, right=p > 0.5, cluster=c) for p in (0.2, 0.4, 0.6, 0.8) for c in "ab"]
    shut = gate(found, signal)
    assert shut.model.weights["s"] > 0
    assert shut.model.probability({"s": -1.0}) < shut.threshold < shut.model.probability({"s": 2.0})


def test_others_choose_the_threshold_and_teach_the_probability_nothing() -> None:
    """The others are right where the model is least sure, so that the threshold must lie lower."""
    found = [outcome(p, right=p > 0.5, cluster=c) for p in (0.2, 0.4, 0.6, 0.8) for c in "ab"]
    others = [outcome(0.1, right=True, cluster="c")] * 20
    alone, with_others = gate(found, signal), gate(found, signal, others)
    assert with_others.model == alone.model
    assert with_others.threshold < alone.threshold


def test_the_probabilities_of_others_come_from_models_of_other_papers() -> None:
    """Of a's questions all are right, of the other papers' one in four."""
    found = [Outcome(name, True, name in "ab", {}, {name: 1.0}) for name in "abcde" for _ in range(4)]
    other = Outcome("a", True, True, {}, {"a": 1.0})
    *_, with_its_paper_unseen = out_of_fold(found, lambda one: one.after, [other])
    *_, with_its_paper_seen = out_of_fold(found, lambda one: one.after, [replace(other, cluster="f")])
    assert with_its_paper_unseen < 0.5 < with_its_paper_seen


# Whether a paper is there at all.


def test_what_tells_that_a_paper_is_there_is_fitted_whatever_the_answers_were() -> None:
    """All answers are wrong. Of the paper's signals "dense" tells it; "fit" does not count among them."""
    found = [
        Outcome(f"p{n}", answerable=there, right=False, before={"dense": dense, "fit": 1 - dense}, after={})
        for n, dense in enumerate((0.5, 0.6, 0.7, 0.8, 0.9))
        for there, dense in ((True, dense), (False, dense - 0.4))
    ]
    told = about_gate(found)
    assert set(told.model.weights) == {"dense"}
    assert told.model.weights["dense"] > 0
    # A twentieth of five is none, so that all of them pass, by the probabilities out of fold.
    assert 0 < told.threshold <= min(told.model.probability({"dense": x}) for x in (0.6, 0.9))


def test_a_gate_for_other_questions_loses_few_of_those_whose_paper_is_there() -> None:
    """Of 21 there, a twentieth is one: below the second lowest, .50, lies one."""
    probabilities = [0.4, 0.5, *(0.6 + n / 100 for n in range(19))]
    known = Gate(Linear(0.0, {"dense": 1.0}), 0.9)

    def there(probability: float) -> Outcome:
        signals = {"dense": math.log(probability / (1 - probability))}
        return Outcome("p", answerable=True, right=False, before=signals, after={})

    apart = Outcome("q", answerable=False, right=False, before={"dense": -9.0}, after={})
    told = about_calibrated(known, [*map(there, probabilities), apart])
    assert sum(told.model.probability(there(p).before) < told.threshold for p in probabilities) == 1
    assert told.model.weights["dense"] > 0


@pytest.mark.parametrize("there", [True, False])
def test_questions_that_do_not_tell_a_paper_that_is_there_change_no_gate(there: bool) -> None:
    known = Gate(Linear(0.0, {"dense": 1.0}), 0.9)
    found = [Outcome(f"p{n}", answerable=there, right=there, before={"dense": 0.5}, after={}) for n in (1, 2)]
    assert about_calibrated(known, found) == about_calibrated(known, []) == known
    assert about_gate(found) == about_gate([]) == Gate()
