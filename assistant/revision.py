"""What a run of records makes of the papers that are stored.

A record whose digest is known is as it was, and is not decoded. Any other is a new version of the stored
paper that has its id; or it is of one paper (identity.py) with a stored one or one of this run, and is merged
into it; or it makes a new paper. A paper keeps the id of the record that it was first made of.

A record of a stored paper is gone when its file is given and it is no longer in it, or when the paper's id
comes with another record. Which values of a paper came from which of its records is not stored, so:
- a paper none of whose records is gone is merged with the new ones;
- a paper of one record that is gone is replaced by its new version;
- a paper of several records of which one is gone is taken apart: its other records in this run are placed
  anew, and may turn out to be of several papers. Where some of its records are not in this run, what the
  others lack is taken from the paper as stored.
A paper none of whose records is in this run stays as it is; with `prune` it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from textwrap import shorten

from assistant.arrivals import Arrivals, Record, Stored, place
from assistant.catalogue import Catalogue
from assistant.errors import CorpusError
from assistant.identity import filled, merged, same, similar
from assistant.progress import Progress
from assistant.readers import Reject
from assistant.records import Entry, Origin, Paper


@dataclass(frozen=True, slots=True)
class Revised:
    """A paper after the run.

    `position` is where it is stored, None if it is new; `paper` is how it reads now and `origins` the records
    that it is made of, None if they are as stored.
    """

    position: int | None
    paper: Paper | None
    origins: tuple[Origin, ...] | None


@dataclass(frozen=True, slots=True)
class Merge:
    """Two records that were found to be of one paper: its id, where they stand, and what shows it."""

    paper_id: str
    places: tuple[str, str]
    reason: str

    def __str__(self) -> str:
        return f"{self.places[0]} and {self.places[1]} are one paper: {self.reason}"


@dataclass(frozen=True, slots=True)
class Revision:
    """The papers after the run, in order, and what happened to them.

    `changed` is whether there is anything to write, be it digests alone; `deleted` are the ids of papers that
    are no longer there, but for those merged into another.
    """

    rows: Sequence[Revised]
    changed: bool
    added: tuple[str, ...]
    updated: tuple[str, ...]
    deleted: tuple[str, ...]
    merges: tuple[Merge, ...]
    rejects: tuple[Reject, ...]


def revise(
    stored: Stored, entries: Iterable[Entry], folder: Path, *, prune: bool, progress: Progress
) -> Revision:
    """The papers stored in `folder` after `entries`; `prune` deletes those that are in none of them.

    Raises:
        CorpusError: a record has the id of another stored paper that is not in this run.
    """
    arrivals = Arrivals(stored, entries, prune=prune, progress=progress)
    run = _Run(stored, arrivals, folder, prune)
    for record in run.records():
        run.place(record)
    return run.revision()


@dataclass(slots=True)
class _Draft:
    """A paper that records of this run go into: the stored papers it was, and how it reads so far."""

    id: str
    bases: list[int]
    records: list[Record]
    paper: Paper


class _Run:
    """Papers by number: stored ones have that of their position, new ones follow."""

    def __init__(self, stored: Stored, arrivals: Arrivals, folder: Path, prune: bool) -> None:
        self._stored = stored
        self._arrivals = arrivals
        self._folder = folder
        self._prune = prune
        self._apart: set[int] = set()  # stored papers taken apart: their records in this run are placed anew
        self._renewed: set[int] = set()  # stored papers whose id comes with another record
        self._named: dict[int, int] = {}  # the stored papers whose ids records have, by the records' numbers
        self._drafts: dict[int, _Draft] = {}
        self._joined: dict[int, int] = {}  # papers merged into another, and which
        self._catalogue = Catalogue()
        self._next = len(stored.papers)
        self._merges: list[Merge] = []

    def records(self) -> list[Record]:
        """The records to place; those with the id of a stored paper first, since it may lose keys to them."""
        apart = self._arrivals.taken_apart()
        self._apart = {*apart}
        records = [*self._arrivals.fresh, *chain.from_iterable(apart.values())]
        if records:
            self._enter_stored()
        for record in records:
            if (named := self._catalogue.ids.get(record.paper.id)) is not None:
                self._named[record.number] = named
        inherited = {*self._named.values()}
        for record in records:  # where no record has the id of a paper taken apart, its first one gets it
            if record.position is not None and record.position not in inherited:
                self._named[record.number] = record.position
                inherited.add(record.position)
        return sorted(records, key=lambda record: (record.number not in self._named, record.number))

    def place(self, record: Record) -> None:
        """Find or make the paper that a record goes into."""
        named = self._named.get(record.number, self._catalogue.ids.get(record.paper.id))
        named = None if named is None else self._now(named)
        if named is not None and not self._may_be(record, named):
            return
        found = {*map(self._now, self._catalogue.with_key_of(record.paper))}
        if named is not None:
            found.add(named)
            if self._renews(named):
                self._renewed.add(named)
        if not found:
            titled = map(self._now, self._catalogue.with_title_of(record.paper))
            found = {next((n for n in titled if same(record.paper, self._paper(n))), self._next)}
        number, *others = sorted(found)
        if number == self._next:
            self._catalogue.ids[record.paper.id] = number
            self._next += 1
        self._put(number, record)
        for other in others:
            self._join(number, other, same(record.paper, self._paper(other)) or f"id {record.paper.id}")

    def revision(self) -> Revision:
        """What has become of all papers."""
        stored = range(len(self._stored.papers))
        gone = [position for position in stored if self._is_gone(position)]
        changed = bool(self._drafts or gone)
        left = sorted({*stored, *self._drafts} - {*gone})
        rows = [self._revised(number) if changed else Revised(number, None, None) for number in left]
        return Revision(
            rows,
            changed,
            added=tuple(row.paper.id for row in rows if row.paper and row.position is None),
            updated=tuple(row.paper.id for row in rows if row.paper and row.position is not None),
            deleted=tuple(
                self._stored.papers[position].id for position in gone if position not in self._joined
            ),
            merges=tuple(self._merges),
            rejects=tuple(self._arrivals.rejects),
        )

    def _enter_stored(self) -> None:
        for position, paper in enumerate(self._stored.papers):
            self._catalogue.ids[paper.id] = position
            if position not in self._apart or self._outlasts(position):
                self._catalogue.add(position, paper)

    def _may_be(self, record: Record, named: int) -> bool:
        """Whether a record can be of the paper that has its id; one that can't is rejected.

        Raises:
            CorpusError: that paper is stored and not in this run, so it would be lost.
        """
        if record.position == named:
            return True
        paper = self._paper(named)
        if named not in self._drafts and (named not in self._arrivals.known or named in self._apart):
            _check_update(record.paper, paper, self._folder)
            return True
        if same(record.paper, paper) or similar(record.paper.abstract, paper.abstract):
            return True
        fault = f"{place(record.origin)} has the id {record.paper.id!r} of {self._first_place(named)}"
        reject = Reject(record.origin.source, record.origin.line, fault, "has the id of another")
        self._arrivals.rejects.append(reject)
        return False

    def _put(self, number: int, record: Record) -> None:
        """Add a record to a paper."""
        draft = self._drafts.get(number)
        if draft is None and number < len(self._stored.papers) and self._is_whole(number):
            draft = self._draft(number)
        if draft is None:
            paper, bases = record.paper, []
            if number < len(self._stored.papers):
                old, bases = self._stored.papers[number], [number]
                self._catalogue.remove(number, old)
                paper = filled(paper, old) if self._outlasts(number) else replace(paper, id=old.id)
            self._drafts[number] = draft = _Draft(paper.id, bases, [], paper)
        else:
            if record.position is None:
                places = (self._first_place(number), place(record.origin))
                reason = same(draft.paper, record.paper) or f"id {record.paper.id}"
                self._merges.append(Merge(draft.id, places, reason))
            draft.paper = merged([draft.paper, record.paper])
        draft.records.append(record)
        self._catalogue.add(number, record.paper)

    def _join(self, number: int, other: int, reason: str) -> None:
        """Merge a paper into another one, which a record has turned out to be of, too."""
        into, joined = self._drafts[number], self._draft(other)
        self._merges.append(Merge(into.id, (self._first_place(number), self._first_place(other)), reason))
        into.bases += joined.bases
        into.records += joined.records
        self._catalogue.remove(other, joined.paper)
        self._catalogue.add(number, joined.paper)
        self._catalogue.ids[joined.id] = number
        into.paper = merged([into.paper, joined.paper])
        self._joined[other] = number
        del self._drafts[other]

    def _now(self, number: int) -> int:
        """The paper that one was merged into, or the same."""
        while number in self._joined:
            number = self._joined[number]
        return number

    def _draft(self, number: int) -> _Draft:
        if number not in self._drafts:
            paper = self._stored.papers[number]
            self._drafts[number] = _Draft(paper.id, [number], [], paper)
        return self._drafts[number]

    def _paper(self, number: int) -> Paper:
        draft = self._drafts.get(number)
        return draft.paper if draft else self._stored.papers[number]

    def _first_place(self, number: int) -> str:
        draft = self._drafts.get(number)
        if draft and draft.records and not self._leads(draft):
            return place(draft.records[0].origin)
        position = draft.bases[0] if draft else number
        origins = self._arrivals.refreshed(position)
        return (
            place(origins[0]) if origins else f"paper {self._stored.papers[position].id!r} of {self._folder}"
        )

    def _is_gone(self, position: int) -> bool:
        kept = position in self._drafts or position in self._arrivals.known or not self._prune
        return position in self._joined or not kept

    def _renews(self, position: int) -> bool:
        """Whether a record with a paper's id is a new version of the record that gave it the id."""
        if position >= len(self._stored.papers) or position in self._drafts:
            return False
        origins = self._stored.origins[position]
        return not origins or not self._arrivals.has(origins[0])

    def _is_whole(self, position: int) -> bool:
        """Whether none of the records of a stored paper is gone."""
        return position not in self._renewed and not any(
            map(self._arrivals.lacks, self._stored.origins[position])
        )

    def _left(self, position: int) -> list[Origin]:
        """The records of a stored paper that it still has as stored."""
        origins = self._arrivals.refreshed(position)
        if position in self._renewed:
            origins = origins[1:]
        if position in self._apart:
            origins = [one for one in origins if not self._arrivals.has(one)]
        return [one for one in origins if not self._arrivals.lacks(one)]

    def _outlasts(self, position: int) -> bool:
        return bool(self._left(position))

    def _revised(self, number: int) -> Revised:
        position = number if number < len(self._stored.papers) else None
        draft = self._drafts.get(number)
        if draft is None:
            return Revised(number, None, tuple(self._arrivals.refreshed(number)))
        left = [origin for base in draft.bases for origin in self._left(base)]
        new = [record.origin for record in draft.records]
        origins = (*left, *new) if self._leads(draft) else (*new, *left)
        paper = self._made(draft)
        same_as_stored = position is not None and paper == self._stored.papers[position]
        return Revised(position, None if same_as_stored else paper, origins)

    def _leads(self, draft: _Draft) -> bool:
        """Whether the record that gave a paper its id is stored, and not one of this run."""
        return bool(draft.bases) and self._is_whole(draft.bases[0])

    def _made(self, draft: _Draft) -> Paper:
        """The paper of a draft, by the rules at the head of this module."""
        papers = self._stored.papers
        whole = [papers[base] for base in draft.bases if self._is_whole(base)]
        new = [record.paper for record in draft.records]
        paper = merged([*whole, *new] if self._leads(draft) else [*new, *whole])
        for base in draft.bases:
            if not self._is_whole(base) and self._outlasts(base):
                paper = filled(paper, papers[base])
        return replace(paper, id=draft.id)


def _check_update(new: Paper, old: Paper, folder: Path) -> None:
    """Refuse ids that mean another paper here than there, as the positions on two listing pages do."""
    if old.title != new.title and old.abstract != new.abstract and not same(old, new):
        raise CorpusError(
            f"{folder} has another paper with the id {new.id!r}, {_short(old.title)}, than the new "
            f"{_short(new.title)}; ingest into another --index, or give the papers ids of their own"
        )


def _short(title: str) -> str:
    return repr(shorten(title, 60, placeholder=" …"))
