"""Whether a system is silent where the papers do not say, and only there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.headline import Estimate, abstained, by_type, estimate, mean, right
from eval.records import QuestionScore


@dataclass(frozen=True, slots=True)
class Abstention:
    """Whether the system is silent where it should be, and only there."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    over_abstention: Estimate
    answered_wrong: Estimate
    balanced_accuracy: Estimate
    utility_1: Estimate
    utility_4: Estimate
    recall_by_type: Mapping[str, Estimate]


def utility(score: QuestionScore, wrong_costs: float) -> float:
    """Return what a question contributes to Φ = (right + right abstentions - λ · wrong) / N.

    Source: evaluation by selective utility as in Whitehead et al., Reliable visual question answering,
    ECCV 2022 (effective reliability). A bare abstention on a false premise earns its half.
    """
    if score.answerable:
        return 0.0 if abstained(score) else 1.0 if right(score) else -wrong_costs
    return score.trusted or -wrong_costs


def abstention(scores: Sequence[QuestionScore]) -> Abstention:
    """Return how well the system abstains.

    A false premise that was put right counts as declined: an answer that names the fault is what is asked
    for there. F1 = 2 |abst ∩ U| / (|abst| + |U|) is a ratio of sums, hence a weighted mean.
    """
    unanswerable = [score for score in scores if not score.answerable]
    answerable = [score for score in scores if score.answerable]
    declined = [score for score in scores if (abstained(score) if score.answerable else right(score))]
    weights = {score.id: 0.0 for score in scores}
    for score in (*declined, *unanswerable):
        weights[score.id] += 1
    weighed = [score for score in scores if weights[score.id]]
    return Abstention(
        precision=mean(declined, lambda score: float(not score.answerable)),
        recall=mean(unanswerable, right),
        f1=estimate(
            [float(weights[score.id] == 2) for score in weighed],
            [score.cluster for score in weighed],
            weights=[weights[score.id] for score in weighed],
        ),
        over_abstention=mean(answerable, abstained),
        answered_wrong=mean(scores, lambda score: float(utility(score, 1.0) < 0)),
        balanced_accuracy=estimate(
            [right(score) if not score.answerable else 1 - abstained(score) for score in scores],
            [score.cluster for score in scores],
            strata=["answerable" if score.answerable else "unanswerable" for score in scores],
        ),
        utility_1=mean(scores, lambda score: utility(score, 1.0)),
        utility_4=mean(scores, lambda score: utility(score, 4.0)),
        recall_by_type={name: mean(group, right) for name, group in by_type(unanswerable).items()},
    )
