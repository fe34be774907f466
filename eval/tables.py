"""Figures in rows and columns, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Named rows of named figures; a figure that a row does not have is left open."""

    title: str
    rows: Mapping[str, Mapping[str, float | str]]

    def lines(self) -> Iterator[str]:
        """The table as aligned text, its title first."""
        cells, widths = self._laid_out()
        yield self.title
        for first, *rest in cells:
            figures = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            yield "  ".join([first.ljust(widths[0]), *figures])

    def markdown(self) -> Iterator[str]:
        """The table as Markdown, its title first, readable as text, too."""
        cells, widths = self._laid_out()

        def line(row: Sequence[str]) -> str:
            figures = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            return f"| {' | '.join([row[0].ljust(widths[0]), *figures])} |"

        rule = "|".join([":" + "-" * (widths[0] + 1), *("-" * (width + 1) + ":" for width in widths[1:])])
        yield from (self.title, "", line(cells[0]), f"|{rule}|", *map(line, cells[1:]))

    def _laid_out(self) -> tuple[list[list[str]], list[int]]:
        """The cells as text, names of columns first, and how wide each column is."""
        columns = list(dict.fromkeys(column for row in self.rows.values() for column in row))
        cells = [["", *columns]] + [
            [name, *(_written(row.get(column)) for column in columns)] for name, row in self.rows.items()
        ]
        return cells, [max(map(len, column)) for column in zip(*cells, strict=True)]


def _written(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
