from __future__ import annotations

import pytest

from assistant.batch.columns import Result, is_formula
from assistant.batch.summary import Forecast, Tally, Told, describe, describe_forecast, duration

FORMULAS = ["=1+1", "+SUM(A1)", "-x", "@A1", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1+x", "－x", "＠A1", "-1-1"]
TEXTS = ["", "a=b", " =1", "62%", "-0.2", "+5", "-1,234.5", "+3.1%", "1-2", "'=1"]


@pytest.mark.parametrize(("text", "expected"), [*((t, True) for t in FORMULAS), *((t, False) for t in TEXTS)])
def test_what_a_spreadsheet_takes_for_a_formula(text: str, expected: bool) -> None:
    assert is_formula(text) is expected


def tally() -> Tally:
    """Five questions asked that took 1 to 5 s, the third of which failed, one kept, and one left."""
    counted = Tally()
    for n in range(1, 6):
        result = Result(
            "error" if n == 3 else "answered",
            reason="gone" if n == 3 else "",
            latency_ms=1000 * n,
            prompt_tokens=100,
            completion_tokens=n,
        )
        counted.add(f"row {n + 1}", "new", result, asked=True)
    counted.add("row 7", "kept", Result("abstained", latency_ms=90_000), asked=False)
    counted.add("row 8", "left", None, asked=False)
    return counted


def test_a_summary_counts_what_was_asked_in_this_run() -> None:
    summary = tally().summary(damaged=0)
    assert summary.statuses == {"answered": 4, "error": 1, "abstained": 1}
    assert summary.choices == {"new": 5, "kept": 1, "left": 1}
    assert (summary.asked, summary.prompt_tokens, summary.completion_tokens) == (5, 500, 1 + 2 + 3 + 4 + 5)
    # Between the fourth and the fifth of five, at .95 x (5 - 1) = 3.8.
    assert summary.p50_ms == 3000
    assert summary.p95_ms == pytest.approx(4800)
    assert [told.place for told in summary.slowest] == ["row 6", "row 5", "row 4"]
    assert summary.failures == (Told("row 4", "gone", 3000),)


def test_nothing_asked_has_no_percentiles_and_one_its_own() -> None:
    counted = Tally()
    assert (counted.summary(0).p50_ms, counted.summary(0).p95_ms) == (0, 0)
    counted.add("row 2", "new", Result("answered", latency_ms=70), asked=True)
    assert (counted.summary(0).p50_ms, counted.summary(0).p95_ms) == (70, 70)


def test_a_summary_is_told_in_lines() -> None:
    head, *rest = describe(tally().summary(damaged=2), "out.csv")
    assert head == "out.csv: 1 abstained, 4 answered, 1 error, in 0 s"
    assert rest == [
        "5 asked, 1 taken from the journal, 1 left for another run",
        "a question took 3.0 s (median), 4.8 s (95th percentile), slowest row 6 5.0 s, row 5 4.0 s, "
        "row 4 3.0 s; 500 tokens read, 15 written",
        "of status error: row 4: gone; the same command asks them again",
        "2 damaged lines of the journal were passed over, their questions asked again",
    ]


@pytest.mark.parametrize(
    ("faulty", "failed", "step"),
    [
        (0, 2, "the same command asks them again"),
        (2, 0, "put them right where the questions are"),
        (1, 2, "put 1 right where the questions are, the same command asks the others again"),
    ],
)
def test_only_what_may_yet_be_answered_is_said_to_be_asked_again(faulty: int, failed: int, step: str) -> None:
    counted = Tally()
    for n in range(faulty):
        counted.add(f"row {n}", "faulty", Result("error", reason="broken"), asked=False)
    for n in range(failed):
        counted.add(f"row {faulty + n}", "new", Result("error", reason="gone"), asked=True)
    assert list(describe(counted.summary(0), "out.csv"))[-1].endswith(f"; {step}")


def test_of_many_failures_three_are_told() -> None:
    counted = Tally()
    for n in range(5):
        counted.add(f"row {n}", "new", Result("error", reason="gone"), asked=True)
    told = (
        "of status error: row 0: gone; row 1: gone; row 2: gone and 2 more; the same command asks them again"
    )
    assert list(describe(counted.summary(0), "out.csv"))[-1] == told


def test_a_forecast_is_told_in_lines() -> None:
    forecast = Forecast({"changed": 5000, "duplicate": 3, "new": 1}, 5001, ("papers 5 -> 4",), 9900.0, 5000)
    assert list(describe_forecast(forecast, "out.csv")) == [
        "out.csv: 5001 to ask (1 new, 5000 answered under other conditions)",
        "not to ask: 3 asked before in the same run",
        "changed since the last run: papers 5 -> 4",
        "that takes about 2 h 45 min, as long a question as the 5000 answers in the journal took",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.4, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5_940, "99 min"),
        (6_000, "1 h 40 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_durations_are_told_as_one_would(seconds: float, told: str) -> None:
    assert duration(seconds) == told
