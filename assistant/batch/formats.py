"""Parquet and Excel, read as papers are read from them, and written as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assistant.batch.columns import is_formula
from assistant.errors import BatchError, MissingExtraError
from assistant.readers.parquet import opened_parquet
from assistant.readers.spreadsheet import opened_sheet
from assistant.storage import sync

_ROWS = 1_000  # held at a time
_NUMBERS = {"confidence": "float64", "latency_ms": "int64"}  # of the columns that a batch adds
_MOST_ROWS = 1_048_576  # of an Excel sheet, its header among them
_MOST_CHARACTERS = 32_767  # of an Excel cell
_NAMED = 10  # rows with a text that was cut


def parquet_columns(path: Path) -> tuple[tuple[str, ...], int]:
    """The columns of a Parquet file, and how many rows it has.

    Raises:
        CorpusError: the file can't be read.
    """
    with opened_parquet(path) as file:
        return tuple(file.schema_arrow.names), int(file.metadata.num_rows)


def parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a Parquet file, a thousand in memory at a time; raises as parquet_columns does."""
    with opened_parquet(path) as file:
        for some in file.iter_batches(_ROWS):
            yield from some.to_pylist()


def excel_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    """The rows of the first sheet of an Excel workbook with the values of its formulas, header included.

    Raises:
        CorpusError: the file can't be read.
    """
    with opened_sheet(path) as rows:
        yield from rows


class ParquetSink:
    """A Parquet file that takes its place at the end; columns kept from a Parquet file keep their types."""

    def __init__(self, path: Path, header: Sequence[str], source: Path | None) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"writing {path}", "formats") from error
        kept = {}
        if source and source.suffix.casefold() == ".parquet":
            with opened_parquet(source) as file:
                kept = {field.name: field.type for field in file.schema_arrow}
        types = [kept.get(name) or pyarrow.type_for_alias(_NUMBERS.get(name, "string")) for name in header]
        self._schema = pyarrow.schema(list(zip(header, types, strict=True)))
        self._texts = [name for name in header if name not in kept and name not in _NUMBERS]
        self._path, self._beside = path, beside(path)
        self._rows: list[Mapping[str, Any]] = []
        self._writer = pyarrow.parquet.ParquetWriter(self._beside, self._schema)

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a row."""
        self._rows.append({**record, **{name: _text(record.get(name)) for name in self._texts}})
        if len(self._rows) == _ROWS:
            self._flush()

    def finish(self) -> tuple[str, ...]:
        """Put the file into its place; it holds everything."""
        self._flush()
        self._writer.close()
        replace(self._beside, self._path)
        return ()

    def abandon(self) -> None:
        """Leave what was there before."""
        self._writer.close()
        self._beside.unlink(missing_ok=True)

    def _flush(self) -> None:
        import pyarrow

        self._writer.write_table(pyarrow.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()


class ExcelSink:
    """An Excel workbook of one sheet that takes its place at the end; nothing in it is a formula."""

    def __init__(self, path: Path, header: Sequence[str], quoted: frozenset[str]) -> None:
        import openpyxl

        self._path, self._header, self._quoted = path, header, quoted
        self._workbook = openpyxl.Workbook(write_only=True)
        self._sheet = self._workbook.create_sheet("answers")
        self._rows = 1
        self._sheet.append([self._cell(name, quoted=name in quoted) for name in header])
        self._cut: dict[int, None] = {}  # rows

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a row."""
        self._rows += 1
        if self._rows > _MOST_ROWS:
            raise BatchError(f"{self._path} can't hold more than {_MOST_ROWS:,} rows; name an OUT of .csv")
        cells = [self._cell(record.get(name), quoted=name in self._quoted) for name in self._header]
        self._sheet.append(cells)

    def finish(self) -> tuple[str, ...]:
        """Put the file into its place; texts that were too long for it are told."""
        self._workbook.save(beside(self._path))
        replace(beside(self._path), self._path)
        if not self._cut:
            return ()
        some = list(self._cut)[:_NAMED]
        more = f" and {len(self._cut) - len(some)} more" if len(self._cut) > len(some) else ""
        rows = f"{'row' if len(self._cut) == 1 else 'rows'} {', '.join(map(str, some))}{more}"
        return (
            f"{self._path.name} {rows}: texts are cut to the {_MOST_CHARACTERS:,} characters of an Excel "
            "cell; name an OUT of .csv, .jsonl or .parquet to have them whole",
        )

    def abandon(self) -> None:
        """Leave what was there before."""
        self._sheet.close()
        beside(self._path).unlink(missing_ok=True)

    def _cell(self, value: Any, *, quoted: bool) -> Any:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        if getattr(value, "tzinfo", None):
            value = str(value)  # Excel has no time zones
        if not isinstance(value, str | list | dict):
            return value
        text = ILLEGAL_CHARACTERS_RE.sub("", _text(value) or "")
        if len(text) > _MOST_CHARACTERS:  # which openpyxl cuts without a word
            self._cut[self._rows] = None
        cell = WriteOnlyCell(self._sheet, text)
        cell.data_type = "s"  # openpyxl would take what begins with = for a formula
        if quoted and is_formula(text):
            cell.quotePrefix = True  # as by an apostrophe typed before it: it stays a text when it is edited
        return cell


def beside(path: Path) -> Path:
    """The file beside OUT that becomes OUT; a killed run's is overwritten by the next."""
    return path.with_name(f".{path.name}.partial")


def replace(written: Path, path: Path) -> None:
    """Put a file that was written into its place for good."""
    sync(written)
    written.replace(path)
    sync(path.parent)


def as_json(value: Any) -> str:
    """A value as JSON, what JSON does not have as text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return as_json(value) if isinstance(value, list | dict) else str(value)
