"""Figures in rows and columns, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Named rows of named figures; a figure that a row does not have is left open."""

    title: str
    rows: Mapping[str, Mapping[str, float | str]]

    def lines(self) -> Iterator[str]:
        """The table as aligned text, its title first."""
        columns = list(dict.fromkeys(column for row in self.rows.values() for column in row))
        cells = [["", *columns]] + [
            [name, *(_written(row.get(column)) for column in columns)] for name, row in self.rows.items()
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        yield self.title
        for first, *rest in cells:
            figures = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            yield "  ".join([first.ljust(widths[0]), *figures])


def _written(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
