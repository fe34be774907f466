from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import CorpusError
from assistant.progress import silent
from assistant.records import Paper
from assistant.testing import HashingEmbedder
from eval import external
from eval.external import Pools, Query
from eval.pools import filled, json_lines, sampled
from eval.records import FinalAnswer, GoldItem, SystemAnswer

PAPERS = [
    {"id": "cat", "title": "", "abstract": "Cats purr when they are content. Kittens sleep long."},
    {"id": "dog", "title": "Dogs", "abstract": "Dogs bark at the postman in the morning."},
    {"id": "owl", "title": "Owls", "abstract": "Owls hunt mice by night and hoot."},
    {"id": "nil", "title": "Nothing", "abstract": ""},
]


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    """The three data sets, each with three papers."""
    data = tmp_path / "data"
    files: dict[str, list[dict[str, Any]]] = {
        "pubmedqa/abstracts.jsonl": PAPERS,
        "pubmedqa/questions.dev.jsonl": [
            {"id": "q1", "question": "Do cats purr?", "paper_id": "cat", "label": "yes"},
            {"id": "q2", "question": "Do owls hunt by day?", "paper_id": "owl", "label": "no"},
        ],
        "scifact/abstracts.jsonl": [
            {**paper, "id": f"s{paper['id']}", "title": f"{paper['title']} again"} for paper in PAPERS
        ],
        "scifact/claims.dev.jsonl": [
            {"id": "c1", "claim": "Dogs bark.", "evidence": [{"paper_id": "sdog", "label": "true"}]},
            {
                "id": "c2",
                "claim": "Wolves swim.",
                "evidence": [{"paper_id": "sowl", "label": "false"}],
            },
        ],
        "venues/tldr_queries.dev.jsonl": [{"id": "t1", "query": "Owls hoot by night.", "paper_id": "owl"}],
    }
    for name, lines in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with gzip.open(data / "venues/papers.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(paper) + "\n" for paper in PAPERS)
    return Pools(data, tmp_path / "cache", HashingEmbedder(), 160, silent)


def test_ranks_count_every_query_and_keep_the_order_given() -> None:
    queries = [Query("q1", "", ("a",)), Query("q2", "", ("b", "c")), Query("q3", "", ("d",))]
    found = external.rank_figures(queries, {"q1": ["a", "x"], "q2": ["x", "b", "c"]})
    # q1 first; q2 second and third, so half of nothing at 1 and both at 10; q3 not at all.
    assert found["R@1"] == pytest.approx((1 + 0 + 0) / 3)
    assert found["R@10"] == pytest.approx((1 + 1 + 0) / 3)
    assert found["MRR@10"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    # nDCG of q2: (1/log2(3) + 1/log2(4)) / (1 + 1/log2(3))
    assert found["nDCG@10"] == pytest.approx((1 + (0.63093 + 0.5) / 1.63093) / 3, abs=1e-4)


def test_every_ranker_finds_what_shares_the_query_s_words(pools: Pools) -> None:
    for table in (external.pubmedqa(pools), external.scifact(pools), external.venues(pools, pool=3)):
        assert list(table.rows)[:4] == ["bm25", "dense", "zscore", "reciprocal_rank"]
        assert table.rows["bm25"]["R@10"] == 1.0
    assert external.venues(pools, pool=3).rows["bm25"]["R@1"] == 1.0


def test_distractors_join_the_pool_and_the_known_figure_stands_beside(pools: Pools) -> None:
    plain, harder = external.scifact(pools), external.scifact(pools, distractors=True)
    assert (plain.title, harder.title) == (
        "scifact: 2 queries, 3 papers",
        "scifact, distractors: 2 queries, 6 papers",
    )
    assert "plain BM25 elsewhere" not in plain.rows
    assert harder.rows["plain BM25 elsewhere"] == {"nDCG@10": 0.923}
    assert "plain BM25 elsewhere" not in external.scifact(pools, limit=1, distractors=True).rows


def test_an_index_is_made_once(pools: Pools) -> None:
    external.pubmedqa_index(pools)
    (folder,) = pools.cache.iterdir()
    external.pubmedqa_index(pools)
    assert [path.name for path in (folder / "generations").iterdir()] == ["000001"]


def test_another_unit_is_another_index(pools: Pools) -> None:
    for tokens, overlap in ((160, 0), (16, 0), (16, 8)):
        index = external.pubmedqa_index(replace(pools, passage_tokens=tokens, passage_overlap=overlap))
        assert (index.manifest.passage_tokens, index.manifest.passage_overlap) == (tokens, overlap)
    assert len(list(pools.cache.iterdir())) == 3


def test_pubmedqa_is_asked_with_and_without_the_abstract(pools: Pools) -> None:
    def ask(item: GoldItem) -> SystemAnswer:
        if item.exclude_ids == ("cat",) or item.exclude_ids == ("owl",):
            return SystemAnswer(item.id, "abstained")
        return SystemAnswer(item.id, "answered", final=FinalAnswer("boolean", label="no"))

    table = external.pubmedqa_answers(external.pubmedqa_items(pools), ask, "scripted", silent)
    assert table.title == "pubmedqa: yes, no or maybe, 2 questions"
    # Gold yes and no, said no twice: F1 of no is 2/3, of yes 0.
    assert table.rows["scripted"] == {
        "accuracy": 0.5,
        "macro-F1": pytest.approx(1 / 3),
        "abstained": 0.0,
        "abstained, abstract left out": 1.0,
    }
    assert table.rows["always yes"]["accuracy"] == 0.5


def test_true_claims_are_told_from_false_ones_by_their_support(pools: Pools) -> None:
    table = external.scifact_verification(pools)
    assert table.title.endswith("AUROC 1.000")
    assert table.rows["true claims"] == {"pairs": "1", "mean support": 1.0, "supported": 1.0}
    assert table.rows["false claims"]["supported"] == 0.0


def test_the_verifier_reads_the_whole_abstract() -> None:
    paper = Paper("a", "", "First a thing. Then owls hoot.")
    assert external.support_of("Owls hoot.", paper).share == 1.0


def test_a_pool_holds_the_wanted_papers_and_is_always_the_same() -> None:
    papers = [Paper(str(n), "", "x") for n in range(50)]
    once, again = filled(papers, {"7", "30"}, 10), filled(papers, {"7", "30"}, 10)
    assert once == again
    assert len(once) == 10
    assert {"7", "30"} <= {paper.id for paper in once}
    with pytest.raises(CorpusError, match="1 of the papers asked for are not there, such as absent"):
        filled(papers, {"absent"}, 10)


def test_a_sample_is_nothing_but_the_items() -> None:
    assert sampled([1, 2, 3], None) == sampled([1, 2, 3], 5) == [1, 2, 3]
    assert set(sampled(range(100), 5)) <= set(range(100))


def test_data_that_are_not_there_are_said_to_be_absent(tmp_path: Path) -> None:
    pools = Pools(tmp_path / "none", tmp_path, HashingEmbedder(), 160, silent)
    with pytest.raises(CorpusError, match=r"there is no folder .*none; name the one with the data by --data"):
        external.pubmedqa(pools)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"id": "a"}\n', "line 1 lacks 'text'"),
        ('{"id": "a", "text": ""}\n[]\n', "line 2 is no JSON object"),
        ("{\n", "line 1 is not JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=fault):
        json_lines(path, ("id", "text"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"x\.jsonl is not there; give the folder of the data by --data"):
        json_lines(tmp_path / "x.jsonl")
