"""What the tests' workers on a Ray cluster open: in a module of its own, so that they can import it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Self

from assistant.api import Assistant
from assistant.generation.base import Delta
from assistant.records import Message
from assistant.settings import Settings
from assistant.testing import HashingEmbedder, ScriptedModel


class DyingModel(ScriptedModel):
    """A scripted model that takes its process with it, once, when it is asked about "case 5"."""

    def __init__(self, marker: Path) -> None:
        super().__init__("LongCache reduces cache memory by 62%.")
        self._marker = marker

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        if "case 5" in messages[-1].content:
            die_once(self._marker)
        yield from super().stream(messages, max_tokens=max_tokens)


class ScriptedAssistant(Assistant):
    """An assistant with a scripted model on every worker; a file `deadly` beside the index makes it die."""

    @classmethod
    def open(cls, index: Any = None, *, settings: Settings | None = None, **rest: Any) -> Self:
        deadly = Path(index).parent / "deadly"
        embedder = HashingEmbedder()
        return super().open(index, model=DyingModel(deadly), embedder=embedder, settings=settings)


def die_once(marker: Path) -> None:
    """Kill this process as the system would, if the file is there, and remove the file."""
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def squaring() -> Callable[[int], int]:
    """Work that can be checked."""
    return lambda n: n * n


def opening_nothing() -> HashingEmbedder:
    """An embedder of another dimension than the usual one, so of another fingerprint."""
    return HashingEmbedder(dimension=8)
