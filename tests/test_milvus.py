"""Milvus, by its Lite: it finds what FAISS finds, keeps step with the generations, and tells its faults."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PAPERS
from typer.testing import CliRunner

from assistant import milvus
from assistant.arrays import Mask, Vectors
from assistant.building import compact
from assistant.cli import app
from assistant.errors import AssistantError, IndexFormatError, MissingExtraError, StoreError
from assistant.generations import current_generation
from assistant.index import Index, faults_of
from assistant.ingest import ingest, rebuild, remove
from assistant.milvus import MilvusVectors
from assistant.progress import silent
from assistant.readers import read_corpus
from assistant.records import Filters, Paper
from assistant.resources import sample_corpus
from assistant.retrieval import FUSIONS, retrieve
from assistant.settings import Settings, Store
from assistant.testing import HashingEmbedder

pytestmark = pytest.mark.milvus

IN_MILVUS = Store("milvus")
DEPTH = 20
FILTERS = {
    "no filter": Filters(),
    "half of the papers": Filters(include_ids=tuple(f"p{n:03}" for n in range(1, 110, 2))),
    "a few papers": Filters(include_ids=("p003", "p010", "p047")),
    "all but a few": Filters(exclude_ids=("p003", "p010", "p047")),
    "none": Filters(years=(1800, 1801)),
}


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Milvus Lite serves each file by threads of this process, which end with the test."""
    pytest.importorskip("pymilvus", reason="needs the extra milvus")
    server_manager = pytest.importorskip("milvus_lite.server_manager", reason="needs the extra milvus")
    yield
    server_manager.server_manager_instance.release_all()


class CountingEmbedder(HashingEmbedder):
    """It counts what it embeds."""

    embedded = 0

    def encode(self, texts: Sequence[str], progress: Any = lambda done: None) -> Vectors:
        self.embedded += len(texts)
        return super().encode(texts, progress)


def put(papers: Sequence[Paper], folder: Path, store: Store | None = IN_MILVUS, **options: Any) -> Index:
    """The index of exactly these papers, opened."""
    embedder = HashingEmbedder()
    ingest(papers, folder, embedder, passage_tokens=40, prune=True, store=store, progress=silent, **options)
    return Index.open(folder, embedder, store)


def collections(folder: Path) -> list[str]:
    """The names of the collections in the Milvus file of an index."""
    from pymilvus import MilvusClient

    return sorted(MilvusClient(str(folder / "milvus.db")).list_collections())


def found(index: Index, query: str, filters: Filters) -> list[str]:
    papers = retrieve(query, index, HashingEmbedder(), k=5, filters=filters, fusion=FUSIONS["zscore"])
    return [paper.paper.id for paper in papers]


@pytest.fixture(scope="module")
def sample() -> tuple[Paper, ...]:
    return read_corpus(sample_corpus()).papers


