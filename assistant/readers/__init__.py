"""Files of papers: a reader per format splits off raw records, and one step makes papers of them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

from assistant.errors import CorpusError, RecordError, first_line
from assistant.readers.base import Fault, Header, Record, Reject, listed
from assistant.readers.columns import guess_columns, make_paper, parse_columns
from assistant.readers.formats import KNOWN_SUFFIXES, READERS, format_named, format_of
from assistant.readers.sources import STDIN, name_of, opened
from assistant.records import Entry, Origin, Paper
from assistant.text import MarkupError

__all__ = [
    "READERS",
    "Corpus",
    "Decoded",
    "Reject",
    "parse_columns",
    "read_corpora",
    "read_corpus",
    "read_entries",
    "read_papers",
]

# Part of every digest: raise it when a reader makes another paper of the same record.
_DECODING = 1
_MOST_NAMED = 10

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Corpus:
    """The papers of some files in their order, and what there is to say about how they were read.

    `mapping` tells which input column each field of Paper came from: chosen, or guessed from its name.
    """

    papers: tuple[Paper, ...]
    rejects: tuple[Reject, ...]
    mapping: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A paper, where its record stands, and the column that each of its fields came from."""

    paper: Paper
    origin: Origin
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Entry(Entry):
    decoded: Callable[[], Decoded]


def read_corpus(path: Path) -> Corpus:
    """The papers of one file, in the format that its name says.

    Raises:
        CorpusError: the file can't be read, is of no known format, or holds no papers.
    """
    return read_corpora([path])


def read_corpora(
    paths: Sequence[Path], columns: Mapping[str, str] | None = None, format: str | None = None
) -> Corpus:
    """The papers of several files; of those with the same id the first is kept.

    Raises:
        CorpusError: a file can't be read, is of no known format, or holds no papers.
    """
    papers: list[Paper] = []
    rejects: list[Reject] = []
    notes: list[str] = []
    mapping: dict[str, str] = {}
    places: dict[str, str] = {}
    for item in read_papers(paths, columns, format):
        if isinstance(item, str):
            notes.append(item)
        elif isinstance(item, Reject):
            rejects.append(item)
        elif item.paper.id in places:
            first = places[item.paper.id]
            source, line = item.origin.source, item.origin.line
            reason = f"{source} line {line} has the id {item.paper.id!r} of {first}"
            rejects.append(Reject(source, line, reason, "has the id of another"))
        else:
            places[item.paper.id] = f"{item.origin.source} line {item.origin.line}"
            papers.append(item.paper)
            mapping = {**item.columns, **mapping}
    return Corpus(tuple(papers), tuple(rejects), mapping, tuple(notes))


def read_papers(
    paths: Sequence[Path], columns: Mapping[str, str] | None = None, format: str | None = None
) -> Iterator[Decoded | Reject | str]:
    """The papers of files, folders and standard input, decoded as they are read; see read_entries.

    Raises:
        CorpusError: a file can't be read, is of no known format, or holds no papers.
    """
    for path in paths:
        yield from _not_empty(path, map(_decoded, _entries(path, columns or {}, format)), Decoded)


def read_entries(
    paths: Sequence[Path], columns: Mapping[str, str] | None = None, format: str | None = None
) -> Iterator[Entry | Reject | str]:
    """The records of files, folders and standard input ("-") before they are decoded, in constant memory.

    Args:
        paths: What to read, in this order; a folder's files are read in the order of their names.
        columns: The column of each field of Paper that is not to be guessed from the columns' names.
        format: The format of all the files, one of READERS; by default told from name and content.

    Raises:
        CorpusError: a file can't be read, is of no known format, or holds no records.
    """
    for path in paths:
        yield from _not_empty(path, _entries(path, columns or {}, format), Entry)


def _not_empty(path: Path, items: Iterator[Item], wanted: type) -> Iterator[Item]:
    found, fault = False, ""
    for item in items:
        found = found or isinstance(item, wanted)
        if isinstance(item, Reject):
            fault = fault or item.reason
        yield item
    if not found:
        raise CorpusError(f"{name_of(path)} holds no papers: {fault or 'no record was found in it'}")


def _decoded(item: _Entry | Reject | str) -> Decoded | Reject | str:
    if not isinstance(item, _Entry):
        return item
    try:
        return item.decoded()
    except RecordError as error:
        return Reject(item.origin.source, item.origin.line, str(error), error.kind)


