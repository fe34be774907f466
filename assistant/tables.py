"""CSV and TSV files as rows with their line numbers: encodings, delimiters and ragged rows."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import CorpusError

_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One record: the line it begins on, its cells, and what is wrong with it, if anything."""

    line: int
    cells: tuple[str, ...]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table's header and rows; `encoding` is the one that its bytes were read as."""

    header: tuple[str, ...]
    rows: Iterator[TableRow]
    encoding: str


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return chr(error.object[error.start]), error.start + 1


codecs.register_error("latin-1-byte", _as_latin_1)


def decode(raw: bytes) -> tuple[str, str]:
    """The text of a file's bytes and the encoding taken: by its BOM, else UTF-8, else Windows-1252.

    The five bytes that Windows-1252 leaves undefined become the control characters Latin-1 has there.
    """
    for bom, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(bom):
            return raw.decode(encoding, errors="replace"), encoding
    try:
        return raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    return raw.decode("cp1252", errors="latin-1-byte"), "cp1252"


def read_table(path: Path) -> Table:
    """The table at `path`: tab-separated if named .tsv, else by whichever delimiter its header has most of.

    Raises:
        CorpusError: the file can't be read, or has no header.
    """
    try:
        text, encoding = decode(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error
    text = text.replace("\0", "")
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    first = text.split("\n", 1)[0]
    delimiter = "\t" if path.suffix.casefold() == ".tsv" else max(_DELIMITERS, key=first.count)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = tuple(name.strip() for name in next(records, []))
    except csv.Error as error:
        raise CorpusError(f"{path} line 1: {_explained(error)}") from error
    if not all(character.isprintable() or character.isspace() for name in header for character in name):
        raise CorpusError(f"{path} is no text table: its first line holds control characters; save it as CSV")
    if not any(header):
        raise CorpusError(f"{path} is empty: its first line must name the columns")
    return Table(header, _rows(path, header, records, text.splitlines()), encoding)


def _explained(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "a quoted field begins here or below and is never closed; the rest of the file is not read"
    return f"a quote inside a quoted field must be doubled ({error})"


def _rows(
    path: Path, header: tuple[str, ...], records: Iterator[list[str]], lines: Sequence[str]
) -> Iterator[TableRow]:
    while True:
        line = records.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            # The line as it stands goes along, so that nothing of it is lost.
            yield TableRow(line, tuple(lines[line - 1 : line]), f"{path} line {line}: {_explained(error)}")
            continue
        if not cells and len(header) > 1:
            continue  # an empty line; in a table of one column it is an empty cell
        cells = cells or [""]
        fault = None
        if len(cells) != len(header):
            fault = f"{path} line {line} has {len(cells)} fields, the header has {len(header)}"
        yield TableRow(line, tuple(cells), fault)
