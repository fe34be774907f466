"""The table of questions, read in a stream whatever it is: CSV, TSV, JSONL, Parquet, Excel, a pipe."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from assistant.batch import formats
from assistant.errors import BatchError, CorpusError
from assistant.tables import Table, TableRow, encoding_of, parse_table, read_table, text_lines

PIPE = Path("-")
JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class InputRow:
    """A row with the line or row number it has in its file, its values by column, and its fault, if any."""

    number: int
    values: Mapping[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """A table: its columns, its rows (which only a file gives more than once), and how many where known."""

    columns: tuple[str, ...]
    rows: Callable[[], Iterator[InputRow]]
    total: int | None
    suffix: str


def read_input(source: Path, question_column: str) -> Input:
    """The table in a file or, for `-`, on standard input.

    A line that is no row becomes a row with a fault, its text in the column of questions.

    Raises:
        BatchError: it can't be read, or has no header.
    """
    try:
        if source == PIPE:
            return _from_pipe("stdin", sys.stdin.buffer, question_column)
        if source.exists() and not source.is_file() and not source.is_dir():
            return _from_pipe(str(source), source.open("rb"), question_column)
        return _from_file(source, question_column)
    except (CorpusError, OSError) as error:
        told = str(error) if isinstance(error, CorpusError) else f"{source} can't be read: {error.strerror}"
        raise BatchError(told) from error


def _from_file(path: Path, question_column: str) -> Input:
    suffix = path.suffix.casefold()
    if suffix == ".parquet":
        columns, total = formats.parquet_columns(path)
        return Input(columns, lambda: _numbered(formats.parquet_rows(path)), total, suffix)
    if suffix in (".xlsx", ".xlsm"):
        columns = _header(next(formats.excel_rows(path), ()))
        return Input(columns, lambda: _sheet(path, columns), sum(1 for _ in _sheet(path, columns)), suffix)
    if suffix in JSON_LINES:
        encoding = encoding_of(path)

        def objects() -> Iterator[InputRow]:
            return _objects(str(path), text_lines(path, encoding), question_column)

        columns_met: dict[str, None] = {}
        total = 0
        for row in objects():
            total += 1
            columns_met.update(dict.fromkeys(() if row.fault else row.values))
        return Input(tuple(columns_met), objects, total, ".jsonl")
    table = read_table(path)

    def rows() -> Iterator[InputRow]:
        return _of_table(read_table(path))

    return Input(table.header, rows, sum(1 for _ in table.rows), suffix)


def _from_pipe(name: str, raw: Any, question_column: str) -> Input:
    lines = _arriving(raw)
    first = next(lines, "")
    if not first.lstrip().startswith("{"):
        table = parse_table(name, chain([first], lines), "utf-8", tabs=False)
        return Input(table.header, lambda: _of_table(table), None, ".csv")
    columns = tuple(next(_objects(name, [first], question_column)).values)
    objects = _objects(name, chain([first], lines), question_column)
    return Input(columns, lambda: _with_columns(name, objects, columns), None, ".jsonl")


def _arriving(raw: Any) -> Iterator[str]:
    # A pipe can't be read twice to find its encoding, so a byte that is not UTF-8 stands for itself.
    with io.TextIOWrapper(raw, encoding="utf-8-sig", errors="latin-1-byte", newline="") as lines:
        yield from lines


def _objects(name: str, lines: Iterable[str], question_column: str) -> Iterator[InputRow]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        fault = f"{name} line {number} is no JSON object"
        try:
            value = json.loads(text, strict=False)
        except (ValueError, RecursionError) as error:
            value, fault = None, f"{name} line {number} is not JSON: {error}"
        if isinstance(value, dict):
            yield InputRow(number, value)
        else:
            yield InputRow(number, {question_column: text}, fault)


def _with_columns(name: str, rows: Iterable[InputRow], columns: tuple[str, ...]) -> Iterator[InputRow]:
    """The rows; one with a column that the first has not is faulty, since OUT has its header by then."""
    for row in rows:
        further = [column for column in row.values if column not in columns]
        if further and not row.fault:
            fault = f"{name} line {row.number} has the key {further[0]!r}, which the first line has not"
            known = {column: value for column, value in row.values.items() if column in columns}
            yield InputRow(row.number, known, fault)
        else:
            yield row


def _numbered(rows: Iterable[Mapping[str, Any]]) -> Iterator[InputRow]:
    return (InputRow(number, values) for number, values in enumerate(rows, start=1))


def _of_table(table: Table) -> Iterator[InputRow]:
    for row in table.rows:
        cells = _padded(row, table.header)
        yield InputRow(row.line, dict(zip(table.header, cells, strict=True)), row.fault)


def _padded(row: TableRow, header: tuple[str, ...]) -> list[str]:
    """The row's cells, as many as the header has: nothing of a ragged row is lost to the last column."""
    cells = list(row.cells)
    if len(cells) > len(header):
        return [*cells[: len(header) - 1], ",".join(cells[len(header) - 1 :])]
    return cells + [""] * (len(header) - len(cells))


def _header(cells: Iterable[Any]) -> tuple[str, ...]:
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _sheet(path: Path, columns: tuple[str, ...]) -> Iterator[InputRow]:
    """The rows of a sheet below its header; those without a value are none."""
    for number, cells in enumerate(formats.excel_rows(path), start=1):
        if number == 1 or all(cell is None for cell in cells):
            continue
        padded = (*cells, *[None] * len(columns))[: len(columns)]
        yield InputRow(number, dict(zip(columns, padded, strict=True)))
