"""CSV and TSV files: a record per row, under the names in the header."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Header, Record, Records, Reject, ragged, reject
from assistant.readers.sources import Source
from assistant.tables import quoting_fault, table_header

_DELIMITERS = ",;\t"
_UNIT = "\x1f"  # between the cells of a row where it is one text


def read_csv(source: Source) -> Records:
    """The rows of a table whose delimiter is the one that its first line has most of."""
    first = source.text(source.head.split(b"\n", 1)[0])
    return _rows(source, max(_DELIMITERS, key=first.count))


def read_tsv(source: Source) -> Records:
    """The rows of a table with tabs between its cells."""
    return _rows(source, "\t")


class _Lines:
    """The lines of a source as csv takes them; `first` is where the row in hand begins.

    A row beyond RECORD_LIMIT is ended as if the file ended there, and held no longer; csv reads on.
    """

    def __init__(self, source: Source) -> None:
        self._lines = source.universal_lines()
        self._next = 1
        self._size = 0
        self.first = 1
        self.ended_early = False
        self.rejects: list[Reject] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def begin(self) -> None:
        self.first, self._size, self.ended_early = self._next, 0, False

    def __next__(self) -> str:
        if self._size > RECORD_LIMIT:
            self.ended_early = True
            raise StopIteration
        item = next(self._lines)
        while isinstance(item, Reject):
            self.rejects.append(item)
            self._next = item.line + 1
            if not self._size:
                self.first = self._next
            item = next(self._lines)
        self._next, self._size = item[0] + 1, self._size + len(item[1])
        return item[1].replace("\0", "")


def _rows(source: Source, delimiter: str) -> Records:
    csv.field_size_limit(max(2 * RECORD_LIMIT, csv.field_size_limit()))
    lines = _Lines(source)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header = table_header(source.name, rows)
    yield Header(header)
    while True:
        lines.begin()
        row = _row(source.name, lines, rows, len(header))
        yield from lines.rejects
        lines.rejects.clear()
        if row is None:
            return
        if not isinstance(row, list):
            yield row
        elif row:
            cells = dict(zip(header, row, strict=True))
            yield Record(lines.first, _UNIT.join(row), lambda cells=cells: cells)  # type: ignore[misc]


def _row(name: str, lines: _Lines, rows: Iterator[list[str]], width: int) -> list[str] | Reject | None:
    """The next row, [] for an empty line, None at the end."""
    try:
        row = next(rows)
    except StopIteration:
        return None
    except csv.Error as error:
        if lines.ended_early:
            return reject(name, lines.first, TOO_LONG, "; a quoted field in it may never be closed")
        return reject(name, lines.first, "is broken", f": {quoting_fault(error)}")
    if lines.ended_early:
        return reject(name, lines.first, TOO_LONG)
    if row and len(row) != width:
        return ragged(name, lines.first, len(row), width)
    return row
