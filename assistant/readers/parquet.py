"""Parquet files: a record per row, some rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant.errors import CorpusError, MissingExtraError, first_line
from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Header, Record, Records, reject
from assistant.readers.sources import Source, opened, seekable

_ROWS_AT_A_TIME = 64
# A row group is unpacked as a whole at worst; writers keep it to some 128 MB.
_MOST_IN_A_GROUP = 2 << 30


def read_parquet(source: Source) -> Records:
    """The rows of a Parquet file; the line of a row is its number."""
    with _parquet(source) as parquet:
        for line, item in enumerate(_rows(source.name, parquet)):
            yield item if isinstance(item, Header) else _record(source.name, line, item)


@contextmanager
def opened_parquet(path: Path) -> Iterator[Any]:
    """The file at `path` as pyarrow's ParquetFile.

    Raises:
        CorpusError: it can't be read, then or later.
        MissingExtraError: pyarrow is not installed.
    """
    with opened(path) as source, _parquet(source) as parquet:
        yield parquet


@contextmanager
def _parquet(source: Source) -> Iterator[Any]:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError("reading Parquet", "formats") from error
    with seekable(source) as file:
        try:
            with ParquetFile(file) as parquet:
                yield parquet
        except (OSError, ValueError, NotImplementedError) as error:  # pyarrow's errors are among these
            raise CorpusError(
                f"{source.name} is no Parquet file that can be read: {first_line(error)}"
            ) from error


def _rows(name: str, parquet: Any) -> Iterator[Header | dict[str, Any]]:
    groups = (parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups))
    if (largest := max((group.total_byte_size for group in groups), default=0)) > _MOST_IN_A_GROUP:
        raise CorpusError(f"{name} has a row group of {largest >> 20} MB; write it with smaller ones")
    yield Header(tuple(parquet.schema_arrow.names))
    for batch in parquet.iter_batches(batch_size=_ROWS_AT_A_TIME, use_threads=False):
        yield from batch.to_pylist()


def _record(name: str, line: int, row: dict[str, Any]) -> Record | Any:
    raw = json.dumps(row, ensure_ascii=False, default=str)
    return reject(name, line, TOO_LONG) if len(raw) > RECORD_LIMIT else Record(line, raw, lambda: row)
