from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from assistant.chunking import Chunker, embedded_text
from assistant.embedded import EmbeddedLog
from assistant.papers import paper_to_plain
from assistant.records import Paper
from assistant.testing import HashingEmbedder
from eval import building
from eval.building import Built, Stages


@pytest.fixture
def corpus(tmp_path: Path, papers: tuple[Paper, ...]) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(paper_to_plain(paper)) + "\n" for paper in papers), encoding="utf-8")
    return path


def test_an_index_is_built_timed_and_weighed(corpus: Path, tmp_path: Path, papers: tuple[Paper, ...]) -> None:
    built = building.measured(corpus, 3, tmp_path, None, lambda settings: HashingEmbedder())
    assert (built.papers, built.passages, built.embedded) == (3, 3, 3)
    assert {"reading", "embedding passages", "indexing words", "writing"} <= set(built.seconds)
    assert min(built.seconds.values()) > 0
    assert built.plain == sum(
        len(json.dumps(paper_to_plain(paper), ensure_ascii=False).encode()) + 1 for paper in papers
    )
    assert built.disk > 0


def test_vectors_of_a_log_are_not_computed_again(
    corpus: Path, tmp_path: Path, papers: tuple[Paper, ...]
) -> None:
    embedder = HashingEmbedder()
    (passage,) = Chunker(embedder, 240).chunk(papers[0]).passages
    text = embedded_text(papers[0], passage)
    with closing(EmbeddedLog.open(tmp_path, embedder)) as log:
        log.append([text], embedder.encode([text]))
    logged = tmp_path / embedder.fingerprint
    assert building.measured(corpus, 3, tmp_path, logged, lambda settings: embedder).embedded == 2


def test_fewer_papers_are_drawn(corpus: Path, tmp_path: Path) -> None:
    assert building.measured(corpus, 2, tmp_path, None, lambda settings: HashingEmbedder()).papers == 2


def test_time_belongs_to_what_is_reported_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.0, 13.0, 18.0])
    monkeypatch.setattr("eval.building.time.perf_counter", lambda: next(times))
    stages = Stages()
    stages.progress(1, 2, "embedding")
    stages.progress(2, 2, "embedding")
    stages.end("writing")
    assert stages.seconds == {"embedding": 3.0, "writing": 5.0}


def test_the_table_names_the_exponent_of_growth() -> None:
    def built(papers: int, seconds: float, again: float) -> Built:
        return Built(papers, papers, 0, {"reading": 1.0, "writing": seconds - 1}, again, 10**9, 2_000, 1_000)

    rows = building.table([built(100, 4, 1), built(10_000, 400, 10)]).rows
    assert list(rows) == ["100 papers", "10,000 papers", "exponent of growth"]
    assert rows["100 papers"]["whole, s"] == "4.0"
    assert rows["100 papers"]["of plain JSONL"] == "2.00"
    growth = rows["exponent of growth"]
    assert growth["whole, s"] == pytest.approx(1)  # a hundred times as many, a hundred times as long
    assert growth["no change, s"] == pytest.approx(0.5)
    assert growth["disk, MB"] == pytest.approx(0)
    assert "exponent of growth" not in building.table([built(100, 4, 1)]).rows
