"""Files of papers: a reader per format gives raw records, and one step makes papers of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import CorpusError
from assistant.readers.base import Record, Records, Reject, listed, reject
from assistant.readers.columns import guess_columns, make_paper
from assistant.readers.delimited import read_delimited
from assistant.readers.jsonl import read_json, read_jsonl
from assistant.readers.listing import read_listing
from assistant.records import Paper

__all__ = ["Corpus", "Reject", "read_corpora", "read_corpus"]

_READERS: Mapping[str, Callable[[Path], Records]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".txt": read_listing,
}


@dataclass(frozen=True, slots=True)
class Corpus:
    """The papers of some files in their order, and what there is to say about how they were read.

    `mapping` tells which input column each field of Paper came from, as guessed from the column names.
    """

    papers: tuple[Paper, ...]
    rejects: tuple[Reject, ...]
    mapping: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Taken:
    line: int
    paper: Paper
    columns: Mapping[str, str]


def read_corpus(path: Path) -> Corpus:
    """The papers of one file, in the format that its suffix says.

    Raises:
        CorpusError: the file can't be read, is of no known format, or holds no papers.
    """
    return read_corpora([path])


def read_corpora(paths: Sequence[Path]) -> Corpus:
    """The papers of several files; of those with the same id the first is kept.

    Raises:
        CorpusError: a file can't be read, is of no known format, or holds no papers.
    """
    papers: list[Paper] = []
    rejects: list[Reject] = []
    notes: list[str] = []
    mapping: dict[str, str] = {}
    places: dict[str, str] = {}
    for path in paths:
        for item in _papers(path):
            if isinstance(item, str):
                notes.append(item)
            elif isinstance(item, Reject):
                rejects.append(item)
            elif item.paper.id in places:
                first = places[item.paper.id]
                rejects.append(reject(path, item.line, f"has the id {item.paper.id!r} of {first}"))
            else:
                places[item.paper.id] = f"{path} line {item.line}"
                papers.append(item.paper)
                mapping = {**item.columns, **mapping}
    return Corpus(tuple(papers), tuple(rejects), mapping, tuple(notes))


def _papers(path: Path) -> Iterator[_Taken | Reject | str]:
    read = _reader(path)
    taken, faults = 0, []
    for item in read(path):
        result = _take(path, item) if isinstance(item, Record) else item
        if isinstance(result, _Taken):
            taken += 1
        elif isinstance(result, Reject):
            faults.append(result.reason)
        yield result
    if not taken:
        raise CorpusError(f"{path} holds no papers: {faults[0] if faults else 'no record was found in it'}")


def _reader(path: Path) -> Callable[[Path], Records]:
    known = ", ".join(_READERS)
    try:
        if path.is_dir():
            raise CorpusError(f"{path} is a folder; name the files in it ({known})")
        if not path.exists():
            raise CorpusError(f"{path} does not exist; name a file of papers ({known})")
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error
    try:
        return _READERS[path.suffix.casefold()]
    except KeyError:
        raise CorpusError(
            f"{path} is of no format that can be read; rename or export it as {known}"
        ) from None


def _take(path: Path, record: Record) -> _Taken | Reject:
    columns = guess_columns(tuple(record.fields))
    paper = make_paper(record.fields, columns)
    if paper.abstract:
        return _Taken(record.line, paper, columns)
    if "abstract" in columns:
        return reject(path, record.line, "has an empty abstract")
    return reject(path, record.line, f"has no abstract but {listed(record.fields)}")
