"""Excel workbooks (.xlsx): a record per row of the first sheet."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from assistant.errors import CorpusError, first_line
from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Header, Record, Records, Reject, ragged, reject
from assistant.readers.sources import Source, opened, seekable

# Texts of a workbook are held while it is read; what unpacks to more is too much, or a bomb.
_MOST_UNPACKED = 512 << 20
_MOST_ROWS = 1 << 20  # as many as Excel has

Row = tuple[Any, ...]


def read_xlsx(source: Source) -> Records:
    """The rows of the first sheet, below the names in its first row."""
    with _workbook(source) as workbook:
        rows = workbook.worksheets[0].iter_rows(values_only=True)
        header = _header(source.name, rows)
        yield Header(header)
        for line in range(2, _MOST_ROWS + 1):
            row = _row(source.name, line, rows)
            if row is None:
                break
            if isinstance(row, Reject):
                yield row
                break
            if any(value is not None for value in row):
                yield _record(source.name, line, header, row)
        if len(workbook.sheetnames) > 1:
            yield f"{source.name} has {len(workbook.sheetnames)} sheets; only the first is read"


@contextmanager
def opened_sheet(path: Path) -> Iterator[Iterator[Row]]:
    """The rows of the first sheet of the workbook at `path`, that of its header among them.

    Raises:
        CorpusError: it can't be read, then or later.
    """
    with opened(path) as source, _workbook(source) as workbook:
        yield _all_rows(source.name, workbook.worksheets[0].iter_rows(values_only=True))


def _all_rows(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    for line in range(1, _MOST_ROWS + 1):
        row = _row(name, line, rows)
        if isinstance(row, Reject):
            raise CorpusError(row.reason)
        if row is None:
            return
        yield row


@contextmanager
def _workbook(source: Source) -> Iterator[Any]:
    with seekable(source) as file:
        _check_size(source.name, file)
        workbook = _loaded(source.name, file)
        try:
            yield workbook
        finally:
            workbook.close()


def _check_size(name: str, file: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise CorpusError(f"{name} is no Excel workbook (.xlsx): {first_line(error)}") from error
    if size > _MOST_UNPACKED:
        raise CorpusError(
            f"{name} unpacks to {size >> 20} MB, more than the {_MOST_UNPACKED >> 20} MB that are read; "
            "save it as CSV"
        )
    file.seek(0)


def _loaded(name: str, file: IO[bytes]) -> Any:
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings(action="ignore"):  # styles and extensions that it does not know
            workbook = load_workbook(file, read_only=True, data_only=True)
            workbook.worksheets[0].reset_dimensions()  # the file's own word on its size is often wrong
    except Exception as error:  # openpyxl raises whatever its parts meet
        raise CorpusError(f"{name} is no Excel workbook that can be read: {first_line(error)}") from error
    return workbook


def _header(name: str, rows: Iterator[Row]) -> tuple[str, ...]:
    first = _row(name, 1, rows)
    if isinstance(first, Reject):
        raise CorpusError(first.reason)
    names = ["" if value is None else str(value).strip() for value in first or ()]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise CorpusError(f"{name} is empty: the first row of its first sheet must name the columns")
    return tuple(names)


def _row(name: str, line: int, rows: Iterator[Row]) -> Row | Reject | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # dates out of range, which become #VALUE!
            return next(rows, None)
    except Exception as error:  # as in _loaded
        return reject(name, line, "can't be read, the rest is left out", f": {first_line(error)}")


def _record(name: str, line: int, header: tuple[str, ...], row: Row) -> Record | Reject:
    width = len(header)
    if any(value is not None for value in row[width:]):
        return ragged(name, line, len(row), width)
    fields = dict(zip(header, (*row, *[None] * (width - len(row))), strict=False))
    raw = json.dumps(list(fields.values()), ensure_ascii=False, default=str)
    return reject(name, line, TOO_LONG) if len(raw) > RECORD_LIMIT else Record(line, raw, lambda: fields)
