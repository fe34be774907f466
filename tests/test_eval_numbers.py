from __future__ import annotations

import pytest

from eval.numbers import is_distractor, matches, quantities
from eval.records import FinalAnswer, GoldValue

PERCENT = GoldValue(value=92.3, unit="%")
NEGATIVE = GoldValue(value=-0.2)
PARAMETERS = GoldValue(value=1.5e9, unit="params")
FACTOR = GoldValue(value=3.5, unit="x")
RANGE = GoldValue(low=10, high=20, unit="%")
POINTS = GoldValue(value=2.1, unit="points")
HOURS = GoldValue(value=12, unit="hours")
SMALL = GoldValue(value=1e-4)
FACTORS = GoldValue(low=2.4, high=2.9, unit="x", aliases=("2.4x to 2.9x",))
SHARES = GoldValue(low=50, high=180, unit="%")
DURATIONS = GoldValue(low=1, high=2, unit="hours")
SIZES = GoldValue(low=1.5e9, high=7e9, unit="parameters")


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


@pytest.mark.parametrize(
    ("gold", "text", "right"),
    [
        (FACTORS, "2.4x to 2.9x", True),
        (FACTORS, "2.4×–2.9×", True),
        (FACTORS, "$2.4\\times$ to $2.9\\times$", True),
        (FACTORS, "between 2.4x and 2.9x", True),
        (FACTORS, "2.4x", False),
        (FACTORS, "2.9x", False),
        (FACTORS, "2.4x and 2.9x", False),
        (FACTORS, "2.4x to 2.8x", False),
        (FACTORS, "2.4x to 2.9 %", False),
        (FACTORS, "2.4 to 2.9", False),
        (SHARES, "50% to 180%", True),
        (SHARES, "from 50 percent to 180 percent", True),
        (SHARES, "50%", False),
        (GoldValue(value=50, unit="%"), "50% to 180%", False),
        (GoldValue(value=50, unit="%"), "50% and 180%", True),
        (DURATIONS, "1 hour to 2 hours", True),
        (DURATIONS, "60 minutes to 120 minutes", True),
        (SIZES, "1.5B to 7B parameters", True),
        (SIZES, "1.5M to 7M parameters", False),
    ],
)
def test_a_range_may_carry_its_unit_at_both_ends(gold: GoldValue, text: str, right: bool) -> None:
    assert matches(said(text), gold) is right


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("2.4x to 2.9x", ["times"]),
        ("7.3 AP and 9.6 VPQ", ["ap", "vpq"]),
        ("3 s to 4 steps", ["time", "steps"]),
        ("5.02x and 15.7M", ["times", ""]),
    ],
)
def test_ends_with_units_of_their_own_are_no_range(text: str, units: list[str]) -> None:
    assert [quantity.unit for quantity in quantities(text)] == units


@pytest.mark.parametrize(
    ("gold", "text", "right"),
    [
        (GoldValue(value=16, unit="hours", unit_optional=True), "16", True),
        (GoldValue(value=16, unit="hours", unit_optional=True), "960 minutes", True),
        (GoldValue(value=16, unit="hours", unit_optional=True), "17", False),
        (GoldValue(value=16, unit="hours", unit_optional=True), "57,600", False),  # seconds
        (GoldValue(value=16, unit="hours", unit_optional=True), "16 days", False),
        (GoldValue(value=16, unit="hours", unit_optional=True), "16 GB", False),
        (GoldValue(value=16, unit="hours"), "16", False),
        (GoldValue(value=24, unit="GB", unit_optional=True), "24", True),
        (GoldValue(value=24, unit="GB"), "24", False),
        (GoldValue(low=12, high=16, unit="hours", unit_optional=True), "12 to 16", True),
        (GoldValue(low=12, high=16, unit="hours", unit_optional=True), "12", False),
        (GoldValue(value=12.5, unit="hours", unit_optional=True, allow_rounding=True), "13", True),
        (GoldValue(value=12.5, unit="hours", unit_optional=True, allow_rounding=True), "14", False),
    ],
)
def test_a_bare_number_is_in_the_unit_that_the_question_names(
    gold: GoldValue, text: str, right: bool
) -> None:
    assert matches(said(text), gold) is right


def test_a_bare_value_is_in_the_unit_that_the_question_names() -> None:
    hours = GoldValue(value=16, unit="hours", unit_optional=True)
    assert matches(FinalAnswer("number", value=16), hours)
    assert not matches(FinalAnswer("number", value=57_600), hours)
