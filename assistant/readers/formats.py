"""The formats that files of papers come in, and how each is told from the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from assistant.errors import CorpusError
from assistant.readers.base import Records
from assistant.readers.bibtex import read_bibtex
from assistant.readers.columns import guess_columns
from assistant.readers.delimited import read_csv, read_tsv
from assistant.readers.jsonl import read_json, read_jsonl
from assistant.readers.listing import read_listing
from assistant.readers.parquet import read_parquet
from assistant.readers.pubmed import read_pubmed
from assistant.readers.sources import STDIN, Source
from assistant.readers.spreadsheet import read_xlsx
from assistant.readers.tagged import read_medline, read_ris

READERS: Mapping[str, Callable[[Source], Records]] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "tsv": read_tsv,
    "xlsx": read_xlsx,
    "parquet": read_parquet,
    "bibtex": read_bibtex,
    "ris": read_ris,
    "medline": read_medline,
    "pubmed": read_pubmed,
    "listing": read_listing,
}
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
    ".bib": "bibtex",
    ".ris": "ris",
    ".nbib": "medline",
    ".xml": "pubmed",
    ".txt": "listing",
}
KNOWN_SUFFIXES = ", ".join(_SUFFIXES)
# How the content of a format begins; Zotero, PubMed and others name every export .txt if asked to.
_BEGINNINGS = {
    "parquet": rb"PAR1",
    "xlsx": rb"PK\x03\x04",
    "json": rb"\s*\[",
    "jsonl": rb"\s*\{",
    "pubmed": rb"\s*<\?xml|\s*<PubmedArticle",
    "medline": rb"\s*PMID- ",
    "ris": rb"\s*TY  -",
    "bibtex": rb"(?:\s*%[^\n]*\n)*\s*@\w+\s*[{(]",
}


def format_named(path: Path) -> str | None:
    """The format that a file's name tells, of the file in it where that is named .gz."""
    name = path.name.casefold().removesuffix(".gz")
    return _SUFFIXES.get(Path(name).suffix)


def format_of(path: Path, source: Source) -> str:
    """The format of an open file: as it is named, else as it begins.

    Raises:
        CorpusError: neither tells.
    """
    named = None if path == STDIN else format_named(path)
    if named and named != "listing":
        return named
    found = next((name for name, start in _BEGINNINGS.items() if re.match(start, source.head)), None)
    if found or named:
        return found or str(named)
    if delimiter := _delimiter(source):
        return "tsv" if delimiter == "\t" else "csv"
    formats = ", ".join(READERS)
    raise CorpusError(f"{source.name} is of no format that can be told; name it with --format ({formats})")


def _delimiter(source: Source) -> str | None:
    """The delimiter of a table with a column of abstracts."""
    first = source.text(source.head.split(b"\n", 1)[0])
    return next(
        (
            delimiter
            for delimiter in ",;\t"
            if "abstract" in guess_columns(tuple(cell.strip().strip('"') for cell in first.split(delimiter)))
        ),
        None,
    )
