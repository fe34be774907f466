"""What papers are chosen and counted by, a column each: years, venues, authors, ids, titles."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assistant.arrays import Mask, Rows
from assistant.frames import read_json, write_json
from assistant.records import Filters, Paper

NO_YEAR = int(np.iinfo(np.int32).min)
NO_VENUE = -1

_ARRAYS = ("years", "venues", "authors", "author_ends", "id_hashes", "id_rows")
_VENUES = "venues.json.zst"
_AUTHORS = "authors.json.zst"
_TITLES = "titles.json.zst"
_WORD_START = re.compile(r"\b(?=\w)")
_MARK = "\0"  # put before each word of a name, so that a plain search finds beginnings of words

Numbers = NDArray[np.int32]
Names = Callable[[], list[str]]


class Columns:
    """The columns of n papers; an author's or a venue's code is its place among the names.

    `years` (n) is NO_YEAR and `venues` (n) NO_VENUE where there is none; `authors` are the codes of the
    authors of all papers in a row, those of paper i up to `author_ends[i]`.
    """

    def __init__(
        self,
        years: Numbers,
        venues: Numbers,
        authors: Numbers,
        author_ends: Numbers,
        id_hashes: NDArray[np.uint64],
        id_rows: Numbers,
        *,
        names: tuple[Names, Names, Names],
    ) -> None:
        self.years = years
        self.venues = venues
        self.authors = authors
        self.author_ends = author_ends
        self.id_hashes = id_hashes  # ascending
        self.id_rows = id_rows  # of the papers whose ids these are
        self._venues, self._authors, self._titles = names

    @classmethod
    def of(cls, papers: Sequence[Paper]) -> Self:
        """The columns of these papers."""
        venues: dict[str, int] = {}
        names: dict[str, int] = {}
        rows = [
            (
                NO_YEAR if paper.year is None else paper.year,
                venues.setdefault(paper.venue, len(venues)) if paper.venue else NO_VENUE,
                [names.setdefault(name, len(names)) for name in paper.authors],
                _hash(paper.id),
                paper.title,
            )
            for paper in papers
        ]
        years, codes, authors, hashes, titles = zip(*rows, strict=True) if rows else ((),) * 5
        hashed = np.array(hashes, dtype=np.uint64)
        order = np.argsort(hashed, kind="stable")
        return cls(
            np.array(years, dtype=np.int32),
            np.array(codes, dtype=np.int32),
            np.array([code for some in authors for code in some], dtype=np.int32),
            np.cumsum([len(some) for some in authors], dtype=np.int32),
            hashed[order],
            order.astype(np.int32),
            names=(lambda: list(venues), lambda: list(names), lambda: list(titles)),
        )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The columns saved in `folder`, mapped into memory; names and titles are read when first needed.

        Raises:
            OSError, ValueError: a file is missing or damaged.
        """
        arrays = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS]
        years, venues, _, ends, *ids = arrays
        if len({len(column) for column in (years, venues, ends, *ids)}) > 1:
            raise ValueError("its columns differ in length")
        files = (_VENUES, _AUTHORS, _TITLES)
        read = [lambda path=folder / name: read_json(path) for name in files]
        return cls(*arrays, names=(read[0], read[1], read[2]))

    def save(self, folder: Path) -> None:
        """Write the columns into `folder`."""
        folder.mkdir()
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        write_json(folder / _VENUES, self.venue_names)
        write_json(folder / _AUTHORS, self.author_names)
        write_json(folder / _TITLES, self.titles)

    def __len__(self) -> int:
        return len(self.years)

    @cached_property
    def venue_names(self) -> list[str]:
        """The venues, each once."""
        return self._venues()

    @cached_property
    def author_names(self) -> list[str]:
        """The authors, each once."""
        return self._authors()

    @cached_property
    def titles(self) -> list[str]:
        """The papers' titles."""
        return self._titles()

    @cached_property
    def author_papers(self) -> Rows:
        """The paper that each of `authors` belongs to."""
        counts = np.diff(self.author_ends, prepend=0)
        return np.repeat(np.arange(len(self), dtype=np.int64), counts)

    def rows_of(self, paper_id: str) -> list[int]:
        """The papers that may have this id: the one that has it, if any, and rarely another."""
        wanted = np.uint64(_hash(paper_id))
        first = np.searchsorted(self.id_hashes, wanted)
        last = np.searchsorted(self.id_hashes, wanted, side="right")
        return [int(row) for row in self.id_rows[first:last]]

    def passing(self, filters: Filters) -> Mask:
        """Which papers pass the filters of years, venues and authors."""
        passing = np.ones(len(self), dtype=np.bool_)
        if filters.years:
            first, last = filters.years
            passing &= self.years != NO_YEAR
            if first is not None:
                passing &= self.years >= first
            if last is not None:
                passing &= self.years <= last
        if filters.venues:
            wanted = {venue.casefold() for venue in filters.venues}
            names = [*self.venue_names, ""]  # NO_VENUE is the last
            passing &= np.array([name.casefold() in wanted for name in names])[self.venues]
        if filters.authors:
            passing &= self.written_by(code for name in filters.authors for code in self._named(name))
        return passing

    def written_by(self, codes: Iterable[int]) -> Mask:
        """Which papers have one of the authors."""
        wanted = np.zeros(len(self.author_names), dtype=np.bool_)
        wanted[list(codes)] = True
        written = np.zeros(len(self), dtype=np.bool_)
        written[self.author_papers[wanted[self.authors]]] = True
        return written

    def _named(self, beginning: str) -> Iterator[int]:
        """The codes of the authors with a word, or words, that begin so in any case."""
        pattern = re.compile(rf"\b{re.escape(beginning)}", re.I)
        text, starts = self._marked
        found = list(_places(text, _marked(beginning)))
        for code in np.unique(np.searchsorted(starts, found, side="right") - 1).tolist():
            if pattern.search(self.author_names[code]):  # it has the last word on what is the same letter
                yield code

    @cached_property
    def _marked(self) -> tuple[str, Rows]:
        """All authors in one text to search, and where each begins in it."""
        text = _marked("\n".join(name.replace("\n", " ") for name in self.author_names))
        breaks = np.frombuffer(text.encode("utf-32-le"), dtype="<u4") == ord("\n")
        return text, np.concatenate([[0], np.flatnonzero(breaks) + 1])


def _places(text: str, part: str) -> Iterator[int]:
    """Where the part stands in the text."""
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _marked(names: str) -> str:
    """Names so that what is the same to a regular expression in any case is the same text.

    Case-folding does that but for i, which is also the small letter of İ, and the capital of ı.
    """
    return _WORD_START.sub(_MARK, names.casefold().replace("i\u0307", "i").replace("ı", "i"))


def _hash(paper_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(paper_id.encode(), digest_size=8).digest())
