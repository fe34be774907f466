"""Files of papers: one reader per format gives raw records, and one step makes papers of them."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from textwrap import shorten
from typing import Any

from assistant.errors import CorpusError
from assistant.records import Paper
from assistant.tables import decode, read_table
from assistant.text import canonical

# Column names by field of Paper, the best first, without case, spaces and punctuation.
_NAMES = {
    "id": ("id", "paperid", "key", "corpusid"),
    "title": ("title", "papertitle", "articletitle"),
    "abstract": ("abstract", "summary", "abstractnote"),
    "authors": ("authors", "author"),
    "year": ("year", "publicationyear", "date", "publicationdate"),
    "venue": ("venue", "journal", "booktitle", "publicationtitle", "sourcetitle"),
    "doi": ("doi",),
    "arxiv_id": ("arxivid", "arxiv", "eprint"),
    "url": ("url", "link"),
}
_LEAST_ABSTRACT_WORDS = 40  # titles are shorter, abstracts are longer
_YEARS = range(1500, 2101)
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BETWEEN_AUTHORS = re.compile(r";|,?\s+and\s+")
_BETWEEN_ELEMENTS = re.compile(r"[\s,]*")
_JSON = json.JSONDecoder(strict=False)  # tolerates tabs and the like inside strings; canonical() removes them


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was left out; `reason` is the whole line for the user and names file and line."""

    source: str
    line: int
    reason: str


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
class _Record:
    line: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Taken:
    line: int
    paper: Paper
    columns: Mapping[str, str]


# What a reader yields: records, records it could not make out, and notes about the file.
_Raw = Iterator[_Record | Reject | str]


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
                rejects.append(_reject(path, item.line, f"has the id {item.paper.id!r} of {first}"))
            else:
                places[item.paper.id] = f"{path} line {item.line}"
                papers.append(item.paper)
                mapping = {**item.columns, **mapping}
    return Corpus(tuple(papers), tuple(rejects), mapping, tuple(notes))


def _papers(path: Path) -> Iterator[_Taken | Reject | str]:
    read = _reader(path)
    taken, faults = 0, []
    for item in read(path):
        result = _take(path, item) if isinstance(item, _Record) else item
        if isinstance(result, _Taken):
            taken += 1
        elif isinstance(result, Reject):
            faults.append(result.reason)
        yield result
    if not taken:
        raise CorpusError(f"{path} holds no papers: {faults[0] if faults else 'no record was found in it'}")


def _reader(path: Path) -> Callable[[Path], _Raw]:
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


def _reject(path: Path, line: int, fault: str) -> Reject:
    return Reject(str(path), line, f"{path} line {line} {fault}")


def _listed(names: Iterable[str]) -> str:
    return shorten(canonical(", ".join(names)), 200, placeholder=" …") or "nothing"


def _take(path: Path, record: _Record) -> _Taken | Reject:
    columns = _guess(tuple(record.fields))
    paper = _paper(record.fields, columns)
    if paper.abstract:
        return _Taken(record.line, paper, columns)
    if "abstract" in columns:
        return _reject(path, record.line, "has an empty abstract")
    return _reject(path, record.line, f"has no abstract but {_listed(record.fields)}")


@lru_cache
def _guess(columns: tuple[str, ...]) -> Mapping[str, str]:
    bare: dict[str, str] = {}
    for column in columns:
        bare.setdefault(re.sub(r"[\W_]+", "", column.casefold()), column)
    found = {field: [bare[name] for name in names if name in bare] for field, names in _NAMES.items()}
    return {field: candidates[0] for field, candidates in found.items() if candidates}


def _paper(fields: Mapping[str, Any], columns: Mapping[str, str]) -> Paper:
    values = {field: _text(fields[column]) for field, column in columns.items()}
    title, abstract = values.get("title", ""), values.get("abstract", "")
    date = values.get("year", "")
    year = _year(date)
    extra = {canonical(name): _text(value) for name, value in fields.items() if name not in columns.values()}
    if date != str(year):
        extra[columns.get("year", "year")] = date  # it says more than a year, or is none
    return Paper(
        id=values.get("id") or _content_id(title, abstract),
        title=title,
        abstract=abstract,
        authors=_authors(fields[columns["authors"]]) if "authors" in columns else (),
        year=year,
        venue=values.get("venue") or None,
        doi=values.get("doi") or None,
        arxiv_id=values.get("arxiv_id") or None,
        url=values.get("url") or None,
        extra={name: value for name, value in extra.items() if value},
    )


