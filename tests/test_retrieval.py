from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from assistant import retrieval
from assistant.arrays import Vectors
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Filters, Paper, ScoredPaper
from assistant.retrieval import FUSIONS, Scores, reciprocal_rank, retrieve, zscore_sum
from assistant.settings import Settings
from assistant.testing import HashingEmbedder

NO_FILTERS = Filters()


def array(*values: float) -> Scores:
    return np.array(values, dtype=np.float32)


def test_zscore_sum_by_hand() -> None:
    # 1 2 3: mean 2, standard deviation √(2/3) = 0.816497, so -1.224745, 0, 1.224745
    # 0 0 6: mean 2, standard deviation √(24/3) = 2.828427, so -0.707107, -0.707107, 1.414214
    fused = zscore_sum(array(1, 2, 3), array(0, 0, 6))
    np.testing.assert_allclose(fused, [-1.931852, -0.707107, 2.638958], rtol=1e-5)


@pytest.mark.parametrize("value", [0, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("count", [1, 3, 7, 100])
def test_a_side_of_equal_scores_says_nothing(value: float, count: int) -> None:
    """Rounding makes the mean of equal float32 numbers differ from them."""
    other = np.arange(count, dtype=np.float32)
    equal = np.full(count, value, dtype=np.float32)
    np.testing.assert_array_equal(zscore_sum(equal, other), zscore_sum(array(*[0] * count), other))


def test_reciprocal_rank_by_hand() -> None:
    # Ranks are 3 2 1 and, equal scores in order, 2 3 1.
    fused = reciprocal_rank(array(1, 2, 3), array(0, 0, 6))
    np.testing.assert_allclose(fused, [1 / 63 + 1 / 62, 1 / 62 + 1 / 63, 1 / 61 + 1 / 61])


def test_every_fusion_that_can_be_set_is_there() -> None:
    assert set(FUSIONS) == set(Settings.model_json_schema()["properties"]["fusion"]["enum"])


class TableEmbedder(HashingEmbedder):
    """Embeds by looking for a word: its vector is written down."""

    def __init__(self, table: Mapping[str, tuple[float, float]]) -> None:
        super().__init__(dimension=2)
        self._table = table

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        return np.array(
            [next(v for word, v in self._table.items() if word in text) for text in texts], dtype=np.float32
        )


# One passage each; cosines to the query (1, 0) are 1, 0.8, 0.6 and 0.
EMBEDDER = TableEmbedder(
    {"query": (1, 0), "north": (1, 0), "rather": (0.8, 0.6), "hardly": (0.6, 0.8), "east": (0, 1)}
)
HANDMADE = (
    Paper("d", "", "Going east by the wind."),
    Paper("c", "", "Going hardly with a compass, a compass.", year=2020),
    Paper("b", "", "Going rather with a compass."),
    Paper("a", "", "Going north by the stars.", year=2021),
)


@pytest.fixture
def handmade(tmp_path: Path) -> Index:
    """Four papers with vectors written down."""
    ingest(HANDMADE, tmp_path / "handmade", EMBEDDER, passage_tokens=160, progress=silent)
    return Index.open(tmp_path / "handmade", EMBEDDER)


def search(
    query: str, index: Index, k: int = 4, filters: Filters = NO_FILTERS, fusion: retrieval.Fusion = zscore_sum
) -> list[ScoredPaper]:
    return retrieve(query, index, EMBEDDER, k=k, filters=filters, fusion=fusion)


def ids(papers: Sequence[ScoredPaper]) -> list[str]:
    return [paper.paper.id for paper in papers]


def dense_alone(dense: Scores, lexical: Scores) -> Scores:
    return dense


def lexical_alone(dense: Scores, lexical: Scores) -> Scores:
    return lexical


def test_papers_come_with_both_scores_and_the_fused_one(handmade: Index) -> None:
    papers = search("query about a compass", handmade)
    # Dense z-scores: mean 0.6, deviation √((1 + 0.64 + 0.36 + 0)/4 - 0.36) = √0.14 = 0.374166, so for
    # a b c d: 1.069045, 0.534522, 0, -1.603567. BM25 is 0 for a and d, so both sides favour b and c over d.
    assert sorted(ids(papers)) == ["a", "b", "c", "d"]
    passages = {paper.paper.id: paper.passages[0] for paper in papers}
    assert {key: round(passage.dense, 6) for key, passage in passages.items()} == {
        "a": 1,
        "b": 0.8,
        "c": 0.6,
        "d": 0,
    }
    assert passages["a"].lexical == passages["d"].lexical == 0
    assert passages["c"].lexical > passages["b"].lexical > 0
    gap = passages["a"].score - passages["d"].score  # their lexical z-scores are the same
    assert gap == pytest.approx(1.069045 + 1.603567, rel=1e-5)
    assert [paper.score for paper in papers] == sorted((p.score for p in passages.values()), reverse=True)


@pytest.mark.parametrize(
    ("fusion", "expected"),
    [
        (dense_alone, ["a", "b", "c", "d"]),
        (lexical_alone, ["c", "b", "d", "a"]),  # d and a are equal: in the order of the index
        (lambda dense, lexical: np.zeros(len(dense)), ["d", "c", "b", "a"]),
    ],
    ids=["dense", "lexical", "neither"],
)
def test_the_fusion_decides_and_ties_keep_the_order_of_the_index(
    handmade: Index, fusion: retrieval.Fusion, expected: list[str]
) -> None:
    assert ids(search("query about a compass", handmade, fusion=fusion)) == expected
    assert ids(search("query about a compass", handmade, k=2, fusion=fusion)) == expected[:2]


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """One passage from each side for each paper asked for."""
    monkeypatch.setattr(retrieval, "CANDIDATES", 1)
    monkeypatch.setattr(retrieval, "_CANDIDATES_PER_PAPER", 1)


@pytest.mark.usefixtures("few_candidates")
@pytest.mark.parametrize(
    ("query", "expected"),
    [("query about a compass", [0.6, 1]), ("query about unicorns", [1])],
    ids=["the nearest, and the one that says compass most", "the nearest alone"],
)
def test_candidates_come_from_both_sides(handmade: Index, query: str, expected: list[float]) -> None:
    seen: list[float] = []

    def spy(dense: Scores, lexical: Scores) -> Scores:
        seen.extend(round(float(score), 6) for score in dense)
        return zscore_sum(dense, lexical)

    assert len(search(query, handmade, k=1, fusion=spy)) == 1
    assert sorted(seen) == expected


@pytest.mark.usefixtures("few_candidates")
@pytest.mark.parametrize("k", [0, 1, 2, 3, 8, 9, 10, 11, 50])
def test_as_many_papers_come_as_asked_for_if_there_are_so_many(
    papers: tuple[Paper, ...], tmp_path: Path, embedder: HashingEmbedder, k: int
) -> None:
    """The nearest passages are all of one paper, so the candidates must grow to reach the others."""
    long = Paper("long", "", "The cache is large. " * 50)
    others = [Paper(f"o{number}", "", f"Bird number {number} sings.") for number in range(9)]
    ingest([long, *others], tmp_path / "growing", embedder, passage_tokens=16, progress=silent)
    index = Index.open(tmp_path / "growing", embedder)
    assert len(index.passages) > 20
    for filters, passing in ((NO_FILTERS, 10), (Filters(exclude_ids=("o1", "o2")), 8)):
        found = retrieve("The cache is large.", index, embedder, k=k, filters=filters, fusion=zscore_sum)
        assert len(found) == min(k, passing)
        assert ids(found)[:1] == ["long"][:k]


@pytest.mark.usefixtures("few_candidates")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(exclude_ids=("a", "c")), ["b"]),
        (Filters(years=(2020, 2020)), ["c"]),
        (Filters(include_ids=("d",)), ["d"]),
        (Filters(include_ids=("unknown",)), []),
        (Filters(years=(1990, 1991)), []),
    ],
)
def test_filters_apply_before_the_candidates_are_taken(
    handmade: Index, filters: Filters, expected: list[str]
) -> None:
    assert ids(search("query about a compass", handmade, k=1, filters=filters)) == expected


