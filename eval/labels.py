"""Yes/no questions as a classification, beside what always giving the commoner label would score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from sklearn.metrics import f1_score

from eval.measures.correctness import label
from eval.records import FinalAnswer, GoldItem, SystemAnswer

_UNDECIDED = "none"


@dataclass(frozen=True, slots=True)
class Labels:
    """Accuracy and macro-F1 over the labels of `n` yes/no questions, and the majority's accuracy."""

    n: int
    accuracy: float
    macro_f1: float
    majority: float


def labels(items: Iterable[GoldItem], answers: Mapping[str, SystemAnswer]) -> Labels:
    """Return how well labels are told apart; no label, an abstention or an error is a wrong one.

    Source: accuracy and macro-F1 as in Jin et al., PubMedQA, EMNLP 2019.
    """
    pairs = [
        (item.gold.label, _given(answers.get(item.id))) for item in items if item.gold and item.gold.label
    ]
    if not pairs:
        return Labels(0, 0.0, 0.0, 0.0)
    gold, given = [one for one, _ in pairs], [other for _, other in pairs]
    return Labels(
        n=len(gold),
        accuracy=fmean(one == other for one, other in pairs),
        macro_f1=float(f1_score(gold, given, labels=sorted(set(gold)), average="macro", zero_division=0)),
        majority=Counter(gold).most_common(1)[0][1] / len(gold),
    )


def _given(answer: SystemAnswer | None) -> str:
    if answer is None or answer.status not in {"answered", "partial"}:
        return _UNDECIDED
    return label(answer.final or FinalAnswer(""), answer.text) or _UNDECIDED
