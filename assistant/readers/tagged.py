"""RIS and MEDLINE files: a tag, a dash and a value on each line."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from assistant.readers.base import Record, Records
from assistant.readers.blocks import blocks
from assistant.readers.sources import Source

_RIS_START = re.compile(r"TY  -")
_RIS_END = re.compile(r"^ER  -", re.MULTILINE)
_MEDLINE_START = re.compile(r"PMID- ")
_LINE_END = re.compile(r"\r\n?|\n")
_WITH_DOI = re.compile(r"(10\.\S+) \[doi\]")

# What rispy calls the tags that Paper's fields are taken from, the best first.
_RIS_FIELDS = {
    "title": ("title", "primary_title"),
    "abstract": ("abstract", "notes_abstract"),
    "authors": ("authors", "first_authors"),
    "year": ("year", "publication_year", "date"),
    "venue": ("journal_name", "alternate_title3", "secondary_title", "alternate_title1"),
    "doi": ("doi",),
    "url": ("urls",),
    "id": ("accession_number",),
}
_MEDLINE_FIELDS = {
    "id": ("PMID",),
    "title": ("TI", "BTI"),
    "abstract": ("AB",),
    "authors": ("FAU", "AU", "CN"),
    "year": ("DP",),
    "venue": ("JT", "TA"),
}
_LISTS = ("authors",)  # the other fields of Paper are one text each


def read_ris(source: Source) -> Records:
    """The references of a RIS file; one that lacks its ER line ends where the next begins."""
    for item in blocks(source, _RIS_START):
        if isinstance(item, tuple):
            line, text = item
            yield Record(line, text.rstrip(), partial(_ris_fields, text))
        else:
            yield item


def read_medline(source: Source) -> Records:
    """The citations of a PubMed export in MEDLINE format (.nbib)."""
    for item in blocks(source, _MEDLINE_START):
        if isinstance(item, tuple):
            line, text = item
            yield Record(line, text.rstrip(), partial(_medline_fields, text))
        else:
            yield item


def _ris_fields(text: str) -> Mapping[str, Any]:
    from rispy import RisParser

    # Every tag is read as a list, for of a tag that it takes for single rispy drops the second.
    parser = RisParser(list_tags=list(RisParser.DEFAULT_MAPPING))
    lines = [*_LINE_END.split(_RIS_END.split(text, maxsplit=1)[0]), "ER  - "]
    (record,) = parser.parse_lines(iter(lines))
    unknown = record.pop("unknown_tag", {})
    values = {("reference_id" if name == "id" else name): value for name, value in record.items()}
    fields = _named(values, _RIS_FIELDS) | {str(tag): value for tag, value in unknown.items()}
    return fields if fields.get("id") else fields | {"id": fields.get("doi")}


def _medline_fields(text: str) -> Mapping[str, Any]:
    values: defaultdict[str, list[str]] = defaultdict(list)
    found: list[str] = []
    for line in _LINE_END.split(text):
        if line[4:6] == "- " and line[:4].strip().isupper():
            found = values[line[:4].strip()]
            found.append(line[6:].strip())
        elif found and line.strip():
            found[-1] += f" {line.strip()}"
    doi = _WITH_DOI.search(" ".join(values.get("LID", []) + values.get("AID", [])))
    fields = _named(values, _MEDLINE_FIELDS)
    return fields | {
        "doi": doi[1] if doi else None,
        "url": f"https://pubmed.ncbi.nlm.nih.gov/{fields.get('id', '')}/",
    }


def _named(values: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The values under the names of Paper's fields, and the others under their own."""
    taken = {
        field: next(name for name in tags if values.get(name))
        for field, tags in names.items()
        if any(values.get(name) for name in tags)
    }
    fields = {
        field: values[name] if field in _LISTS else _one(values[name], first=field in ("url", "doi"))
        for field, name in taken.items()
    }
    used = set(taken.values()) | set(fields)
    return fields | {name: value for name, value in values.items() if name not in used}


def _one(value: Any, *, first: bool) -> Any:
    if not isinstance(value, list):
        return value
    return value[0] if first else " ".join(value)
