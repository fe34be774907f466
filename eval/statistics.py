"""How sure a measured figure is, and whether two systems differ: intervals and paired tests.

Questions about one paper, and paraphrases of one question, are not independent. They form a cluster, and
everything here that can resample or flip does so by cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 20_261_123

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """The two ends of a 95 % confidence interval."""

    low: float
    high: float


def cluster_bootstrap(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    strata: Sequence[str] | None = None,
) -> Interval:
    """Return the percentile bootstrap interval of a mean, resampling whole clusters.

    With `strata` it is the mean of the strata's means (a macro average); with `weights` each mean is a
    weighted one, so that a ratio of sums such as F1 can be had. A stratum of which a resample drew nothing
    is left out of that resample.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; clusters as in Field
    and Welsh, Bootstrapping clustered data, JRSS B 69, 2007 (the cluster bootstrap).
    """
    ids, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    drawn = np.random.default_rng(SEED).integers(len(ids), size=(RESAMPLES, len(ids)))
    value = np.asarray(values, dtype=float)
    weight = np.ones_like(value) if weights is None else np.asarray(weights, dtype=float)
    stratum = np.asarray(strata if strata is not None else [""] * len(value))
    total, strata_drawn = np.zeros(RESAMPLES), np.zeros(RESAMPLES)
    for name in np.unique(stratum):
        inside = weight * (stratum == name)
        above = np.bincount(cluster, inside * value, len(ids))[drawn].sum(axis=1)
        below = np.bincount(cluster, inside, len(ids))[drawn].sum(axis=1)
        total += np.divide(above, below, out=np.zeros(RESAMPLES), where=below > 0)
        strata_drawn += below > 0
    means = total[strata_drawn > 0] / strata_drawn[strata_drawn > 0]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, (tail, 100 - tail))
    return Interval(float(low), float(high))


def median_ratio(above: Sequence[float], below: Sequence[float], clusters: Sequence[str]) -> Interval:
    """Return the percentile bootstrap interval of median(above) / median(below), resampling whole clusters.

    The two are measured on the same questions, so that a resample draws of both the same.

    Source: as of `cluster_bootstrap`.
    """
    ids, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    members = [np.flatnonzero(cluster == n) for n in range(len(ids))]
    one, other = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    drawn = np.random.default_rng(SEED).integers(len(ids), size=(RESAMPLES, len(ids)))
    ratios = [
        np.median(one[rows]) / np.median(other[rows])
        for rows in (np.concatenate([members[n] for n in some]) for some in drawn)
    ]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(ratios, (tail, 100 - tail))
    return Interval(float(low), float(high))


def wilson(successes: int, trials: int) -> Interval:
    """Return Wilson's score interval of a rate, which holds at 0 and at 100 % too.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    ends = stats.binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(ends.low), float(ends.high))


def paired_randomisation(differences: Sequence[float], clusters: Sequence[str]) -> float:
    """Return the two-sided p that two systems differ in the mean, by flipping the signs of whole clusters.

    A cluster's difference is the sum over its questions, so that the statistic is the difference of the
    means over questions. All 2^C sign patterns are tried where there are no more than 10,000 of them;
    otherwise each side has (b + 1) / (B + 1) over B = 10,000 random ones, and p is twice the smaller.

    Source: Smucker, Allan and Carterette, A comparison of statistical significance tests for information
    retrieval evaluation, CIKM 2007.
    """
    ids, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    by_cluster = np.bincount(cluster, np.asarray(differences, dtype=float), len(ids))
    if len(ids) < 2 or not by_cluster.any():
        return 1.0  # whatever the sign of a lone cluster, it is as far out
    test = stats.permutation_test(
        (by_cluster,),
        np.sum,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(SEED),
    )
    return float(test.pvalue)


def mcnemar_exact(lost: int, gained: int) -> float:
    """Return the exact two-sided p of McNemar's test from the questions that only one system got right.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions,
    Psychometrika 12, 1947; the exact form is a binomial test of the discordant pairs.
    """
    discordant = lost + gained
    return float(stats.binomtest(lost, discordant).pvalue) if discordant else 1.0


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p values corrected for how many there are, by Holm's step-down procedure.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6, 1979.
    """
    corrected: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = highest
    return {name: corrected[name] for name in p_values}


def non_inferiority(difference: Interval, margin: float) -> bool:
    """Return whether a system is worse by less than the margin: its difference's lower end is above -margin.

    Source: Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 308, 2012.
    """
    return difference.low > -margin
