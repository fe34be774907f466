"""Ingests versions of a small collection on demand, each in a process of its own that can be killed.

Run as `python ingesting.py FOLDER`; for each line `VERSION SECONDS` on the input it prints the id of a
process that ingests that version, waiting so long for each text that it embeds, and after one more line its
exit code.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.arrays import Vectors
from assistant.errors import AssistantError
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Paper
from assistant.testing import HashingEmbedder

COUNT = 8


def version(number: int) -> list[Paper]:
    """The papers of a version: each one's abstract changes at every eighth, and the last two come and go."""
    papers = [
        Paper(f"p{n}", f"Paper {n}", f"Finding {n} of version {(number + n) // COUNT} holds.")
        for n in range(COUNT)
    ]
    return [*papers, Paper(f"extra{number % 2}", f"Extra {number % 2}", "It comes and goes.")]


class SlowEmbedder(HashingEmbedder):
    """Takes its time for each text."""

    def __init__(self, seconds: float) -> None:
        super().__init__(16)
        self._seconds = seconds

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        time.sleep(self._seconds * len(texts))
        return super().encode(texts, progress)


def bring_to(number: int, folder: Path, seconds: float = 0.0) -> None:
    """Make the index in `folder` that of a version."""
    ingest(version(number), folder, SlowEmbedder(seconds), passage_tokens=160, prune=True, progress=silent)


def _serve(folder: Path) -> None:
    for line in sys.stdin:
        number, seconds = line.split()
        child = os.fork()
        if not child:
            _ingest(int(number), folder, float(seconds))
        _say(child)
        sys.stdin.readline()  # until asked it is not waited for, so that its id stays its own
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _ingest(number: int, folder: Path, seconds: float) -> None:
    """In the child: it must not come back into the server's loop, whatever happens."""
    try:
        bring_to(number, folder, seconds)
        os._exit(0)
    except AssistantError:
        os._exit(3)
    except BaseException:
        traceback.print_exc()
        os._exit(4)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
