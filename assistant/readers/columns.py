"""Records to papers: which column each field of Paper comes from, and what becomes of its value."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from assistant.errors import CorpusError
from assistant.records import Paper
from assistant.text import canonical, plain

# Column names by field of Paper, the best first, without case, spaces and punctuation.
_NAMES = {
    "id": ("id", "paperid", "key", "corpusid"),
    "title": ("title", "papertitle", "articletitle"),
    "abstract": ("abstract", "summary", "abstractnote"),
    "authors": ("authors", "author"),
    "year": ("year", "publicationyear", "date", "publicationdate"),
    "venue": ("venue", "journal", "journaltitle", "booktitle", "publicationtitle", "sourcetitle"),
    "doi": ("doi",),
    "arxiv_id": ("arxivid", "arxiv", "eprint"),
    "url": ("url", "link"),
}
_IDENTIFIERS = frozenset(("id", "doi", "arxiv_id", "url"))  # in which no format has markup of its own
_YEARS = range(1500, 2101)
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BETWEEN_AUTHORS = re.compile(r";|,?\s+and\s+")


def parse_columns(options: Sequence[str]) -> Mapping[str, str]:
    """Columns by field of Paper, from texts such as "abstract=Summary".

    Raises:
        CorpusError: one of them is not of that form, or names no field.

    >>> parse_columns(["abstract=Summary", "title=Paper = name"])
    {'abstract': 'Summary', 'title': 'Paper = name'}
    """
    chosen: dict[str, str] = {}
    for option in options:
        field, equals, column = map(str.strip, option.partition("="))
        if not (equals and column):
            raise CorpusError(f"--column {option} is not FIELD=COLUMN; write --column abstract=Summary")
        if field not in _NAMES:
            raise CorpusError(f"--column {option} names no field of a paper; those are {', '.join(_NAMES)}")
        if field in chosen:
            raise CorpusError(f"--column gives {field} two columns, {chosen[field]!r} and {column!r}")
        chosen[field] = column
    return chosen


def guess_columns(columns: tuple[str, ...], chosen: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The column of each field of Paper that has one: the chosen one, else by the usual names."""
    guessed = _guess(columns)
    if not chosen:
        return guessed
    taken = {field: column for field, column in chosen.items() if column in columns}
    free = {f: column for f, column in guessed.items() if f not in chosen and column not in taken.values()}
    return {field: (taken | free)[field] for field in _NAMES if field in taken or field in free}


@lru_cache
def _guess(columns: tuple[str, ...]) -> Mapping[str, str]:
    bare: dict[str, str] = {}
    for column in columns:
        bare.setdefault(re.sub(r"[\W_]+", "", column.casefold()), column)
    found = {field: [bare[name] for name in names if name in bare] for field, names in _NAMES.items()}
    return {field: candidates[0] for field, candidates in found.items() if candidates}


def make_paper(
    fields: Mapping[str, Any], columns: Mapping[str, str], text: Callable[[str], str] = plain
) -> Paper:
    """The paper that a record describes; what no field of Paper takes is its `extra`.

    `text` makes a value canonical.
    """
    values = {
        field: _text(fields[column], plain if field in _IDENTIFIERS else text)
        for field, column in columns.items()
    }
    title, abstract = values.get("title", ""), values.get("abstract", "")
    date = values.get("year", "")
    year = _year(date)
    taken = set(columns.values())
    extra = {canonical(name): _text(value, text) for name, value in fields.items() if name not in taken}
    if date != str(year):
        extra[columns.get("year", "year")] = date  # it says more than a year, or is none
    return Paper(
        id=values.get("id") or content_id(title, abstract),
        title=title,
        abstract=abstract,
        authors=_authors(fields[columns["authors"]], text) if "authors" in columns else (),
        year=year,
        venue=values.get("venue") or None,
        doi=values.get("doi") or None,
        arxiv_id=values.get("arxiv_id") or None,
        url=values.get("url") or None,
        extra={name: value for name, value in extra.items() if value},
    )


def content_id(title: str, abstract: str) -> str:
    """The id of a paper that brings none."""
    return "sha-" + hashlib.sha256(f"{title}\n{abstract}".encode()).hexdigest()[:12]


def _text(value: Any, text: Callable[[str], str]) -> str:
    if value is None or value != value:  # NaN, as data frames write what is missing
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_text(item, text) for item in value)))
    if isinstance(value, dict):
        return canonical(json.dumps(value, ensure_ascii=False, default=str))
    return text(str(value))


def _authors(value: Any, text: Callable[[str], str]) -> tuple[str, ...]:
    if isinstance(value, list):
        names = [_text(item.get("name") if isinstance(item, dict) else item, text) for item in value]
    else:
        names = [name.strip() for name in _BETWEEN_AUTHORS.split(_text(value, text))]
    return tuple(filter(None, names))


def _year(text: str) -> int | None:
    found = _FOUR_DIGITS.search(text)
    year = int(found.group()) if found else 0
    return year if year in _YEARS else None
