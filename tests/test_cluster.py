"""A real Ray cluster of two nodes on this machine: results as without it, whatever dies meanwhile."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from scripted import ScriptedAssistant, opening_nothing, squaring
from typer.testing import CliRunner

from assistant import cli
from assistant.batch import Options, Summary, prepare, run, table_task
from assistant.cluster import pool as pools
from assistant.cluster.embedder import PooledEmbedder
from assistant.cluster.pool import Pool, connected
from assistant.errors import ClusterError, MissingExtraError
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Paper
from assistant.settings import Settings
from assistant.testing import HashingEmbedder

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray"),
    # Ray leaves sockets and log files of its processes to the interpreter.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    # It warns of its own settings while it makes their defaults.
    pytest.mark.filterwarnings("ignore:.*is deprecated.*Configure:DeprecationWarning"),
]

ROOT = Path(__file__).parent.parent
MEMORY = "By how much does LongCache reduce cache memory in case"
ROWS = [f"{MEMORY} {n}" for n in range(24)]


class Nodes:
    """A cluster of two nodes in processes of their own, for as long as the context lasts."""

    address = ""

    def __enter__(self) -> Self:
        for _ in range(3):  # a node whose agent takes 15 s to start, on a busy machine, gives up
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "ray_nodes.py")],
                env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},  # the workers' too
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            if line := self._line():
                self.address = line
                return self
            self.__exit__()
        raise AssertionError("no Ray cluster could be started")

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # closes its input, and waits until it has taken all down

    def lose_one(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("lose\n")
        self._process.stdin.flush()
        assert self._line() == "lost"

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with Nodes() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def pool(nodes: Nodes) -> Iterator[Pool]:
    with connected(nodes.address) as pool:
        yield pool


@pytest.fixture
def scripted(index_folder: Path) -> ScriptedAssistant:
    return ScriptedAssistant.open(index_folder, settings=Settings())


def batch(assistant: ScriptedAssistant, name: str, cluster: Pool | None, **how: Any) -> Summary:
    """The questions, each a row of two, and a row that can't be read; asked and written as NAME.csv."""
    folder = assistant.index.folder.parent
    lines = [f'"{question}",{filters}' for question in ROWS for filters in ("", "")]
    (folder / "in.csv").write_text("\n".join(["question,filters", *lines[:9], "What?,{", *lines[9:]]))
    plan = prepare(table_task(folder / "in.csv", "question"), folder / f"{name}.csv", Options())
    return run(plan, assistant, how.get("progress", lambda done, total: None), cluster)


def written(assistant: ScriptedAssistant, name: str) -> list[dict[str, str]]:
    path = assistant.index.folder.parent / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "latency_ms"} for row in csv.DictReader(file)]


def test_there_is_a_worker_a_node_with_all_its_cores(pool: Pool) -> None:
    assert pool == Pool(workers=2, cores=1)


def test_a_batch_is_as_without_a_cluster_though_a_worker_dies(
    pool: Pool, scripted: ScriptedAssistant
) -> None:
    local = batch(scripted, "local", None)
    deadly = scripted.index.folder.parent / "deadly"
    deadly.touch()
    summary = batch(scripted, "far", pool)
    assert not deadly.exists(), "no worker has died"
    assert written(scripted, "far") == written(scripted, "local")
    assert [row["status"] for row in written(scripted, "far")] == [
        *["answered"] * 9,
        "error",
        *["answered"] * 39,
    ]
    assert summary.choices == local.choices == {"new": 24, "duplicate": 24, "faulty": 1}

    # All that came back is in the journal: a rerun, here without the cluster, asks nothing.
    assert batch(scripted, "far", None).asked == 0


def test_an_index_is_the_same_to_the_bit(
    pool: Pool, papers: tuple[Paper, ...], embedder: HashingEmbedder, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("assistant.embedded.WINDOW", 2)
    reports: list[tuple[int, int]] = []

    def progress(done: int, total: int, what: str) -> None:
        if what == "embedding passages":
            reports.append((done, total))

    pooled = PooledEmbedder(embedder, pool, HashingEmbedder)
    here = ingest(papers, tmp_path / "here", embedder, passage_tokens=40, progress=silent)
    far = ingest(papers, tmp_path / "far", pooled, passage_tokens=40, progress=progress)
    assert far.manifest.fingerprint == here.manifest.fingerprint
    rows = np.arange(here.manifest.passages)
    local, remote = (Index(tmp_path / name).vectors.vectors(rows) for name in ("here", "far"))
    assert np.array_equal(local, remote)
    assert reports == [(n, len(rows)) for n in (*range(2, len(rows), 2), len(rows))]


def test_a_worker_that_can_t_open_what_it_needs_is_told_in_a_line(
    pool: Pool, scripted: ScriptedAssistant, embedder: HashingEmbedder
) -> None:
    moved = scripted.index.folder.rename(scripted.index.folder.with_name("moved"))
    with pytest.raises(ClusterError, match=r"^the worker on .* can't work: .*index.* under the same paths$"):
        batch(scripted, "far", pool)
    moved.rename(scripted.index.folder)
    assert batch(scripted, "far", None).asked == 24

    pooled = PooledEmbedder(embedder, pool, opening_nothing)
    with pytest.raises(ClusterError, match="it has the embedder hashing-8, not hashing-64"):
        list(pooled.encode_windows([["a text"]]))


def test_a_node_that_is_lost_loses_nothing(pool: Pool, nodes: Nodes, scripted: ScriptedAssistant) -> None:
    batch(scripted, "local", None)
    done = 0

    def progress(*_: int) -> None:
        nonlocal done
        done += 1
        if done == 10:
            nodes.lose_one()

    batch(scripted, "far", pool, progress=progress)
    assert done == 49
    assert written(scripted, "far") == written(scripted, "local")


def test_items_without_work_pass_through_and_nobody_is_asked() -> None:
    assert list(Pool(2, 1).in_order(((n, None) for n in range(3)), squaring)) == [
        (0, None),
        (1, None),
        (2, None),
    ]


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("ray://127.0.0.1:10001", "'ray://127.0.0.1:10001' is no address of a Ray cluster; give auto, local"),
        ("cluster", "'cluster' is no address"),
        (f"{64 * 'x'}:6379", f"no Ray cluster answers at {64 * 'x'}:6379: "),
    ],
)
def test_an_address_that_is_none_is_told_in_a_line(address: str, line: str) -> None:
    with pytest.raises(ClusterError) as error, connected(address):
        pass
    assert str(error.value).startswith(line)


def test_a_cluster_that_is_not_there_is_told_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # free once the server is closed
    line = f"no Ray cluster answers at 127.0.0.1:{port}: .*ray start"
    with pytest.raises(ClusterError, match=line), connected(f"127.0.0.1:{port}"):
        pass


def test_a_cluster_of_another_release_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n")

    monkeypatch.setattr("ray.init", init)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    line = "^the Ray cluster auto can't be used: Version mismatch: .* started with: Ray: 2.40.0$"
    with pytest.raises(ClusterError, match=line), connected("auto"):
        pass


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "find_spec", lambda name: None)
    line = r"--ray needs the extra 'ray': pip install '.\[ray\]'"
    with pytest.raises(MissingExtraError, match=line), connected("auto"):
        pass


def test_workers_without_a_cluster_are_refused() -> None:
    done = CliRunner().invoke(cli.app, ["batch", "in.csv", "out.csv", "--ray-workers", "2"])
    assert done.exit_code == 2
    assert "name it by --ray" in done.stderr
