from __future__ import annotations

from dataclasses import replace

import pytest

from eval.comparison import ComparisonError, compare, text
from eval.records import QuestionScore


def scored(right: str, n: int = 20, *, f1: float = 1.0) -> list[QuestionScore]:
    """Questions q00, q01, ..., of which those whose numbers are listed are right."""
    numbers = {int(number) for number in right.split()}
    return [
        QuestionScore(
            f"q{i:02}",
            f"p{i:02}",
            "numeric",
            True,
            trusted=float(i in numbers),
            failure=None if i in numbers else "wrong",
            metrics={"correct": float(i in numbers), "abstained": 0.0, "citation_f1": f1, "R@1": i % 2},
        )
        for i in range(n)
    ]


BEFORE = scored("0 1 2 3 4 5 6 7 8 9")
AFTER = scored("0 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16")  # loses 9, gains seven


def test_the_headline_in_two_runs() -> None:
    comparison = compare(BEFORE, AFTER)
    trusted = comparison.primary[0]
    assert (comparison.n, comparison.clusters) == (20, 20)
    assert (trusted.name, trusted.n, trusted.first, trusted.second) == ("trusted", 20, 0.5, 0.8)
    assert trusted.delta == pytest.approx(0.3)
    assert trusted.interval is not None
    assert trusted.interval.low < 0.3 < trusted.interval.high
    # Eight clusters differ, 7 to 1: of 256 sign patterns 18 are as far out, as in McNemar's test.
    assert (trusted.lost, trusted.gained) == (1, 7)
    assert trusted.mcnemar == pytest.approx(18 / 256)
    assert trusted.p == pytest.approx(18 / 256, abs=0.01)


def test_p_is_corrected_for_the_declared_metrics_that_apply() -> None:
    primary = {found.name: found for found in compare(BEFORE, AFTER).primary}
    # There are no near-misses, so four metrics remain; citation F1 and over-abstention do not differ.
    assert set(primary) == {"trusted", "answerable_right", "citation_f1", "over_abstention"}
    assert primary["trusted"].p_holm == pytest.approx(4 * primary["trusted"].p)
    assert primary["citation_f1"].p == primary["citation_f1"].p_holm == 1


def test_the_other_metrics_are_diagnostics() -> None:
    others = {found.name: found for found in compare(BEFORE, AFTER).others}
    assert set(others) == {"R@1", "abstained", "correct"}
    assert all(found.p_holm is None for found in others.values())


def test_a_graded_metric_has_no_mcnemar() -> None:
    found = {d.name: d for d in compare(BEFORE, scored("0", f1=0.75)).primary}["citation_f1"]
    assert (found.delta, found.lost, found.mcnemar) == (-0.25, None, None)


def test_every_question_that_flipped() -> None:
    comparison = compare(BEFORE, AFTER)
    assert [flip.id for flip in comparison.lost] == ["q09"]
    assert [flip.id for flip in comparison.gained] == [f"q{i}" for i in range(10, 17)]
    lost = comparison.lost[0]
    assert (lost.first, lost.second, lost.first_failure, lost.second_failure) == (1, 0, None, "wrong")


def test_a_run_against_itself() -> None:
    comparison = compare(BEFORE, BEFORE, margin=0.05)
    assert comparison.gained == comparison.lost == ()
    assert {found.p for found in comparison.primary} == {1.0}
    # With 20 clusters, up to 16.1 % could differ unseen: no proof of non-inferiority at 5 points.
    found = comparison.primary[0].interval
    assert found is not None
    assert found.high == -found.low == pytest.approx(0.161, abs=5e-4)
    assert comparison.primary[0].non_inferior is False
    assert compare(BEFORE, BEFORE, margin=0.2).primary[0].non_inferior is True


def abstaining(often: str) -> list[QuestionScore]:
    numbers = {int(number) for number in often.split()}
    return [
        replace(score, metrics={**score.metrics, "abstained": float(i in numbers)})
        for i, score in enumerate(BEFORE)
    ]


@pytest.mark.parametrize(
    ("first", "second", "verdict"), [("", "0 1 2 3 4 5 6 7 8 9", False), ("0 1 2 3 4 5 6 7 8 9", "", True)]
)
def test_more_abstention_is_inferior(first: str, second: str, verdict: bool) -> None:
    comparison = compare(abstaining(first), abstaining(second), margin=0.05)
    assert {found.name: found.non_inferior for found in comparison.primary}["over_abstention"] is verdict


def test_without_a_margin_nothing_is_said_of_inferiority() -> None:
    assert {found.non_inferior for found in compare(BEFORE, AFTER).primary} == {None}
    assert "within" not in text(compare(BEFORE, AFTER))


def test_controls_are_not_compared() -> None:
    control = replace(BEFORE[0], id="q00-standalone")
    assert compare([*BEFORE, control], AFTER).n == 20


def test_different_questions_are_named() -> None:
    with pytest.raises(ComparisonError) as error:
        compare(scored("", 20), scored("", 12))
    assert str(error.value) == (
        "the runs asked different questions: q12, q13, q14, q15, q16 and 3 more only in the first, none only "
        "in the second; run both on the same gold and split"
    )


def test_runs_without_scores_are_refused() -> None:
    with pytest.raises(ComparisonError, match="neither run has a scored question"):
        compare([], [])


def test_text() -> None:
    shown = text(compare(BEFORE, AFTER, margin=0.05), ("base", "large"))
    lines = shown.splitlines()
    assert lines[0] == "large against base: 20 questions in 20 clusters"
    row = next(line for line in lines if "Trusted-Answer Rate" in line)
    assert row.split()[2:6] == ["20", "0.500", "0.800", "+0.300"]
    assert "1 / 7" in row
    assert "within 0.05" in shown
    assert "Lost: 1" in shown
    assert next(line for line in lines if "q09" in line).split() == [
        "q09",
        "numeric",
        "Trusted",
        "Wrong",
        "answer",
    ]
