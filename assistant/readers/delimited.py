"""CSV and TSV files: a record per row, under the names in the header."""

from __future__ import annotations

from pathlib import Path

from assistant.errors import CorpusError
from assistant.readers.base import Record, Records, Reject, encoding_notes, listed
from assistant.readers.columns import guess_columns
from assistant.tables import read_table


def read_delimited(path: Path) -> Records:
    """The rows of a table; one without a column of abstracts is refused at once."""
    table = read_table(path)
    yield from encoding_notes(path, table.encoding)
    twice = [name for name in table.header if name and table.header.count(name) > 1]
    if twice:
        raise CorpusError(f"{path} has two columns {twice[0]!r}; rename one of them")
    if "abstract" not in guess_columns(table.header):
        raise CorpusError(
            f"{path} has no column of abstracts but {listed(table.header)}; name that column abstract"
        )
    for row in table.rows:
        if row.fault:
            yield Reject(str(path), row.line, row.fault)
        else:
            yield Record(row.line, dict(zip(table.header, row.cells, strict=True)))
