"""Whether a system's confidence tells its right answers from its wrong ones, and by how much.

Every question of the file takes part, by the draft that was made before the decision to abstain; an
unanswerable question's draft is an error. Answers of one confidence can't be told apart and enter as one
block, so that a constant confidence earns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_auc_score

from eval.statistics import SEED, Floats, Interval, wilson

BINS = 10
TARGET_RISK = 0.10
_SIMULATIONS = 1_000

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Operating:
    """What is answered and what of it is wrong, if all answers below a confidence are withheld."""

    confidence: float
    coverage: float
    risk: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers of one range of confidence: how sure the system was and how often it was right."""

    n: int
    confidence: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """The figures about confidence; those that need both right and wrong answers are None without them."""

    n: int
    accuracy: float
    aurc: float
    e_aurc: float
    augrc: float
    coverage_at_risk: float
    auroc: float | None
    brier: float
    brier_skill: float | None
    ece: float
    ece_floor: float
    curve: tuple[Operating, ...]
    reliability: tuple[ReliabilityBin, ...]


def risk_coverage(confidences: Sequence[float], correct: Sequence[bool]) -> tuple[Operating, ...]:
    """Return the risk-coverage curve, one point for each different confidence, surest first.

    Source: El-Yaniv and Wiener, On the foundations of noise-free selective classification, JMLR 11, 2010.
    """
    levels, block = np.unique(-np.asarray(confidences, dtype=float), return_inverse=True)
    answered = np.cumsum(np.bincount(block))
    wrong = np.cumsum(np.bincount(block, weights=~np.asarray(correct, dtype=bool)))
    return tuple(
        Operating(float(-level), float(n / len(block)), float(w / n))
        for level, n, w in zip(levels, answered, wrong, strict=True)
    )


def aurc(curve: Sequence[Operating]) -> float:
    """Return the area under the risk-coverage curve, (1/N) Σ err(top i) / i.

    Source: Geifman, Uziel and El-Yaniv, Bias-reduced uncertainty estimation for deep neural classifiers,
    ICLR 2019.
    """
    steps = np.diff([0.0, *(point.coverage for point in curve)])
    return float(steps @ [point.risk for point in curve])


def e_aurc(area: float, error: float) -> float:
    """Return the excess of an AURC over that of a perfect ranking with the same error rate.

    Source: Geifman, Uziel and El-Yaniv, ICLR 2019: AURC* = e + (1 - e) ln(1 - e).
    """
    right = 1 - error
    return area - (error + (right * float(np.log(right)) if right else 0.0))


def augrc(curve: Sequence[Operating]) -> float:
    """Return the area under the generalised risk, err(top i) / N, over coverage.

    Source: Traub et al., Overcoming common flaws in the evaluation of selective classification systems,
    NeurIPS 2024. Within a block of one confidence the risk rises evenly, so that
    AUGRC = (1 - AUROC) · acc · (1 - acc) + ½ (1 - acc)².
    """
    coverage = [0.0, *(point.coverage for point in curve)]
    generalised = [0.0, *(point.coverage * point.risk for point in curve)]
    return float(np.trapezoid(generalised, coverage))


def coverage_at_risk(curve: Sequence[Operating], risk: float = TARGET_RISK) -> float:
    """Return the largest share of questions that can be answered with no more than this share wrong.

    Source: Geifman and El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017.
    """
    return max((point.coverage for point in curve if point.risk <= risk), default=0.0)


def auroc(confidences: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Return the chance that a right answer has a higher confidence than a wrong one; a tie counts half.

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982.
    """
    if len(set(correct)) < 2:
        return None
    return float(roc_auc_score(correct, confidences))


def brier(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """Return the mean squared distance of confidence from outcome.

    Source: Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78,
    1950.
    """
    return float(brier_score_loss(correct, confidences, pos_label=True))


def brier_skill(score: float, accuracy: float) -> float | None:
    """Return by how much a Brier score betters that of always giving the run's accuracy as confidence.

    Source: Murphy, A new vector partition of the probability score, Journal of Applied Meteorology 12, 1973.
    """
    reference = accuracy * (1 - accuracy)
    return 1 - score / reference if reference else None


def _bins(confidences: Sequence[float]) -> Integers:
    """The bin of each answer: ten of equal mass, except that equal confidences stay together."""
    ranks: Floats = stats.rankdata(confidences, method="average")
    return np.floor(BINS * (ranks - 0.5) / len(ranks)).astype(int)


def _ece(confidences: Floats, correct: Floats, bins: Integers) -> float:
    return float(np.abs(np.bincount(bins, correct - confidences)).sum() / len(bins))


def ece(confidences: Sequence[float], correct: Sequence[bool]) -> float:
    """Return the expected calibration error, Σ (n_b / N) |accuracy_b - confidence_b|, equal-mass bins.

    Source: Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning,
    AAAI 2015; equal mass as in Nguyen and O'Connor, EMNLP 2015.
    """
    return _ece(np.asarray(confidences, float), np.asarray(correct, float), _bins(confidences))


def ece_floor(confidences: Sequence[float]) -> float:
    """Return the ECE that a perfectly calibrated system with these confidences reads on average.

    With few answers in a bin its accuracy is off by chance, and ECE counts that as miscalibration. Found by
    drawing each answer right with its own confidence as the chance, a thousand times.
    """
    sure, bins = np.asarray(confidences, float), _bins(confidences)
    draws = np.random.default_rng(SEED).random((_SIMULATIONS, len(sure))) < sure
    return float(np.mean([_ece(sure, draw.astype(float), bins) for draw in draws]))


def reliability(confidences: Sequence[float], correct: Sequence[bool]) -> tuple[ReliabilityBin, ...]:
    """Return the mean confidence beside the share that was right, for each bin, least sure first.

    Source: Murphy and Winkler, Reliability of subjective probability forecasts, Applied Statistics 26, 1977.
    """
    sure, right, bins = np.asarray(confidences, float), np.asarray(correct, bool), _bins(confidences)
    members = (np.flatnonzero(bins == b) for b in np.unique(bins))
    return tuple(
        ReliabilityBin(
            n=len(inside),
            confidence=float(sure[inside].mean()),
            accuracy=float(right[inside].mean()),
            interval=wilson(int(right[inside].sum()), len(inside)),
        )
        for inside in members
    )


def calibrate(confidences: Sequence[float], correct: Sequence[bool]) -> Calibration:
    """Return every figure about confidence."""
    curve = risk_coverage(confidences, correct)
    accuracy = float(np.mean(correct))
    area, score = aurc(curve), brier(confidences, correct)
    return Calibration(
        n=len(correct),
        accuracy=accuracy,
        aurc=area,
        e_aurc=e_aurc(area, 1 - accuracy),
        augrc=augrc(curve),
        coverage_at_risk=coverage_at_risk(curve),
        auroc=auroc(confidences, correct),
        brier=score,
        brier_skill=brier_skill(score, accuracy),
        ece=ece(confidences, correct),
        ece_floor=ece_floor(confidences),
        curve=curve,
        reliability=reliability(confidences, correct),
    )
