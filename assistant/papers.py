"""The papers of a generation: stored as compressed JSON, decoded one by one when they are looked at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, overload

from assistant.columns import Columns
from assistant.errors import IndexFormatError
from assistant.frames import Frames, read_json, spread, write_frames, write_json
from assistant.generations import COLUMNS, ORIGINS, PAPERS, START_OVER
from assistant.records import Origin, Paper

_FORMAT_1 = "papers.jsonl"


class StoredPapers(Sequence[Paper]):
    """The papers of a generation in their order, and their columns."""

    def __init__(self, generation: Path) -> None:
        """Open the papers, without reading them.

        Raises:
            IndexFormatError: they are damaged.
        """
        self._folder = generation / PAPERS
        try:
            self._frames = Frames(self._folder)
        except (OSError, ValueError) as error:
            raise self._damaged(error) from error
        try:
            self.columns = Columns.open(generation / COLUMNS)
        except (OSError, ValueError) as error:
            raise IndexFormatError(f"{generation / COLUMNS} is damaged: {error}") from error
        if len(self.columns) != len(self._frames):
            raise self._damaged(f"{len(self._frames)} papers, {len(self.columns)} in {generation / COLUMNS}")

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, row: int) -> Paper: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[Paper, ...]: ...
    def __getitem__(self, row: int | slice) -> Paper | tuple[Paper, ...]:
        if isinstance(row, slice):
            return tuple(self[i] for i in range(*row.indices(len(self))))
        try:
            return paper_from_plain(json.loads(self._frames[row]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(error) from error

    def row_of(self, paper_id: str) -> int | None:
        """The position of the paper of that id, if there is one."""
        rows = self.columns.rows_of(paper_id)
        return next((row for row in rows if self[row].id == paper_id), None)

    def _damaged(self, error: object) -> IndexFormatError:
        return IndexFormatError(f"{self._folder} is damaged: {error}; {START_OVER}")


def write_papers(generation: Path, papers: Sequence[Paper], origins: Sequence[tuple[Origin, ...]]) -> str:
    """Write papers, their columns and their origins; returns the SHA-256 of the papers as JSON lines."""
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for paper in papers:
            line = _line(paper)
            digest.update(line + b"\n")
            yield line

    write_frames(generation / PAPERS, hashed(), [_line(papers[row]) for row in spread(len(papers))])
    Columns.of(papers).save(generation / COLUMNS)
    plain = [[(one.source, one.line, one.digest) for one in some] for some in origins]
    write_json(generation / ORIGINS, plain)
    return digest.hexdigest()


def read_papers(generation: Path) -> Sequence[Paper]:
    """The papers of a generation of this format, or of format 1, which had them in a JSONL file.

    Raises:
        IndexFormatError: they are damaged.
    """
    if not (generation / _FORMAT_1).exists():
        return StoredPapers(generation)
    try:
        with (generation / _FORMAT_1).open(encoding="utf-8") as file:
            return tuple(paper_from_plain(json.loads(line)) for line in file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexFormatError(f"{generation / _FORMAT_1} is damaged: {error}") from error


def read_origins(generation: Path, papers: int) -> Sequence[tuple[Origin, ...]]:
    """The records that each paper of a generation was made of; none each in one of format 1.

    Raises:
        IndexFormatError: they are damaged.
    """
    if (generation / _FORMAT_1).exists():
        return ((),) * papers
    try:
        return tuple(tuple(Origin(*one) for one in some) for some in read_json(generation / ORIGINS))
    except (OSError, ValueError, TypeError) as error:
        raise IndexFormatError(f"{generation / ORIGINS} is damaged: {error}") from error


def exported(papers: Iterable[Paper]) -> Iterator[bytes]:
    """Papers as JSON lines of which a reader makes the same papers: what is extra is a field like others."""
    for paper in papers:
        plain = paper_to_plain(paper)
        plain |= plain.pop("extra", {})
        yield json.dumps(plain, ensure_ascii=False).encode() + b"\n"


def paper_from_plain(plain: dict[str, Any]) -> Paper:
    """The paper that `paper_to_plain` and JSON made `plain` of."""
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


def _line(paper: Paper) -> bytes:
    return json.dumps(paper_to_plain(paper), ensure_ascii=False).encode()
