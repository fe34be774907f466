"""The records of a run beside those that an index was made of: known, new, gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from assistant.errors import CorpusError, RecordError
from assistant.progress import Progress
from assistant.readers import Reject
from assistant.records import Entry, Origin, Paper

_REPORTED = 1000  # records between two reports of progress


@dataclass(frozen=True, slots=True)
class Stored:
    """The papers of an index, the records that each was made of, and its position by their digests."""

    papers: Sequence[Paper] = ()
    origins: Sequence[tuple[Origin, ...]] = ()
    positions: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, papers: Sequence[Paper], origins: Sequence[tuple[Origin, ...]]) -> Self:
        """These papers, made of these records."""
        return cls(papers, origins, {one.digest: row for row, some in enumerate(origins) for one in some})


@dataclass(frozen=True, slots=True)
class Record:
    """A decoded record; `position` is that of the paper it was stored in, where it is known."""

    number: int
    origin: Origin
    paper: Paper
    position: int | None = None


class Arrivals:
    """The records of a run; those that are known by their digests are not decoded.

    `known` are their origins by the position of their paper, `fresh` are the others.
    """

    def __init__(self, stored: Stored, entries: Iterable[Entry], *, prune: bool, progress: Progress) -> None:
        self.known: dict[int, list[Origin]] = defaultdict(list)
        self.fresh: list[Record] = []
        self.rejects: list[Reject] = []
        self._stored = stored
        self._prune = prune
        self._sources: set[str] = set()
        self._again: dict[int, list[tuple[int, Entry]]] = defaultdict(list)  # of papers of several records
        for number, entry in enumerate(entries, start=1):
            self._sources.add(entry.origin.source)
            self._enter(number, entry)
            if number % _REPORTED == 0:
                progress(number, 0, "reading records")
        self._digests = {one.digest for origins in self.known.values() for one in origins}

    def has(self, origin: Origin) -> bool:
        """Whether a stored record is in this run."""
        return origin.digest in self._digests

    def lacks(self, origin: Origin) -> bool:
        """Whether a stored record is gone from its file."""
        return not self.has(origin) and (self._prune or origin.source in self._sources)

    def taken_apart(self) -> dict[int, list[Record]]:
        """The stored papers of which a record is gone and others are in this run: these, decoded.

        One whose records can't be decoded any more, though they were when they were stored, is left alone.
        """
        found = {}
        for position, entries in self._again.items():
            if any(map(self.lacks, self._stored.origins[position])):
                try:
                    found[position] = [Record(n, e.origin, e.paper(), position) for n, e in entries]
                except CorpusError:
                    continue
        return found

    def refreshed(self, position: int) -> list[Origin]:
        """The origins of a stored paper, those in this run where their records stand now."""
        now = {one.digest: one for one in self.known.get(position, ())}
        stored = [now.pop(one.digest, one) for one in self._stored.origins[position]]
        return [*stored, *now.values()]

    def _enter(self, number: int, entry: Entry) -> None:
        origin = entry.origin
        position = self._stored.positions.get(origin.digest)
        if position is None:
            try:
                self.fresh.append(Record(number, origin, entry.paper()))
            except CorpusError as error:
                kind = error.kind if isinstance(error, RecordError) else ""
                self.rejects.append(Reject(origin.source, origin.line, str(error), kind))
            return
        self.known[position].append(origin)
        if len(self._stored.origins[position]) > 1:
            self._again[position].append((number, entry))


def place(origin: Origin) -> str:
    """Where a record stands, for people."""
    return f"{origin.source} line {origin.line}" if origin.line else origin.source