def test_passages_collapse_to_papers(
    papers: tuple[Paper, ...], tmp_path: Path, embedder: HashingEmbedder
) -> None:
    ingest(papers, tmp_path / "split", embedder, passage_tokens=20, progress=silent)
    index = Index.open(tmp_path / "split", embedder)
    query = "How much does LongCache reduce cache memory?"
    found = retrieve(query, index, embedder, k=3, filters=NO_FILTERS, fusion=zscore_sum)
    assert found[0].paper == papers[0]
    assert sorted(ids(found)) == ["a1", "a2", "a3"]
    assert sorted(p.passage.id for paper in found for p in paper.passages) == sorted(
        passage.id for passage in index.passages
    )
    for paper in found:
        scores = [passage.score for passage in paper.passages]
        assert scores == sorted(scores, reverse=True)
        assert paper.score == scores[0]
        assert {passage.passage.paper_id for passage in paper.passages} == {paper.paper.id}
    assert [paper.score for paper in found] == sorted((paper.score for paper in found), reverse=True)


@pytest.mark.parametrize("query", ["", "of the", "👍", "?" * 10_000])
def test_a_query_without_terms_finds_what_is_nearest(
    index: Index, embedder: HashingEmbedder, query: str
) -> None:
    found = retrieve(query, index, embedder, k=2, filters=NO_FILTERS, fusion=zscore_sum)
    assert len(found) == 2
    assert {passage.lexical for paper in found for passage in paper.passages} == {0}
