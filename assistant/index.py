"""An opened index: its papers and passages, vectors and BM25, and the filters over them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from assistant.arrays import Mask, Rows
from assistant.embedding import Embedder
from assistant.errors import IndexFormatError
from assistant.generations import (
    LEXICAL,
    ORIGINS,
    PAPERS,
    PASSAGES,
    VECTORS,
    Manifest,
    current_generation,
    read_manifest,
)
from assistant.lexical import LexicalIndex
from assistant.records import Filters, Origin, Paper, Passage
from assistant.vectors import VectorIndex


class Index:
    """One generation of an index, open for reading; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        generation = current_generation(folder)
        self.manifest: Manifest = read_manifest(generation)
        self._generation = generation
        self.papers: Sequence[Paper] = read_papers(generation)
        self.passages: Sequence[Passage] = tuple(_read_passages(generation, self.papers))
        try:
            self.vectors = VectorIndex.open(generation / VECTORS)
            self.lexical = LexicalIndex.open(generation / LEXICAL)
        except IndexFormatError as error:
            raise IndexFormatError(f"{error}; run `assistant index rebuild --index {folder}`") from error
        self.paper_rows: Rows = np.array(
            [self._position[passage.paper_id] for passage in self.passages], dtype=np.int64
        )

    @classmethod
    def open(cls, folder: Path, embedder: Embedder) -> Self:
        """The index in `folder`, to be queried with `embedder`.

        Raises:
            IndexFormatError: there is none, it is damaged, or it was built with another embedder.
        """
        index = cls(folder)
        built_with = (index.manifest.embedder, index.manifest.embedder_fingerprint)
        if built_with != (embedder.name, embedder.fingerprint):
            raise IndexFormatError(
                f"{folder} was built with embedder {built_with[0]} {built_with[1][:12]}, this program uses "
                f"{embedder.name} {embedder.fingerprint[:12]}; run `assistant index rebuild --index {folder}`"
            )
        return index

    def paper(self, paper_id: str) -> Paper:
        """The paper of that id; KeyError if there is none."""
        return self.papers[self._position[paper_id]]

    def passages_of(self, paper: Paper) -> tuple[Passage, ...]:
        """The passages of a paper of this index, in their order."""
        position = self._position[paper.id]
        first, last = np.searchsorted(self.paper_rows, (position, position + 1))
        return tuple(self.passages[first:last])

    @cached_property
    def origins(self) -> Sequence[tuple[Origin, ...]]:
        """The records that each paper was made of, parallel to `papers`."""
        return read_origins(self._generation, len(self.papers))

    @cached_property
    def spans(self) -> Rows:
        """The position of its paper, start and end of each passage (n × 3)."""
        rows = zip(self.paper_rows, self.passages, strict=True)
        return np.array([(row, p.start, p.end) for row, p in rows], dtype=np.int64).reshape(-1, 3)

    def digests(self) -> Mapping[str, int]:
        """The position of the paper that each record, by the digest of its raw text, went into."""
        return {one.digest: row for row, origins in enumerate(self.origins) for one in origins}

    def __contains__(self, paper_id: object) -> bool:
        return paper_id in self._position

    def allowed(self, filters: Filters) -> Mask | None:
        """Which rows pass `filters`; None where all do."""
        if filters == Filters():
            return None
        passes = _passes(filters)
        return np.fromiter(map(passes, self.papers), dtype=np.bool_, count=len(self.papers))[self.paper_rows]

    @cached_property
    def _position(self) -> dict[str, int]:
        return {paper.id: position for position, paper in enumerate(self.papers)}


def read_papers(generation: Path) -> tuple[Paper, ...]:
    """The papers of a generation, in order."""
    try:
        with (generation / PAPERS).open(encoding="utf-8") as file:
            return tuple(paper_from_plain(json.loads(line)) for line in file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexFormatError(f"{generation / PAPERS} is damaged: {error}") from error


def read_origins(generation: Path, papers: int) -> Sequence[tuple[Origin, ...]]:
    """The origins of the papers of a generation; empty for each where none were kept."""
    path = generation / ORIGINS
    if not path.exists():
        return ((),) * papers
    with path.open(encoding="utf-8") as file:
        return tuple(tuple(Origin(*origin) for origin in json.loads(line)) for line in file)


def paper_from_plain(plain: dict[str, Any]) -> Paper:
    """The paper that `to_plain` and JSON made `plain` of."""
    plain["authors"] = tuple(plain.get("authors", ()))
    return Paper(**plain)


def paper_to_plain(paper: Paper) -> dict[str, Any]:
    """A paper as JSON, fields at their default left out."""
    empty = Paper(paper.id, paper.title, paper.abstract)
    plain: dict[str, Any] = {"id": paper.id, "title": paper.title, "abstract": paper.abstract}
    for field in fields(Paper):
        value = getattr(paper, field.name)
        if value != getattr(empty, field.name):
            plain[field.name] = value
    return plain


def _read_passages(generation: Path, papers: Sequence[Paper]) -> Iterator[Passage]:
    """Passages are stored as [position of the paper, start, end]; their text is the abstract's."""
    number = 0
    previous = -1
    try:
        with (generation / PASSAGES).open(encoding="utf-8") as file:
            for line in file:
                position, start, end = json.loads(line)
                number = number + 1 if position == previous else 0
                previous = position
                paper = papers[position]
                yield Passage(f"{paper.id}:{number}", paper.id, start, end, paper.abstract[start:end])
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise IndexFormatError(f"{generation / PASSAGES} is damaged: {error}") from error


def _passes(filters: Filters) -> Callable[[Paper], bool]:
    included, excluded = set(filters.include_ids), set(filters.exclude_ids)
    venues = {venue.casefold() for venue in filters.venues}
    authors = [re.compile(rf"\b{re.escape(author)}", re.I) for author in filters.authors]
    first, last = filters.years or (None, None)

    def passes(paper: Paper) -> bool:
        return (
            (not included or paper.id in included)
            and paper.id not in excluded
            and (not filters.years or _within(paper.year, first, last))
            and (not venues or (paper.venue or "").casefold() in venues)
            and (not authors or any(name.search(author) for name in authors for author in paper.authors))
        )

    return passes


def _within(year: int | None, first: int | None, last: int | None) -> bool:
    return year is not None and (first is None or year >= first) and (last is None or year <= last)