@pytest.fixture(scope="module")
def in_faiss(sample: tuple[Paper, ...], tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The sample corpus, whose vectors FAISS compares one by one."""
    return put(sample, tmp_path_factory.mktemp("faiss"), None)


def recall(index: Index, exact: Index, sample: Sequence[Paper], filters: Filters) -> float:
    """The mean share of the nearest passages to the papers' titles that are as near as those FAISS finds."""
    shares = []
    allowed = exact.allowed(filters)
    for paper in sample[::10]:
        query = HashingEmbedder().encode([paper.title])[0]
        rows, scores = index.vectors.search(query, DEPTH, allowed)
        assert allowed is None or allowed[rows].all()
        assert len(set(rows.tolist())) == len(rows)
        _, best = exact.vectors.search(query, DEPTH, allowed)
        assert len(best) == len(rows)
        if len(best):
            np.testing.assert_allclose(exact.vectors.vectors(rows) @ query, scores, atol=1e-5)
            shares.append(np.mean(scores >= best[-1] - 1e-5))
    return float(np.mean(shares)) if shares else 1.0


def test_milvus_finds_what_faiss_finds_with_and_without_filters(
    sample: tuple[Paper, ...], in_faiss: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "_MOST_COMPARED", 30)
    index = put(sample, tmp_path)
    assert (len(index.vectors), index.vectors.dimension) == (
        len(in_faiss.vectors),
        in_faiss.vectors.dimension,
    )
    assert index.vectors.kind == index.manifest.vectors == "whole, all searched"
    assert index.manifest.vector_recall == 1
    for filters in FILTERS.values():
        assert recall(index, in_faiss, sample, filters) == 1
        for paper in sample[:40:10]:
            assert found(index, paper.title, filters) == found(in_faiss, paper.title, filters)


def test_a_graph_finds_98_in_100_of_it(
    sample: tuple[Paper, ...], in_faiss: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus, "_EVERY", 100)
    monkeypatch.setattr(milvus, "_MOST_COMPARED", 30)
    index = put(sample, tmp_path)
    assert index.manifest.vectors == index.vectors.kind == "whole, searched by a graph (HNSW)"
    assert index.manifest.vector_recall > 0.98
    for filters in FILTERS.values():
        assert recall(index, in_faiss, sample, filters) > 0.98


def test_many_rows_are_sought_among_the_nearest_then_in_parts_and_few_are_compared_here(
    sample: tuple[Paper, ...], in_faiss: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = put(sample, tmp_path)
    asked: list[int | None] = []
    nearest = MilvusVectors._nearest

    def noted(self: MilvusVectors, query: Vectors, k: int, among: Any = None) -> Any:
        asked.append(None if among is None else len(among))
        return nearest(self, query, k, among)

    monkeypatch.setattr(MilvusVectors, "_nearest", noted)
    monkeypatch.setattr(milvus, "_MOST_COMPARED", 10)
    monkeypatch.setattr(milvus, "_MOST_LISTED", 30)
    query = HashingEmbedder().encode([sample[0].title])[0]
    order, _ = in_faiss.vectors.search(query, len(in_faiss.vectors))
    furthest = np.zeros(len(in_faiss.vectors), dtype=np.bool_)
    furthest[order[-70:]] = True
    few = np.zeros(len(in_faiss.vectors), dtype=np.bool_)
    few[order[5:15]] = True
    expected: list[tuple[Mask, list[int | None]]] = [
        (~furthest, [None]),
        (furthest, [None, 30, 30, 10]),
        (few, []),
    ]
    for allowed, parts in expected:
        asked.clear()
        rows, scores = index.vectors.search(query, 5, allowed)
        _, best = in_faiss.vectors.search(query, 5, allowed)
        np.testing.assert_allclose(scores, best, atol=1e-5)
        assert allowed[rows].all()
        assert asked == parts


def test_vectors_come_back_as_they_were_in_the_order_asked_for(tmp_path: Path) -> None:
    index = put(PAPERS, tmp_path)
    texts = [f"{index.paper(passage.paper_id).title}\n{passage.text}" for passage in index.passages]
    expected = HashingEmbedder().encode(texts)
    rows = np.array([2, 0, 3, 2])
    np.testing.assert_array_equal(index.vectors.vectors(rows), expected[rows])
    np.testing.assert_array_equal(index.vectors.vectors(np.arange(len(texts))), expected)
    assert index.vectors.vectors(rows[:0]).shape == (0, index.vectors.dimension)


def test_each_generation_has_its_collection_and_the_last_two_are_kept(tmp_path: Path) -> None:
    first = put(PAPERS, tmp_path)
    names = [first.manifest.milvus.name if first.manifest.milvus else ""]
    changed = replace(PAPERS[1], abstract="SlimTune now reaches 99% accuracy on SentiBank.")
    second = put([PAPERS[0], changed], tmp_path, None)  # it stays in Milvus unless told otherwise
    names.append(second.manifest.milvus.name if second.manifest.milvus else "")
    assert found(second, "accuracy on SentiBank", Filters())[0] == "a2"
    assert found(first, "speech recognition", Filters())[0] == "a3"  # who has the old one open goes on
    assert collections(tmp_path) == sorted(names)
    third = remove(tmp_path, ["a2"], HashingEmbedder(), silent).milvus
    assert third is not None
    assert collections(tmp_path) == sorted([names[1], third.name])
    assert list(faults_of(tmp_path, Store())) == []
    compact(tmp_path, Store())
    assert collections(tmp_path) == [third.name]
    with pytest.raises(StoreError, match=f"Milvus at {tmp_path / 'milvus.db'}: .*{names[0]}"):
        found(first, "speech", Filters())


def test_a_change_embeds_what_is_new_alone_and_vectors_move_between_stores_unembedded(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    index = tmp_path / "index"
    whole = ingest(PAPERS, index, embedder, passage_tokens=40, progress=silent).manifest
    assert (embedder.embedded, whole.milvus) == (whole.passages, None)
    for store in (IN_MILVUS, Store("faiss"), IN_MILVUS):
        moved = ingest(PAPERS, index, embedder, passage_tokens=40, store=store, progress=silent).manifest
        assert (moved.milvus is not None) == (store == IN_MILVUS)
        assert (index / "generations" / "vectors.faiss").exists() is False
        assert moved.fingerprint == whole.fingerprint
    assert embedder.embedded == whole.passages
    new = Paper("a4", "Owls", "Owls hoot.")
    ingest([*PAPERS, new], index, embedder, passage_tokens=40, progress=silent)
    assert embedder.embedded == whole.passages + 1
    again = ingest([*PAPERS, new], index, embedder, passage_tokens=40, store=IN_MILVUS, progress=silent)
    assert (again.unchanged, current_generation(index).name) == (4, "000005")  # nothing was written
    rebuilt = rebuild(index, embedder, passage_tokens=40, progress=silent)
    assert rebuilt.milvus is not None


def test_an_ingest_that_fails_leaves_the_old_collection_alone(tmp_path: Path) -> None:
    old = put(PAPERS, tmp_path)

    def fail(done: int, total: int, what: str) -> None:
        if what == "indexing words":  # after the passages have been stored
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(PAPERS[:2], tmp_path, HashingEmbedder(), passage_tokens=40, prune=True, progress=fail)
    assert old.manifest.milvus is not None
    assert collections(tmp_path) == [old.manifest.milvus.name]
    assert found(Index.open(tmp_path, HashingEmbedder()), "speech recognition", Filters())[0] == "a3"


KILLED = """
import os, signal, sys
from pathlib import Path
from conftest import PAPERS
from assistant.ingest import ingest
from assistant.testing import HashingEmbedder

def kill(done, total, what):
    if what == "storing passages in Milvus":
        os.kill(os.getpid(), signal.SIGKILL)

ingest(PAPERS[:2], Path(sys.argv[1]), HashingEmbedder(), passage_tokens=40, prune=True, progress=kill)
"""


def test_what_a_killed_ingest_left_in_milvus_is_dropped_by_the_next(tmp_path: Path, repository: Path) -> None:
    from milvus_lite.server_manager import server_manager_instance

    old = put(PAPERS, tmp_path)
    assert old.manifest.milvus is not None
    server_manager_instance.release_all()  # a file serves one process at a time
    path = os.pathsep.join([str(repository), str(repository / "tests")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(collections(tmp_path)) == 2
    opened = Index.open(tmp_path, HashingEmbedder())
    assert opened.manifest == old.manifest
    assert found(opened, "speech recognition", Filters())[0] == "a3"
    new = put(PAPERS[:2], tmp_path)
    assert new.manifest.milvus is not None
    assert collections(tmp_path) == sorted([old.manifest.milvus.name, new.manifest.milvus.name])


def test_any_llama_index_program_reads_the_collection(tmp_path: Path) -> None:
    from llama_index.core.vector_stores.types import VectorStoreQuery
    from llama_index.vector_stores.milvus import MilvusVectorStore

    index = put(PAPERS, tmp_path)
    assert index.manifest.milvus is not None
    store = MilvusVectorStore(
        str(tmp_path / "milvus.db"), collection_name=index.manifest.milvus.name, use_async_client=False
    )
    query = HashingEmbedder().encode([f"{PAPERS[2].title}\n{index.passages[-1].text}"])[0]
    (node,) = store.query(VectorStoreQuery(query.tolist(), 1)).nodes or ()
    assert (node.node_id, node.ref_doc_id) == (index.passages[-1].id, "a3")
    assert node.get_content() == index.passages[-1].text
    assert node.metadata == {"title": PAPERS[2].title, "year": 2019, "row": len(index.passages) - 1}


def test_a_paper_of_any_length_and_any_id_goes_in(tmp_path: Path) -> None:
    endless = Paper('"x" or 1 == 1', "T" * 90_000, "Endless" * 10_000, authors=tuple(map(str, range(9_000))))
    index = put([*PAPERS, endless], tmp_path)
    assert found(index, "speech recognition", Filters(include_ids=(endless.id,))) == [endless.id]


def test_a_damaged_list_of_collections_is_told_in_a_line_and_nothing_is_dropped(tmp_path: Path) -> None:
    put(PAPERS, tmp_path)
    there = collections(tmp_path)
    listed = tmp_path / "collections.json"
    for damaged in ("", '[{"uri": 1, "names": 2}]', "7"):
        listed.write_text(damaged)
        with pytest.raises(IndexFormatError, match=rf"^{listed}, .* is damaged; move it away"):
            put(PAPERS[:2], tmp_path)
        assert collections(tmp_path) == there
    assert put(PAPERS[:2], tmp_path, Store("faiss")).manifest.milvus is None  # needs none of them
    listed.unlink()
    assert put(PAPERS, tmp_path).manifest.milvus is not None


def fault(folder: Path, store: Store) -> str:
    with pytest.raises(StoreError) as raised:
        Index.open(folder, HashingEmbedder(), store)
    assert "\n" not in str(raised.value)
    assert list(faults_of(folder, store)) == [str(raised.value)]
    return str(raised.value)


def test_faults_of_the_store_are_one_line_each(tmp_path: Path) -> None:
    from milvus_lite.server_manager import server_manager_instance
    from pymilvus import MilvusClient

    index = put(PAPERS, tmp_path)
    assert index.manifest.milvus is not None
    name, where = index.manifest.milvus.name, tmp_path / "milvus.db"
    away = Store(uri="http://127.0.0.1:1", token="user:secret")
    assert fault(tmp_path, away).startswith("Milvus at http://127.0.0.1:1: Fail connecting to server")
    assert "secret" not in fault(tmp_path, away) + repr(away)
    other = tmp_path / "other.db"
    assert fault(tmp_path, Store(uri=str(other))) == (
        f"there is no collection {name} at {other}, where the setting milvus_uri leads; the index names "
        f"milvus.db; if it is lost there, run `assistant index rebuild --index {tmp_path}`"
    )
    client = MilvusClient(str(where))
    client.delete(name, filter="row in [0]")
    assert fault(tmp_path, Store()) == (
        f"the collection {name} at {where} has 3 passages, the index 4; "
        f"run `assistant index rebuild --index {tmp_path}`"
    )
    client.drop_collection(name)
    assert fault(tmp_path, Store()) == (
        f"there is no collection {name} at {where}; the index names milvus.db; if it is lost there, run "
        f"`assistant index rebuild --index {tmp_path}`"
    )
    server_manager_instance.release_all()
    with (where / "LOCK").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert fault(tmp_path, Store()) == (
            f"Milvus at {where}: it can't be opened; where another process has it open, wait, or use a "
            "Milvus server"
        )
    rebuild(tmp_path, HashingEmbedder(), passage_tokens=40, progress=silent)
    assert found(Index.open(tmp_path, HashingEmbedder()), "speech recognition", Filters())[0] == "a3"


def test_a_server_that_goes_away_while_it_is_asked_is_told_of(tmp_path: Path) -> None:
    from milvus_lite.server_manager import server_manager_instance

    index = put(PAPERS, tmp_path)
    server_manager_instance.release_all()
    with pytest.raises(StoreError, match=f"^Milvus at {tmp_path / 'milvus.db'}: Fail connecting to server"):
        found(index, "speech", Filters())


def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(PAPERS, tmp_path)
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MissingExtraError) as raised:
        Index.open(tmp_path, HashingEmbedder())
    assert str(raised.value) == (
        "keeping vectors in Milvus needs the extra 'milvus': pip install '.[milvus]' in the checkout"
    )


def test_the_command_line_knows_the_store_and_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.embedding.open_embedder", lambda settings: HashingEmbedder())
    monkeypatch.setenv("ASSISTANT_MILVUS_TOKEN", "user:secret")
    corpus = tmp_path / "papers.jsonl"
    corpus.write_text('{"id": "a", "title": "Owls", "abstract": "Owls hoot."}\n', encoding="utf-8")
    folder, uri = tmp_path / "index", tmp_path / "shared.db"

    def say(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    say("ingest", str(corpus), "--index", str(folder), "--store", "milvus", "--milvus-uri", str(uri))
    info = json.loads(say("index", "info", "--index", str(folder), "--json"))
    assert info["milvus"]["uri"] == str(uri)
    assert f"collection {info['milvus']['name']} at {uri}" in say("index", "info", "--index", str(folder))
    assert "every file is as it was written" in say("index", "verify", "--index", str(folder))
    for path in folder.rglob("*"):
        assert not path.is_file() or b"secret" not in path.read_bytes()
    assert "secret" not in f"{Settings.load()!r} {Settings.load().model_dump()} {Settings.load().store}"
    refused = CliRunner().invoke(app, ["ingest", str(corpus), "--store", "chroma"])
    assert isinstance(refused.exception, AssistantError)
    assert str(refused.exception).startswith("setting vector_store: 'chroma' is not possible")


def test_everything_talked_to_is_on_this_machine(tmp_path: Path) -> None:
    put(PAPERS, tmp_path)
    own = {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}
    remote = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in Path(table).read_text(encoding="utf-8").splitlines()[1:]:
            _, _, address, *_, inode = line.split()[:10]
            if f"socket:[{inode}]" in own:
                remote.add(address.partition(":")[0])
    # Loopback, as IPv4, as IPv6 and as IPv4 in IPv6; and none, of what listens.
    local = {"0100007F", "0" * 24 + "01000000", "0000000000000000FFFF00000100007F", "0" * 8, "0" * 32}
    assert remote and remote <= local
