"""Whether the papers that answer were found, how high, and whether their evidence reached the model.

Passages are collapsed to papers by their best score; ties are broken by id. Gold papers have relevance 2,
acceptable ones 1; R, RR and Success count gold alone.
"""

from __future__ import annotations

from ir_measures import RR, R, Success, calc_aggregate, nDCG

from eval.normalise import norm, sentences
from eval.records import GoldItem, SystemAnswer

CUTOFFS = (1, 3, 5, 10)
_ALL_GOLD_CUTOFF = 5
_GOLD, _ACCEPTABLE = 2, 1
_MEASURES = {
    **{f"R@{k}": R(rel=_GOLD) @ k for k in CUTOFFS},
    "Success@5": Success(rel=_GOLD) @ 5,
    "RR@10": RR(rel=_GOLD) @ 10,
    "nDCG@10": nDCG @ 10,
}


def ranking(answer: SystemAnswer) -> tuple[str, ...]:
    """The retrieved papers, best first: each by its best score, ties by id."""
    best: dict[str, float] = {}
    for paper_id, score in answer.retrieved:
        best[paper_id] = max(score, best.get(paper_id, score))
    return tuple(sorted(best, key=lambda paper_id: (-best[paper_id], paper_id)))


def ranking_measures(item: GoldItem, answer: SystemAnswer) -> dict[str, float]:
    """R@k, Success@5, RR@10 and nDCG@10 by trec_eval (linear gain; Järvelin and Kekäläinen 2002).

    Of each group of alternatives the best ranked one counts as the group's paper, and the others leave
    the ranking: finding a second alternative neither helps nor harms.
    """
    ranked = ranking(answer)
    chosen = {_best(group, ranked) for group in item.gold_papers}
    others = {paper_id for group in item.gold_papers for paper_id in group} - chosen
    qrels = dict.fromkeys(item.acceptable_papers, _ACCEPTABLE) | dict.fromkeys(chosen, _GOLD)
    kept = [paper_id for paper_id in ranked if paper_id not in others]
    run = {paper_id: float(-rank) for rank, paper_id in enumerate(kept)}
    values = calc_aggregate(_MEASURES.values(), {"q": qrels}, {"q": run})
    return {name: float(values[measure]) for name, measure in _MEASURES.items()}


def all_gold(item: GoldItem, answer: SystemAnswer, cutoff: int = _ALL_GOLD_CUTOFF) -> float:
    """AllGold@k: 1 where the first k papers, or as many as there are groups, satisfy every group."""
    top = set(ranking(answer)[: max(cutoff, len(item.gold_papers))])
    return float(all(top & set(group) for group in item.gold_papers))


def retrieved(item: GoldItem, answer: SystemAnswer) -> bool:
    """Whether every group of gold papers has a paper anywhere among those retrieved."""
    found = set(ranking(answer))
    return all(found & set(group) for group in item.gold_papers)


def evidence_in_context(item: GoldItem, answer: SystemAnswer) -> float:
    """Share of the gold evidence's sentences that are in the text handed to the model."""
    context = {paper_id: norm(text) for paper_id, text in answer.context_text.items()}
    found = [
        sentence in context.get(evidence.paper_id, "")
        for evidence in item.evidence
        for sentence in sentences(evidence.quote)
    ]
    return sum(found) / len(found)


def _best(group: tuple[str, ...], ranked: tuple[str, ...]) -> str:
    return next((paper_id for paper_id in ranked if paper_id in group), group[0])
