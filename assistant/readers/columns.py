"""Records to papers: which column each field of Paper comes from, and what becomes of its value."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from assistant.records import Paper
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
_YEARS = range(1500, 2101)
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BETWEEN_AUTHORS = re.compile(r";|,?\s+and\s+")


@lru_cache
def guess_columns(columns: tuple[str, ...]) -> Mapping[str, str]:
    """The column of each field of Paper that has one, by the usual names."""
    bare: dict[str, str] = {}
    for column in columns:
        bare.setdefault(re.sub(r"[\W_]+", "", column.casefold()), column)
    found = {field: [bare[name] for name in names if name in bare] for field, names in _NAMES.items()}
    return {field: candidates[0] for field, candidates in found.items() if candidates}


def make_paper(fields: Mapping[str, Any], columns: Mapping[str, str]) -> Paper:
    """The paper that a record describes; what no field of Paper takes is its `extra`."""
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
