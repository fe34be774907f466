"""What building an index costs, by the number of papers: the time of each part, memory and disk."""

from __future__ import annotations

import gzip
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from assistant.embedding import Embedder, open_embedder
from assistant.index import Index
from assistant.ingest import ingest
from assistant.machine import peak_memory
from assistant.papers import exported
from assistant.progress import silent
from assistant.readers import read_entries
from assistant.records import Entry
from assistant.settings import Settings
from eval.pools import sampled
from eval.searching import exponent
from eval.tables import Table

READING = "reading"
WRITING = "writing"
_LOG = ".embedding"  # where an index folder keeps the vectors of a run that has not ended


@dataclass(slots=True)
class Stages:
    """Seconds by what progress was reported of; what is reported belongs to the time before it."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=lambda: time.perf_counter())

    def end(self, what: str) -> None:
        """Count the time since the last report as spent on `what`."""
        now = time.perf_counter()
        self.seconds[what] = self.seconds.get(what, 0.0) + now - self._since
        self._since = now

    def progress(self, done: int, total: int, what: str) -> None:
        """Progress of that name was made."""
        self.end(what)


@dataclass(frozen=True, slots=True)
class Built:
    """What building one index took, in a process of its own: seconds by part, and bytes.

    `again` are the seconds of an ingest of the same file that changes nothing; `plain` are the papers as JSON
    lines; `embedded` are the passages whose vectors were computed, the others' were in a log.
    """

    papers: int
    passages: int
    embedded: int
    seconds: dict[str, float]
    again: float
    peak: int
    disk: int
    plain: int


def cost(corpus: Path, papers: int, log: Path | None) -> Built:
    """Build the index of so many papers of a file of JSON lines in a process of its own, and throw it away.

    `log` is a file of vectors that an interrupted run of the same embedder has left.
    """
    alone = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, mp_context=alone) as process:
        return process.submit(measured, corpus, papers, Path(folder), log, open_embedder).result()


def measured(
    corpus: Path, papers: int, folder: Path, log: Path | None, embedding: Callable[[Settings], Embedder]
) -> Built:
    """Build the index of so many papers in `folder`, in this process."""
    settings = Settings.load()
    embedder = embedding(settings)
    some = _some_of(corpus, papers, folder)
    index, embedded = folder / "index", 0
    if log:
        (index / _LOG).mkdir(parents=True)
        shutil.copy(log, index / _LOG / embedder.fingerprint)

    def progress(done: int, total: int, what: str) -> None:
        nonlocal embedded
        embedded = total if what == "embedding passages" else embedded
        stages.progress(done, total, what)

    stages = Stages()
    read = list(_entries(some))
    stages.end(READING)
    manifest = ingest(read, index, embedder, **settings.passages, progress=progress).manifest
    stages.end(WRITING)
    start = time.perf_counter()
    ingest(_entries(some), index, embedder, **settings.passages, progress=silent)
    again = time.perf_counter() - start
    return Built(
        papers=manifest.papers,
        passages=manifest.passages,
        embedded=embedded,
        seconds=stages.seconds,
        again=again,
        peak=peak_memory(),
        disk=sum(manifest.parts.values()),
        plain=sum(map(len, exported(Index(index).papers))),
    )


def _entries(corpus: Path) -> Iterator[Entry]:
    return (item for item in read_entries([corpus]) if isinstance(item, Entry))


def table(built: Sequence[Built]) -> Table:
    """Costs by the number of papers, and the exponent with which each grows."""
    parts = list(dict.fromkeys(part for one in built for part in one.seconds))
    rows: dict[str, dict[str, float | str]] = {
        f"{one.papers:,} papers": {
            "passages": f"{one.passages:,}",
            "embedded": f"{one.embedded:,}",
            **{f"{part}, s": f"{one.seconds.get(part, 0.0):.1f}" for part in parts},
            "whole, s": f"{sum(one.seconds.values()):.1f}",
            "no change, s": f"{one.again:.1f}",
            "peak, MB": f"{one.peak / 1e6:.0f}",
            "disk, MB": f"{one.disk / 1e6:.1f}",
            "of plain JSONL": f"{one.disk / one.plain:.2f}",
        }
        for one in built
    }
    if len({one.papers for one in built}) > 1:
        sizes = [one.papers for one in built]
        rows["exponent of growth"] = {
            "whole, s": exponent(sizes, [sum(one.seconds.values()) for one in built]),
            "no change, s": exponent(sizes, [one.again for one in built]),
            "peak, MB": exponent(sizes, [one.peak for one in built]),
            "disk, MB": exponent(sizes, [one.disk for one in built]),
        }
    return Table("costs of building", rows)


def _some_of(corpus: Path, papers: int, folder: Path) -> Path:
    """A file of so many lines of the corpus, drawn always alike."""
    read = gzip.open if corpus.suffix == ".gz" else open
    with read(corpus, "rt", encoding="utf-8") as file:
        lines = sampled(list(file), papers)
    path = folder / "papers.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return path
