"""CSV and TSV files as rows with their line numbers, read in a stream: encodings, delimiters, ragged rows."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from assistant.errors import CorpusError

_DELIMITERS = ",;\t"
_CHUNK = 1 << 20
_LONGEST_FIELD = 2**31 - 1  # the most that csv takes everywhere; a field may be as long as its file


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
    encoding = encoding_of(path)
    return parse_table(str(path), text_lines(path, encoding), encoding, tabs=path.suffix.casefold() == ".tsv")


def encoding_of(path: Path) -> str:
    """The encoding that `decode` would take for a file, which is read once for that.

    Raises:
        CorpusError: the file can't be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                return "utf-16"
            file.seek(0)
            decoder = codecs.getincrementaldecoder("utf-8")()
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error
    return "utf-8"


def text_lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a file with their ends as they are, as `encoding_of` has read it."""
    handling = {"utf-16": "replace", "cp1252": "latin-1-byte"}.get(encoding, "strict")
    named = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        with path.open(encoding=named, errors=handling, newline="") as file:
            yield from file
    except OSError as error:
        raise CorpusError(f"{path} can't be read: {error.strerror}") from error


def parse_table(name: str, lines: Iterable[str], encoding: str, *, tabs: bool) -> Table:
    """The table in these lines, which are read as its rows are; `name` is for messages.

    Raises:
        CorpusError: there is no header.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    lines = iter(lines)
    first = next(lines, "")
    delimiter = "\t" if tabs else max(_DELIMITERS, key=first.count)
    begun: list[str] = []
    records = csv.reader(_noted(chain([first], lines), begun), delimiter=delimiter, strict=True)
    header = table_header(name, records)
    return Table(header, _rows(name, header, records, begun), encoding)


def table_header(name: str, records: Iterator[list[str]]) -> tuple[str, ...]:
    """The names in the first row of a table that the csv module reads.

    Raises:
        CorpusError: it is broken, no text, or empty.
    """
    try:
        header = tuple(cell.strip() for cell in next(records, []))
    except csv.Error as error:
        raise CorpusError(f"{name} line 1: {quoting_fault(error)}") from error
    if not all(character.isprintable() or character.isspace() for cell in header for character in cell):
        raise CorpusError(f"{name} is no text table: its first line holds control characters; save it as CSV")
    if not any(header):
        raise CorpusError(f"{name} is empty: its first line must name the columns")
    return header


def _noted(lines: Iterable[str], begun: list[str]) -> Iterator[str]:
    """The lines without NULs; the first one after `begun` was emptied is put into it."""
    for line in lines:
        line = line.replace("\0", "")
        if not begun:
            begun.append(line)
        yield line


def quoting_fault(error: csv.Error) -> str:
    """What is wrong with a row that the csv module refuses, and how to write it."""
    if "end of data" in str(error):
        return "a quoted field begins here or below and is never closed; the rest of the file is not read"
    return f"a quote inside a quoted field must be doubled ({error})"


def _rows(
    name: str, header: tuple[str, ...], records: Iterator[list[str]], begun: list[str]
) -> Iterator[TableRow]:
    while True:
        line = records.line_num + 1  # type: ignore[attr-defined]
        begun.clear()
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            # The line as it stands goes along, so that nothing of it is lost.
            as_it_stands = tuple(text.rstrip("\r\n") for text in begun)
            yield TableRow(line, as_it_stands, f"{name} line {line}: {quoting_fault(error)}")
            continue
        if not cells and len(header) > 1:
            continue  # an empty line; in a table of one column it is an empty cell
        cells = cells or [""]
        fault = None
        if len(cells) != len(header):
            fault = f"{name} line {line} has {len(cells)} fields, the header has {len(header)}"
        yield TableRow(line, tuple(cells), fault)
