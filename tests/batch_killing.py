"""Runs a batch again and again, each time in a process that is killed at a random moment, until it is done.

A program of its own, because its children are forked from a process without threads. Its log tells what was
asked ("asked N") and what had been finished ("done N": so many questions of the table) in their true order.
Nothing is synced to the disk: a kill takes nothing from the system that a process has written.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from unittest.mock import patch

from assistant.answer import Answer
from assistant.api import Assistant
from assistant.batch import Options, prepare, run, table_task
from assistant.batch.journal import Journal
from assistant.errors import AssistantError
from assistant.index import Index
from assistant.rows import Request
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel

_WRITE = os.write
_PIECE = 100  # bytes written at a time, so that kills tear lines apart


class LoggingAssistant(Assistant):
    """Says what it is asked before it answers."""

    log: Callable[[str], None]

    def answer(self, request: Request | AssistantError, stopped: Event | None = None) -> Answer:
        assert isinstance(request, Request)
        self.log(f"asked {request.question.rpartition(' ')[2]}")
        return super().answer(request, stopped)


def one_run(folder: Path, workers: int, begun: int) -> None:
    """The batch, as far as it gets; it writes to the descriptor `begun` when it begins."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(line: str) -> None:
        _WRITE(log, f"{line}\n".encode())

    embedder = HashingEmbedder()
    index = Index.open(folder / "index", embedder)
    model = ScriptedModel("LongCache reduces cache memory by 62%.")
    assistant = LoggingAssistant(index, embedder, model, Settings())
    assistant.log = note
    task = table_task(folder / "in.csv", "question")
    plan = prepare(task, folder / "out.csv", Options(concurrency=workers))
    _WRITE(begun, b"!")
    unsynced = partial(Journal, sync=lambda file: None)
    with patch("assistant.batch.work.Journal", unsynced), patch("os.write", in_pieces):
        run(plan, assistant, lambda done, total: note(f"done {done}"))
    note("finished")


def in_pieces(file: int, data: bytes) -> int:
    """Write the beginning of the data alone, as the system may."""
    return _WRITE(file, data[:_PIECE])


def main(folder: Path, kills: int, workers: int) -> None:
    """Kill the batch so many times, then let it finish."""
    moments = random.Random(workers)
    for kill in range(kills + 1):
        begun, beginning = os.pipe()
        child = os.fork()
        if child == 0:
            one_run(folder, workers, beginning)
            os._exit(0)
        os.close(beginning)
        os.read(begun, 1)
        if kill < kills:
            time.sleep(moments.uniform(0, 0.1))
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(begun)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
