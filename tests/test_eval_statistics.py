from __future__ import annotations

import itertools

import numpy as np
import pytest

from eval.statistics import (
    Interval,
    cluster_bootstrap,
    holm,
    mcnemar_exact,
    non_inferiority,
    paired_randomisation,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(160, 200, 0.739, 0.850), (24, 30, 0.627, 0.905), (0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0)],
)
def test_wilson(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson(successes, trials)
    assert interval.low == pytest.approx(low, abs=5e-4)
    assert interval.high == pytest.approx(high, abs=5e-4)


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    # Twice the lower tail of Binomial(n, ½): 6-0 is 2/64, 7-1 is 2 (1 + 8) / 256.
    [(6, 0, 0.03125), (0, 5, 0.0625), (7, 1, 18 / 256), (12, 4, 0.0768), (3, 3, 1.0), (0, 0, 1.0)],
)
def test_mcnemar(lost: int, gained: int, p: float) -> None:
    assert mcnemar_exact(lost, gained) == pytest.approx(p, abs=5e-5)
    assert mcnemar_exact(gained, lost) == mcnemar_exact(lost, gained)


def test_bootstrap_of_two_clusters_finds_the_three_means_there_are() -> None:
    # Drawing two of two clusters gives means 0, ½ and 1 with chances ¼, ½, ¼: the 2.5 % ends are 0 and 1.
    assert cluster_bootstrap([0, 1], ["a", "b"]) == Interval(0.0, 1.0)


def test_bootstrap_weighs_clusters_by_their_questions() -> None:
    # Cluster a holds three questions at 1, b one at 0: the means are 1 (a, a), ¾ (a, b) and 0 (b, b).
    assert cluster_bootstrap([1, 1, 1, 0], ["a", "a", "a", "b"]) == Interval(0.0, 1.0)


def test_bootstrap_agrees_with_the_normal_approximation_where_each_question_is_a_cluster() -> None:
    # 160 of 200: 0.8 ± 1.96 √(0.8 · 0.2 / 200) = 0.8 ± 0.0554.
    interval = cluster_bootstrap([1] * 160 + [0] * 40, [str(i) for i in range(200)])
    assert interval.low == pytest.approx(0.745, abs=0.006)
    assert interval.high == pytest.approx(0.855, abs=0.006)


def test_clustered_answers_make_a_wider_interval() -> None:
    values = [1] * 160 + [0] * 40
    # Ten questions a cluster that are all right or all wrong: 20 clusters, so √10 times as wide.
    wide = cluster_bootstrap(values, [str(i // 10) for i in range(200)])
    narrow = cluster_bootstrap(values, [str(i) for i in range(200)])
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(10**0.5, rel=0.1)


def test_bootstrap_of_a_macro_average_weighs_strata_alike() -> None:
    # Stratum x is always 1 and y always 0, whatever is drawn, so the macro mean is ½ in each resample that
    # has both; of forty clusters none of the resamples lacks one.
    interval = cluster_bootstrap(
        [1] * 30 + [0] * 10, [str(i) for i in range(40)], strata=["x"] * 30 + ["y"] * 10
    )
    assert interval == Interval(0.5, 0.5)


def test_bootstrap_of_a_ratio() -> None:
    # Weighted mean (2 · 1 + 1 · 0) / 3 within each cluster, the same in both: no spread.
    values, weights, clusters = [1, 0, 1, 0], [2, 1, 2, 1], ["a", "a", "b", "b"]
    interval = cluster_bootstrap(values, clusters, weights=weights)
    assert interval.low == pytest.approx(2 / 3)
    assert interval.high == pytest.approx(2 / 3)


def test_bootstrap_repeats_itself() -> None:
    values, clusters = [0.1, 0.9, 0.4, 0.7], ["a", "b", "c", "d"]
    assert cluster_bootstrap(values, clusters) == cluster_bootstrap(values, clusters)


@pytest.mark.parametrize(
    ("differences", "clusters", "p"),
    [
        ([1, 1, 1, 1, 1, 1], "abcdef", 2 / 64),  # only all pluses and all minuses are as far out
        ([1, 1, 1, 1, 1], "abcde", 2 / 32),
        ([1, 1, 1, 1, 1, 1], "aabbcc", 2 / 8),  # six questions, but three clusters: eight sign patterns
        ([1, -1, 1, -1], "aabb", 1.0),  # differences within a cluster cancel
        ([0, 0], "ab", 1.0),
        ([1, 1], "aa", 1.0),  # one cluster shows nothing
    ],
)
def test_randomisation_flips_clusters(differences: list[float], clusters: str, p: float) -> None:
    assert paired_randomisation(differences, list(clusters)) == pytest.approx(p)


def test_randomisation_agrees_with_counting_every_sign_pattern() -> None:
    differences = [0.5, -0.2, 0.3, 0.9, -0.1, 0.4]
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=6)]
    exact = sum(total >= abs(sum(differences)) - 1e-9 for total in sums) / len(sums)
    assert paired_randomisation(differences, list("abcdef")) == pytest.approx(exact)


def test_random_sign_patterns_never_give_p_of_zero() -> None:
    # Thirty clusters have too many patterns to try: none of 10,000 is as far out, p = (0 + 1) / 10,001,
    # and twice that for the two sides.
    p = paired_randomisation([1] * 30, [str(i) for i in range(30)])
    assert p == pytest.approx(2 / 10_001)


def test_holm() -> None:
    # Sorted: 0.01·4, 0.02·3, 0.03·2, 0.04·1 = 0.04, 0.06, 0.06, then 0.04 raised to the 0.06 before it.
    corrected = holm({"d": 0.04, "a": 0.01, "c": 0.03, "b": 0.02})
    assert corrected == pytest.approx({"d": 0.06, "a": 0.04, "c": 0.06, "b": 0.06})
    assert list(corrected) == ["d", "a", "c", "b"]
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize(("low", "verdict"), [(-0.019, True), (-0.02, False), (0.01, True), (-0.05, False)])
def test_non_inferiority_needs_the_lower_end_above_the_margin(low: float, verdict: bool) -> None:
    assert non_inferiority(Interval(low, 0.1), margin=0.02) is verdict