def _content_id(title: str, abstract: str) -> str:
    return "sha-" + hashlib.sha256(f"{title}\n{abstract}".encode()).hexdigest()[:12]


def _text(value: Any) -> str:
    if value is None or value != value:  # NaN, as data frames write what is missing
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return canonical(json.dumps(value, ensure_ascii=False))
    return canonical(str(value))


def _authors(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        names = [_text(item.get("name") if isinstance(item, dict) else item) for item in value]
    else:
        names = [name.strip() for name in _BETWEEN_AUTHORS.split(_text(value))]
    return tuple(filter(None, names))


def _year(text: str) -> int | None:
    found = _FOUR_DIGITS.search(text)
    year = int(found.group()) if found else 0
    return year if year in _YEARS else None


def _read_text(path: Path) -> tuple[str, list[str]]:
    try:
        text, encoding = decode(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error
    return text, _encoding_notes(path, encoding)


def _encoding_notes(path: Path, encoding: str) -> list[str]:
    return [] if encoding.startswith("utf") else [f"{path} is not UTF-8; read as {encoding}"]


def _read_jsonl(path: Path) -> _Raw:
    text, notes = _read_text(path)
    yield from notes
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            value = _JSON.decode(line.rstrip())
        except (ValueError, RecursionError) as error:
            yield _reject(path, number, f"is not JSON: {_json_fault(error)}")
        else:
            yield _object(path, number, value)


def _read_json(path: Path) -> _Raw:
    text, notes = _read_text(path)
    if not text.lstrip().startswith("["):
        yield from _read_jsonl(path)  # some publish one object per line under this name
        return
    yield from notes
    line, counted, end = 1, 0, text.index("[") + 1
    while between := _BETWEEN_ELEMENTS.match(text, end):
        start = between.end()
        line, counted = line + text.count("\n", counted, start), start
        if text.startswith("]", start):
            return
        try:
            value, end = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            yield _reject(path, line, f"is not JSON, the rest is left out: {_json_fault(error)}")
            return
        yield _object(path, line, value)


def _object(path: Path, line: int, value: Any) -> _Record | Reject:
    if isinstance(value, dict):
        return _Record(line, value)
    return _reject(path, line, f"is no JSON object: {json.dumps(value)[:40]}")


def _json_fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return str(error)


def _read_table(path: Path) -> _Raw:
    table = read_table(path)
    yield from _encoding_notes(path, table.encoding)
    twice = [name for name in table.header if name and table.header.count(name) > 1]
    if twice:
        raise CorpusError(f"{path} has two columns {twice[0]!r}; rename one of them")
    if "abstract" not in _guess(table.header):
        raise CorpusError(
            f"{path} has no column of abstracts but {_listed(table.header)}; name that column abstract"
        )
    for row in table.rows:
        if row.fault:
            yield Reject(str(path), row.line, row.fault)
        else:
            yield _Record(row.line, dict(zip(table.header, row.cells, strict=True)))


def _read_listing(path: Path) -> _Raw:
    """A run of long paragraphs is an abstract, the short one before it the title, the rest furniture."""
    text, notes = _read_text(path)
    yield from notes
    papers, unused = 0, 0
    title: list[tuple[int, str]] = []
    for is_long, run in groupby(_paragraphs(text), key=_is_long):
        *others, last = run
        if is_long:
            papers += 1
            line = (title or others or [last])[0][0]
            yield _Record(
                line, {"id": f"p{papers:03}", "title": _join(title), "abstract": _join([*others, last])}
            )
            title = []
        else:
            title = [last]
            unused += len(others)
    unused += len(title)
    if unused:
        yield f"{path} has {unused} short paragraphs that are neither title nor abstract; they are left out"


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    for is_text, run in groupby(lines, key=lambda line: bool(line[1].strip())):
        if is_text:
            paragraph = list(run)
            yield paragraph[0][0], _join(paragraph)


def _join(lines: Sequence[tuple[int, str]]) -> str:
    return " ".join(text.strip() for _, text in lines)


def _is_long(paragraph: tuple[int, str]) -> bool:
    return len(paragraph[1].split()) >= _LEAST_ABSTRACT_WORDS


_READERS: Mapping[str, Callable[[Path], _Raw]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".csv": _read_table,
    ".tsv": _read_table,
    ".txt": _read_listing,
}
