"""The systems whose answers are timed side by side, each in a process of its own.

Its memory, its caches and its start are then its own. The process (eval/systems.py) is told an item at a
time, and gives back what it wrote, when, and the most memory that it has had.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, Self

from assistant.answer import Answer
from assistant.errors import AssistantError
from assistant.models import CATALOGUE, DEFAULT_MODEL, ModelStore
from assistant.settings import Settings
from eval.naive import Draft
from eval.records import GoldItem

OURS = "assistant"
TRANSFORMERS, LLAMA_CPP, OPENVINO = "transformers fp32", "llama.cpp Q4_K_M", "OpenVINO int8"
BASELINES = (TRANSFORMERS, LLAMA_CPP, OPENVINO)


@dataclass(frozen=True, slots=True)
class Place:
    """What a system is, its settings, its index, and for transformers the folder of its weights."""

    system: str
    overrides: Mapping[str, Any]
    index: Path
    weights: Path | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a system said to a question, when (milliseconds by name), and its peak memory so far, in bytes.

    `first` is the first text, `total` the whole answer, verified where the system verifies.
    """

    said: Answer | Draft
    ms: Mapping[str, float]
    memory: int


class Contender:
    """A system in a process of its own, whose native noise goes to `log`."""

    def __init__(self, place: Place, log: Path) -> None:
        self.name = place.system
        self._log = log
        here, there = Pipe()
        self._started = time.perf_counter()
        with log.open("ab") as noise:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "eval.systems", str(there.fileno())],
                pass_fds=[there.fileno()],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=noise,
                stderr=noise,
            )
        there.close()
        self._connection = here
        here.send(place)

    def tell(self, item: GoldItem) -> Told:
        """What it says; the first time this waits for the system to be loaded.

        Raises:
            AssistantError: the system failed or ended.
        """
        try:
            self._connection.send(item)
            told = self._connection.recv()
        except (EOFError, OSError):
            code = self._process.wait()
            raise AssistantError(f"{self.name} ended with exit code {code}; see {self._log}") from None
        if isinstance(told, AssistantError):
            raise told
        assert isinstance(told, Told)
        return told

    @property
    def age(self) -> float:
        """Seconds since the process was started."""
        return time.perf_counter() - self._started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()  # at which it ends
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def prepared(baseline: str, index: Path, cache: Path) -> Place | str:
    """Where a baseline is, made ready to start; or why it is left out, in one line."""
    settings = Settings.load()
    if not ModelStore(settings.cache_dir).state(DEFAULT_MODEL).installed:
        return f"{DEFAULT_MODEL} is not installed; run `assistant models pull {DEFAULT_MODEL}`"
    if baseline == LLAMA_CPP and find_spec("xllamacpp") is None:
        return "xllamacpp is not installed; pip install xllamacpp"
    if baseline != TRANSFORMERS:
        return Place(baseline, {}, index)
    if find_spec("torch") is None:
        return "torch is not installed; pip install -e '.[torch]'"
    weights = cache / f"{DEFAULT_MODEL}-fp32"
    if not weights.is_dir():
        done = subprocess.run(
            [sys.executable, "-m", "eval.systems", "weights", str(gguf_of(settings)), str(weights)],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            return f"its weights could not be made: {said[-1]}"
    return Place(baseline, {}, index, weights)


def gguf_of(settings: Settings) -> Path:
    """The publisher's file of the default model."""
    return ModelStore(settings.cache_dir).folder(DEFAULT_MODEL) / CATALOGUE[DEFAULT_MODEL].files[0].name


def _environment() -> dict[str, str]:
    """That of this process, its modules found as here, and without a GPU."""
    here = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **here}
