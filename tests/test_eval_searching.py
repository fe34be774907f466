from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assistant.arrays import Mask, Rows, Vectors
from assistant.errors import CorpusError
from assistant.generations import current_generation
from assistant.index import Index
from assistant.papers import paper_to_plain
from assistant.records import Paper
from assistant.testing import HashingEmbedder
from eval import searching
from eval.bench import Measurement
from eval.external import Query
from eval.searching import Cost


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3, 3, 3], 0.0), ([2, 20, 200], 1.0), ([5, 500, 50_000], 2.0), ([8, 8 * 10**0.5, 80], 0.5)],
)
def test_the_exponent_says_how_a_cost_grows(values: list[float], expected: float) -> None:
    assert searching.exponent([10, 100, 1000], values) == pytest.approx(expected)


def test_summaries_are_read_from_the_folder_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "venues").mkdir()
    line = {"id": "t1", "query": "We cut the cache.", "paper_id": "a1"}
    (tmp_path / searching.QUERIES).write_text(json.dumps(line), encoding="utf-8")
    assert searching.summaries(tmp_path) == [Query("t1", "We cut the cache.", ("a1",))]
    with pytest.raises(CorpusError, match="give the folder of the data by --data"):
        searching.summaries(tmp_path / "nowhere")


def test_an_index_is_opened_searched_and_weighed(index_folder: Path, papers: tuple[Paper, ...]) -> None:
    found = searching.measured(index_folder, ["cache memory"], 2, lambda settings: HashingEmbedder())
    assert (found.papers, found.passages) == (3, 3)
    assert [stage.name for stage in found.stages] == [
        "opening",
        "query embedding",
        "dense search",
        "lexical search",
        "retrieval, end to end",
    ]
    assert found.plain == sum(
        len(json.dumps(paper_to_plain(paper), ensure_ascii=False).encode()) + 1 for paper in papers
    )
    files = [path for path in current_generation(index_folder).rglob("*") if path.is_file()]
    assert found.disk == sum(path.stat().st_size for path in files if path.name != "manifest.json")
    assert found.resident > found.own
    assert (found.recall, found.recall_of_half) == (1, 1)  # three vectors are compared one by one


def test_recall_is_the_share_of_what_is_found_that_is_among_the_nearest(index: Index) -> None:
    class Careless:
        """It finds what there is but the nearest."""

        def __len__(self) -> int:
            return len(index.vectors)

        def vectors(self, rows: Rows) -> Vectors:
            return index.vectors.vectors(rows)

        def search(self, query: Vectors, k: int, allowed: Mask | None = None) -> tuple[Rows, Vectors]:
            rows, scores = index.vectors.search(query, k, allowed)
            return rows[1:], scores[1:]

    queries = HashingEmbedder().encode(["cache memory", "speech recognition"])
    careless: Any = SimpleNamespace(vectors=Careless())
    # Of three rows two are found; of those but the first one of two.
    assert searching.recall(careless, queries, np.ones(3, dtype=np.bool_)) == pytest.approx(2 / 3)
    assert searching.recall(careless, queries, np.array([False, True, True])) == pytest.approx(1 / 2)


def cost(papers: int, milliseconds: float, disk: int) -> Cost:
    def took(name: str) -> Measurement:
        return Measurement(name, 1, milliseconds, milliseconds, milliseconds, 2 * milliseconds)

    stages = (took("opening"), took(searching.END_TO_END))
    return Cost(papers, papers, disk, 1_000_000, 300_000_000, 100_000_000, stages, 0.99, recall_of_half=0.9)


def test_costs_stand_by_size_with_the_exponent_of_their_growth() -> None:
    table = searching.costs_table([cost(1_000, 2.0, 500_000), cost(10_000, 20.0, 1_500_000)])
    assert table.rows["1,000 papers"] == {
        "passages": "1,000",
        "open, ms": "2",
        "search, ms": "2.0",
        "p95, ms": "4.0",
        "recall@100": "0.990",
        "recall@100, half filtered out": "0.900",
        "index in memory, MB": "100",
        "process, MB": "300",
        "disk, MB": "0.5",
        "of plain JSONL": "0.50",
    }
    growth = table.rows["exponent of growth"]
    assert growth["search, ms"] == growth["p95, ms"] == growth["open, ms"] == pytest.approx(1.0)
    assert growth["disk, MB"] == pytest.approx(0.4771, abs=1e-4)  # log10 of 3
    assert "exponent of growth" not in searching.costs_table([cost(1_000, 2.0, 1)]).rows


# By BM25 each query but the last finds its paper first: "hidden" is a word of a3 alone.
QUERIES = [
    Query("q1", "LongCache keeps a third of the layers", ("a1",)),
    Query("q2", "SlimTune needs no gradient", ("a2",)),
    Query("q3", "hidden models of speech", ("a3",)),
    Query("q4", "hidden", ("a1",)),
]


def test_only_queries_with_a_paper_in_the_index_are_asked(index: Index, embedder: HashingEmbedder) -> None:
    stranger = Query("q9", "Owls hoot", ("b1",))
    assert searching.quality_table(index, embedder, "zscore", [stranger]) is None
    assert searching.quality_table(index, embedder, "zscore", []) is None
    table = searching.quality_table(index, embedder, "zscore", [*QUERIES, stranger])
    assert table is not None
    assert table.title.startswith("4 one-line summaries -> their papers among 3; ")


def test_rank_figures_stand_for_the_fusion_and_either_side(index: Index, embedder: HashingEmbedder) -> None:
    table = searching.quality_table(index, embedder, "zscore", QUERIES)
    assert table is not None
    assert list(table.rows) == ["zscore", "bm25", "dense"]
    bm25: dict[str, Any] = dict(table.rows["bm25"])
    assert bm25["R@1"] == pytest.approx(3 / 4)
    # Every paper is found among three; q4's is second or third.
    assert bm25["R@10"] == 1.0
    assert bm25["MRR@10"] in (pytest.approx((3 + 1 / 2) / 4), pytest.approx((3 + 1 / 3) / 4))
    assert set(table.rows["zscore"]) == {"R@1", "R@10", "MRR@10", "nDCG@10"}
    assert set(bm25) - set(table.rows["zscore"]) == {"p, R@1", "p, MRR@10"}


def test_rankings_that_do_not_differ_have_p_1(
    index: Index, embedder: HashingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        searching, "ranked", lambda queries, *_: {query.id: [*query.papers] for query in queries}
    )
    table = searching.quality_table(index, embedder, "zscore", QUERIES)
    assert table is not None
    assert [table.rows[name]["p, R@1"] for name in ("bm25", "dense")] == ["1.0000", "1.0000"]
    assert table.rows["dense"]["R@1"] == 1.0


def test_figures_are_of_each_query(
    index: Index, embedder: HashingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rankings = {"q1": ["a1"], "q2": ["a3", "a2"], "q3": ["a1", "a2"]}
    monkeypatch.setattr(searching, "ranked", lambda *_: rankings)
    found = searching.by_query(QUERIES[:3], index, embedder, "bm25")
    assert found["R@1"] == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert found["MRR@10"] == {"q1": 1.0, "q2": 0.5, "q3": 0.0}
