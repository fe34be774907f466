"""How many threads a model computes with: measured once on a machine and kept beside the compiled models.

More threads read a prompt sooner, and yet may write an answer later: where memory is slower than the cores,
and where two threads share a core. So a prompt and an answer of usual lengths are timed together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from assistant.machine import physical_cores, usable_cores
from assistant.progress import Progress, silent
from assistant.storage import write_atomically

Measure = Callable[[Path, int | None], float]

FEW = 2  # cores that there is nothing to choose among
_GAIN = 0.95  # another count must take less than this of the default's time: less is noise
_PROMPT, _ANSWER = 256, 16  # tokens, about the medians of `python -m eval run` on dev
_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Tuning:
    """The count that was quickest, None for OpenVINO's own choice, on a machine of so many cores."""

    threads: int | None
    cores: int
    physical: int


def tune(
    folder: Path,
    name: str,
    cache_dir: Path,
    *,
    progress: Progress = silent,
    measure: Measure | None = None,
) -> None:
    """Choose the count for a converted model, unless it was chosen on a machine with cores like these.

    Args:
        folder: Holds openvino_model.xml and its tokenizer.
        name: The model's name, that `tuned` is asked by.
        cache_dir: Where compiled models are kept.
        progress: Told of each count that is tried.
        measure: Seconds that a model takes with a number of threads; measured if not given.
    """
    cores, physical = usable_cores(), physical_cores()
    if cores <= FEW or tuned(name, cache_dir):
        return
    measure = measure or seconds
    tried: tuple[int | None, ...] = (None, *sorted({physical, max(1, physical // 2)}, reverse=True))
    took = {}
    for done, threads in enumerate(tried):
        progress(done, len(tried), "choosing the number of threads")
        took[threads] = measure(folder, threads)
    best = min(took, key=took.__getitem__)
    chosen = best if took[best] < _GAIN * took[None] else None
    cache_dir.mkdir(parents=True, exist_ok=True)
    record = asdict(Tuning(chosen, cores, physical))
    write_atomically(_file(name, cache_dir), json.dumps(record).encode())


def tuned(name: str, cache_dir: Path) -> Tuning | None:
    """What was chosen for a model on a machine with as many cores; None if nothing was."""
    try:
        found = Tuning(**json.loads(_file(name, cache_dir).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if (found.cores, found.physical) == (usable_cores(), physical_cores()) else None


def threads_of(name: str, cache_dir: Path, setting: int | None) -> int | None:
    """The count to compute with: the setting, else what was quickest, else None for OpenVINO's choice."""
    found = tuned(name, cache_dir)
    return setting or (found.threads if found else None)


def seconds(folder: Path, threads: int | None) -> float:
    """What a prompt and an answer of usual lengths take together, in the best of a few."""
    import numpy as np
    import openvino
    import openvino_genai

    properties = {"INFERENCE_NUM_THREADS": threads} if threads else {}
    pipeline = openvino_genai.LLMPipeline(str(folder), "CPU", **properties)
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = _ANSWER
    config.ignore_eos = True
    config.do_sample = False
    took = []
    for turn in range(_REPEATS + 1):
        # No prompt begins like another one, so that nothing of it is remembered.
        ids = np.arange(_PROMPT, dtype=np.int64)[None] + 1_000 * (turn + 1)
        started = time.perf_counter()
        pipeline.generate(openvino.Tensor(ids), config)
        took.append(time.perf_counter() - started)
    return min(took[1:])  # the first, in which memory is laid out, does not count


def _file(name: str, cache_dir: Path) -> Path:
    return cache_dir / f"{name}.threads.json"
