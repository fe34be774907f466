from __future__ import annotations

import pytest

from eval.numbers import is_distractor, matches
from eval.records import FinalAnswer, GoldValue

PERCENT = GoldValue(value=92.3, unit="%")
NEGATIVE = GoldValue(value=-0.2)
PARAMETERS = GoldValue(value=1.5e9, unit="params")
FACTOR = GoldValue(value=3.5, unit="x")
RANGE = GoldValue(low=10, high=20, unit="%")
POINTS = GoldValue(value=2.1, unit="points")
HOURS = GoldValue(value=12, unit="hours")
SMALL = GoldValue(value=1e-4)


def said(text: str) -> FinalAnswer:
    return FinalAnswer("number", text)


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        (PERCENT, "92.30 percent"),
        (PERCENT, "92.3\\%"),
        (NEGATIVE, "−0.2"),
        (PARAMETERS, "1.5 billion"),
        (PARAMETERS, "1,500M"),
        (FACTOR, "3.5×"),
        (FACTOR, "3.5-fold"),
        (FACTOR, "3.5x"),
        (FACTOR, "3.5 times"),
        (RANGE, "10 to 20 %"),
        (RANGE, "10–20 %"),
        (POINTS, "2.1 pp"),
        (HOURS, "12 h"),
        (HOURS, "720 minutes"),
        (SMALL, "10^{-4}"),
        (SMALL, "0.0001"),
        (SMALL, "1e-4"),
    ],
)
def test_the_same_number_is_accepted(gold: GoldValue, text: str) -> None:
    assert matches(said(text), gold)


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        (PERCENT, "9.23 %"),
        (PERCENT, "92.3"),
        (PERCENT, "92.3 points"),
        (PERCENT, "0.923"),
        (NEGATIVE, "0.2"),
        (PARAMETERS, "15B"),
        (PARAMETERS, "1.5M"),
        (FACTOR, "35x"),
        (FACTOR, "350 %"),
        (RANGE, "1020"),
        (RANGE, "15 %"),
        (POINTS, "2.1 %"),
        (HOURS, "12 days"),
        (SMALL, "1e-3"),
        (PERCENT, ""),
    ],
)
def test_another_number_is_rejected(gold: GoldValue, text: str) -> None:
    assert not matches(said(text), gold)


@pytest.mark.parametrize(
    ("gold", "text", "right"),
    [
        (GoldValue(value=92.3, unit="%", unit_optional=True), "92.3", True),
        (GoldValue(value=92.3, unit="%", equiv=("0.923",)), "0.923", True),
        (GoldValue(value=92.35, unit="%", allow_rounding=True), "92.4 %", True),
        (GoldValue(value=92.35, unit="%", allow_rounding=True), "92 %", False),
        (GoldValue(value=92.35, unit="%"), "92.4 %", False),
        (GoldValue(value=62, unit="%", allow_rounding=True, unit_optional=True), "60", False),
    ],
)
def test_the_gold_says_what_else_is_accepted(gold: GoldValue, text: str, right: bool) -> None:
    assert matches(said(text), gold) is right


def test_a_distractor_is_one_of_the_wrong_values() -> None:
    gold = GoldValue(value=62, unit="%", wrong_values=(36,))
    assert is_distractor(said("36 %"), gold)
    assert not is_distractor(said("62 %"), gold)
    assert not is_distractor(said("40 %"), gold)


def test_a_final_is_read_from_its_digits_and_only_between_joins_a_range() -> None:
    fid = GoldValue(value=5.02)
    assert matches(FinalAnswer("number", "the one-step generator gets 5.02 and 15.7M"), fid)
    either = GoldValue(low=10, high=20, unit="%")
    assert matches(FinalAnswer("number", "between 10 and 20 %"), either)
    assert not matches(FinalAnswer("number", "10 and 20 %"), either)
