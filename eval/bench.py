"""Benchmarks: how long something takes, and how much longer than something else.

Every benchmark gives Measurements, so that each is printed and stored in the same way. A comparison of two
ways of doing a thing is run interleaved, a, b, a, b, so that a slow spell of the machine falls on both.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from assistant.embedding import Embedder
from assistant.index import Index
from assistant.records import Filters
from assistant.retrieval import CANDIDATES, FUSIONS, retrieve
from assistant.settings import Settings
from assistant.terms import terms
from eval.summary import nearest_rank

Timed = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What `n` timed calls took, in milliseconds; or, for a ratio, how many times as long."""

    name: str
    n: int
    median: float
    min: float
    max: float
    p95: float
    unit: str = "ms"


def measure(name: str, call: Timed, *, repeats: int = 30, warmup: int = 3) -> Measurement:
    """Time `call` `repeats` times, after `warmup` calls that do not count."""
    for _ in range(warmup):
        call()
    return summarised(name, [_timed(call) for _ in range(repeats)])


def by_turns(
    a: tuple[str, Timed], b: tuple[str, Timed], *, repeats: int = 30, warmup: int = 3
) -> tuple[Measurement, Measurement, Measurement]:
    """Two named calls, each timed right after the other, and how many times as long `a` takes as `b`."""
    for _ in range(warmup):
        a[1]()
        b[1]()
    pairs = [(_timed(a[1]), _timed(b[1])) for _ in range(repeats)]
    return (
        summarised(a[0], [one for one, _ in pairs]),
        summarised(b[0], [other for _, other in pairs]),
        summarised(f"{a[0]} / {b[0]}", [one / other for one, other in pairs], unit="x"),
    )


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
    }


def to_plain(measurements: Sequence[Measurement], about: Mapping[str, Any]) -> dict[str, Any]:
    """A benchmark as JSON: what it was about, the machine, and the figures."""
    return {**about, "machine": machine(), "measurements": [asdict(one) for one in measurements]}


def table(measurements: Sequence[Measurement], about: Mapping[str, Any]) -> Iterator[str]:
    """A benchmark as lines of text."""
    here = machine()
    yield ", ".join(f"{key} {value}" for key, value in about.items())
    yield f"{here['cpu']}, {here['cores']} cores, {here['memory_gb']} GB, Python {here['python']}"
    yield f"{'':<24} {'n':>5} {'median':>9} {'min':>9} {'p95':>9} {'max':>9}"
    for m in measurements:
        yield f"{m.name:<24} {m.n:>5} {m.median:9.2f} {m.min:9.2f} {m.p95:9.2f} {m.max:9.2f} {m.unit}"


def search(
    index: Index, embedder: Embedder, settings: Settings, queries: Sequence[str], *, repeats: int
) -> list[Measurement]:
    """Time the embedding of a query, each side's search, and the whole retrieval, over `queries` in turn."""
    vectors = [embedder.encode([query])[0] for query in queries]

    def over(items: Sequence[Any], call: Callable[[Any], object]) -> Timed:
        turn = cycle(items)
        return lambda: call(next(turn))

    def find(query: str) -> object:
        fusion = FUSIONS[settings.fusion]
        return retrieve(query, index, embedder, k=settings.papers, filters=Filters(), fusion=fusion)

    stages = {
        "query embedding": over(queries, lambda query: embedder.encode([query])),
        "dense search": over(vectors, lambda vector: index.vectors.search(vector, CANDIDATES, None)),
        "lexical search": over(queries, lambda query: index.lexical.scores(terms(query))),
        "retrieval, end to end": over(queries, find),
    }
    return [measure(name, call, repeats=repeats) for name, call in stages.items()]


def _timed(call: Timed) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def summarised(name: str, values: Sequence[float], unit: str = "ms") -> Measurement:
    """A measurement of values taken elsewhere."""
    return Measurement(
        name, len(values), median(values), min(values), max(values), nearest_rank(values, 95), unit
    )


def _cpu() -> str:
    """The processor's name, which only Linux tells in full."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
