"""What is killed, refused a disk or raced while it writes an index leaves the old one or the new one."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingesting import SlowEmbedder, bring_to, version

from assistant.embedded import EmbeddedLog
from assistant.errors import IndexFormatError
from assistant.generations import current_generation, verify
from assistant.index import Index
from assistant.ingest import rebuild
from assistant.progress import silent
from assistant.records import Paper

KILLS = 100


@dataclass
class Server:
    """Starts processes that ingest into `folder`."""

    folder: Path
    process: subprocess.Popen[str]

    def start(self, number: int, seconds: float = 0.0) -> int:
        """The id of a process that brings the index to a version."""
        return self._asked(f"{number} {seconds}")

    def ended(self) -> int:
        """Wait for the process started last; its exit code."""
        return self._asked("")

    def _asked(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture
def server(tmp_path: Path, repository: Path) -> Iterator[Server]:
    environment = os.environ | {"PYTHONPATH": str(repository)}
    command = [sys.executable, str(repository / "tests" / "ingesting.py"), str(tmp_path / "index")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Server(tmp_path / "index", process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def stored(folder: Path) -> list[Paper]:
    """The papers of the index, which opens, is whole, and belongs together row by row."""
    assert list(verify(current_generation(folder))) == []
    index = Index.open(folder, SlowEmbedder(0))
    texts = [f"{index.paper(passage.paper_id).title}\n{passage.text}" for passage in index.passages]
    np.testing.assert_array_equal(index.vectors.vectors(np.arange(len(texts))), SlowEmbedder(0).encode(texts))
    assert len(index.lexical.scores([])) == len(texts)
    return sorted(index.papers, key=lambda paper: paper.id)


def papers_of(number: int) -> list[Paper]:
    return sorted(version(number), key=lambda paper: paper.id)


def test_a_hundred_kills_at_random_moments_leave_the_old_or_the_new_index(server: Server) -> None:
    rng = random.Random(5)
    bring_to(0, server.folder)
    started = time.perf_counter()
    server.start(1, 0.005)
    assert server.ended() == 0
    whole = time.perf_counter() - started

    number, killed, found = 1, 0, {"old": 0, "new": 0}
    while killed < KILLS:
        number += 1
        process = server.start(number, 0.005)
        time.sleep(rng.uniform(0, whole))
        os.kill(process, signal.SIGKILL)
        code = server.ended()
        assert code in (0, -signal.SIGKILL)
        papers = stored(server.folder)
        assert papers in (papers_of(number - 1), papers_of(number))
        if code:
            killed += 1
            found["new" if papers == papers_of(number) else "old"] += 1
        bring_to(number, server.folder)
        assert stored(server.folder) == papers_of(number)
        whole = whole if code else whole * 0.9  # the machine has become faster: aim earlier
    assert found["old"] > KILLS // 2
    left = {path.name for path in server.folder.iterdir()}
    assert left == {"CURRENT", "generations", ".writer.lock"}


def test_while_one_process_writes_others_read_and_none_else_may_write(server: Server) -> None:
    bring_to(0, server.folder)
    opened = Index.open(server.folder, SlowEmbedder(0))
    server.start(1, 0.3)
    wait_for(server.folder / ".embedding")
    with pytest.raises(IndexFormatError) as refused:
        bring_to(2, server.folder)
    assert str(refused.value) == f"another process is writing {server.folder}; wait for it to finish"
    assert stored(server.folder) == papers_of(0)
    assert server.ended() == 0
    assert stored(server.folder) == papers_of(1)
    assert list(opened.papers) == version(0)
    query = SlowEmbedder(0).encode([f"{version(0)[0].title}\n{version(0)[0].abstract}"])[0]
    assert opened.passages[opened.vectors.search(query, 1)[0][0]].paper_id == "p0"


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def refuse(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (np, "save"),
        (EmbeddedLog, "append"),
        (os, "fsync"),
        (Path, "write_bytes"),
        (Path, "write_text"),
        (Path, "rename"),
    ],
    ids=["spans", "log of vectors", "fsync", "a file", "manifest", "renaming"],
)
def test_a_full_disk_leaves_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    bring_to(0, tmp_path)
    for writing in (brought_up_to_date, remade):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, refuse)
            with pytest.raises(IndexFormatError) as refused:
                writing(tmp_path)
        assert str(refused.value) == (
            f"{tmp_path} can't be written: No space left on device; what was there before is untouched"
        )
        assert stored(tmp_path) == papers_of(0)
    bring_to(1, tmp_path)
    assert stored(tmp_path) == papers_of(1)


def brought_up_to_date(folder: Path) -> None:
    bring_to(1, folder)


def remade(folder: Path) -> None:
    rebuild(folder, SlowEmbedder(0), passage_tokens=80, progress=silent)