def _entries(path: Path, columns: Mapping[str, str], format: str | None) -> Iterator[_Entry | Reject | str]:
    if path == STDIN or not path.is_dir():
        yield from _of_file(path, columns, format)
        return
    files, left_out = _files_in(path, format)
    for reason, names in left_out.items():
        yield f"{path}: left out, {reason}: {_some(names)}"
    for file in files:
        try:
            yield from _not_empty(file, _of_file(file, columns, format), Entry)
        except CorpusError as error:  # one file of a folder does not stop the others
            yield Reject(str(file), 0, str(error), "is a file that can't be read")


def _files_in(folder: Path, format: str | None) -> tuple[list[Path], Mapping[str, list[str]]]:
    """The files of papers below a folder in the order of their names, and the others by what is wrong."""
    files: list[Path] = []
    left_out: dict[str, list[str]] = {}
    for parent, folders, names in os.walk(folder):
        hidden = [name for name in (*folders, *names) if name.startswith(".")]
        folders[:] = sorted(name for name in folders if name not in hidden)
        for path in (Path(parent, name) for name in sorted({*hidden, *names})):
            if path.name in hidden:
                left_out.setdefault("hidden", []).append(str(path.relative_to(folder)))
            elif not path.is_file() or not (format or format_named(path)):
                left_out.setdefault("of no known format", []).append(str(path.relative_to(folder)))
            else:
                files.append(path)
    return sorted(files), left_out


def _some(names: Sequence[str]) -> str:
    shown = listed(sorted(names)[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


def _of_file(path: Path, columns: Mapping[str, str], format: str | None) -> Iterator[_Entry | Reject | str]:
    if path != STDIN and not _exists(path):
        raise CorpusError(f"{path} does not exist; name a file or folder of papers ({KNOWN_SUFFIXES})")
    if format and format not in READERS:
        raise CorpusError(f"there is no format {format!r}; the formats are {', '.join(READERS)}")
    with opened(path) as source:
        name = format or format_of(path, source)
        context = blake2b(_text_of(_DECODING, name, sorted(columns.items())), digest_size=16)
        for item in READERS[name](source):
            if isinstance(item, Header):
                _check_header(source.name, item.names, columns)
                context.update(_text_of(*item.names))
            elif isinstance(item, Record):
                digest = context.copy()
                digest.update(item.raw.encode("utf-8", "surrogatepass"))
                origin = Origin(source.name, item.line, digest.hexdigest())
                decode = partial(_decode, origin, item, columns)
                yield _Entry(origin, partial(_paper, decode), decode)
            else:
                yield item
        yield from source.notes()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error


def _text_of(*values: object) -> bytes:
    return json.dumps(values).encode()


def _check_header(name: str, header: tuple[str, ...], columns: Mapping[str, str]) -> None:
    twice = [column for column, times in Counter(header).items() if column and times > 1]
    if twice:
        raise CorpusError(f"{name} has two columns {twice[0]!r}; rename one of them")
    absent = [column for column in columns.values() if column not in header]
    if absent:
        raise CorpusError(f"{name} has no column {absent[0]!r} but {listed(header)}")
    if "abstract" not in guess_columns(header, columns):
        raise CorpusError(
            f"{name} has no column of abstracts but {listed(header)}; name it: --column abstract=NAME"
        )


def _paper(decode: Callable[[], Decoded]) -> Paper:
    return decode().paper


def _decode(origin: Origin, record: Record, chosen: Mapping[str, str]) -> Decoded:
    try:
        fields = record.fields()
        columns = guess_columns(tuple(fields), chosen)
        paper = make_paper(fields, columns, record.text)
        if not paper.abstract and "abstract" in columns:
            raise Fault("has an empty abstract")
        if not paper.abstract:
            raise Fault("has no abstract", f" but {listed(fields)}")
    except Fault as fault:
        raise RecordError(f"{origin.source} line {origin.line} {fault}", fault.kind) from fault
    except (RecursionError, ValueError) as error:  # a Unicode fault, say, of one of the libraries
        wrong = _undecodable(error)
        raise RecordError(f"{origin.source} line {origin.line} {wrong}", wrong.kind) from error
    return Decoded(paper, origin, columns)


def _undecodable(error: Exception) -> Fault:
    """What is wrong with a record that is given up on."""
    if isinstance(error, RecursionError | MarkupError):
        return Fault("is nested too deeply")
    return Fault("can't be decoded", f": {first_line(error)}")
