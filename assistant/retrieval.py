"""Hybrid retrieval: dense and lexical candidates, their scores fused, passages collapsed to papers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from assistant.arrays import Mask, Rows, Vectors
from assistant.embedding import Embedder
from assistant.index import Index
from assistant.records import Filters, ScoredPaper, ScoredPassage
from assistant.terms import terms

Scores = NDArray[np.floating]
Fusion = Callable[[Scores, Scores], Scores]

CANDIDATES = 100  # passages taken from each side before fusion, at least
_CANDIDATES_PER_PAPER = 4  # a paper asked for is rarely found by more of its passages
_RANK_CONSTANT = 60  # of reciprocal rank fusion, as in its paper


def retrieve(
    query: str, index: Index, embedder: Embedder, *, k: int, filters: Filters, fusion: Fusion
) -> list[ScoredPaper]:
    """The `k` best papers for `query` among those that pass `filters`, best first.

    Candidates are the nearest passages by cosine and the best by BM25; both scores are known for every
    candidate before they are fused. A paper scores as its best passage. Fewer than `k` papers come back
    only where fewer pass.
    """
    allowed = index.allowed(filters)
    vector = embedder.encode([query])[0]
    all_lexical = index.lexical.scores(terms(query))
    if allowed is not None:
        all_lexical = np.where(allowed, all_lexical, 0)
    rows = _candidates(index, vector, all_lexical, allowed, k)
    if not len(rows):
        return []
    dense = index.vectors.vectors(rows) @ vector
    lexical = all_lexical[rows]
    fused = fusion(dense, lexical)

    by_paper: dict[int, list[int]] = {}
    for i in np.lexsort((rows, -fused)):  # equal scores in the order of the index, so that runs repeat
        by_paper.setdefault(int(index.paper_rows[rows[i]]), []).append(int(i))

    def scored(position: int, found: list[int]) -> ScoredPaper:
        passages = tuple(
            ScoredPassage(index.passages[rows[i]], float(fused[i]), float(dense[i]), float(lexical[i]))
            for i in found
        )
        return ScoredPaper(index.papers[position], passages[0].score, passages)

    return [scored(position, found) for position, found in islice(by_paper.items(), k)]


def _candidates(index: Index, vector: Vectors, lexical: Vectors, allowed: Mask | None, k: int) -> Rows:
    """The nearest rows and the best by BM25, as many as it takes to have `k` papers, or all there are."""
    count = max(CANDIDATES, _CANDIDATES_PER_PAPER * k)
    while True:
        nearest, _ = index.vectors.search(vector, count, allowed)
        rows = np.union1d(nearest, _best(lexical, count))
        if len(nearest) < count or len(np.unique(index.paper_rows[rows])) >= k:
            return rows
        count *= 2


def _best(scores: Vectors, count: int) -> Rows:
    """The `count` rows of the highest scores above 0, of equal ones the first in the order of the index."""
    rows = np.flatnonzero(scores > 0)
    if len(rows) <= count:
        return rows
    lowest = np.partition(scores[rows], -count)[-count]
    above = rows[scores[rows] > lowest]
    return np.concatenate([above, rows[scores[rows] == lowest][: count - len(above)]])


def zscore_sum(dense: Scores, lexical: Scores) -> Scores:
    """Sum of the two scores' z-scores over the candidates; a side without spread says nothing."""
    return _zscores(dense) + _zscores(lexical)


def reciprocal_rank(dense: Scores, lexical: Scores) -> Scores:
    """Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): sum of 1 / (60 + rank)."""
    return 1 / (_RANK_CONSTANT + _ranks(dense)) + 1 / (_RANK_CONSTANT + _ranks(lexical))


def dense_alone(dense: Scores, lexical: Scores) -> Scores:
    """The cosines; what lexical search adds is measured against this."""
    return dense


def lexical_alone(dense: Scores, lexical: Scores) -> Scores:
    """The BM25 scores; what embedding adds is measured against this."""
    return lexical


FUSIONS: dict[str, Fusion] = {
    "bm25": lexical_alone,
    "dense": dense_alone,
    "zscore": zscore_sum,
    "reciprocal_rank": reciprocal_rank,
}


def _zscores(scores: Scores) -> Scores:
    scores = scores.astype(np.float64)  # in float32 even equal scores have a spread, of rounding
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)


def _ranks(scores: Scores) -> Scores:
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
