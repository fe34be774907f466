"""A report as headings, paragraphs, tables, figures and cases, before it becomes HTML, Markdown or text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO

from markupsafe import Markup
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from eval.headline import Estimate
from eval.statistics import Interval

NONE = "–"
_MINUS = "−"
_WIDTH = 130
_HYPHENATED = {"near_miss": "near-miss", "follow_up": "follow-up", "yes_no": "yes/no"}


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The few numbers that the reader came for, each with what it is and how sure it is."""

    entries: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; the first `words` columns are text, the others are figures.

    `drawn` is a small drawing for each row, for a last column on pages that can draw.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""
    drawn: tuple[Markup, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, and the table that says the same where nothing can be drawn."""

    caption: str
    drawing: Markup
    data: Table | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """Plots and tables that stand beside each other where there is room."""

    blocks: tuple[Plot | Table, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One question under examination: the turns before it, and columns of labelled texts side by side."""

    title: str
    about: str
    before: str
    question: str
    columns: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


Block = Heading | Paragraph | Figures | Table | Plot | Beside | Case


@dataclass(frozen=True, slots=True)
class Document:
    """A titled sequence of blocks."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


def number(value: float, places: int = 3) -> str:
    """Return a figure with a fixed number of places, one for large ones, and a true minus sign.

    >>> number(-0.25), number(1013.006)
    ('−0.250', '1013.0')
    """
    return f"{value:.{places if abs(value) < 10 else 1}f}".replace("-", _MINUS)


def signed(value: float) -> str:
    """Return a difference with its sign.

    >>> signed(0.25), signed(0)
    ('+0.250', '0.000')
    """
    return ("+" if value > 0 else "") + number(value)


def optional(value: float | None) -> str:
    """Return a figure, or a dash where there is none."""
    return NONE if value is None else number(value)


def interval(ends: Interval | None) -> str:
    """Return the two ends of an interval.

    >>> interval(Interval(-0.1, 0.25))
    '[−0.100, 0.250]'
    """
    return f"[{number(ends.low)}, {number(ends.high)}]" if ends else NONE


def with_interval(estimate: Estimate) -> tuple[str, str, str]:
    """Return an estimate as the cells n, mean and interval; dashes where it applies to no question."""
    if not estimate.n:
        return "0", NONE, NONE
    return str(estimate.n), number(estimate.value), interval(estimate.interval)


def type_name(name: str) -> str:
    """Return a type of question in words.

    >>> type_name("near_miss"), type_name("false_premise")
    ('near-miss', 'false premise')
    """
    return _HYPHENATED.get(name, name.replace("_", " "))


def probability(p: float | None) -> str:
    """Return a p value to three places, a smaller one as smaller than that.

    >>> probability(0.0312), probability(0.00002), probability(None)
    ('0.031', '<0.001', '–')
    """
    if p is None:
        return NONE
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def milliseconds(value: float) -> str:
    """Return a time as it is said.

    >>> milliseconds(84.2), milliseconds(2310), milliseconds(65_000)
    ('84 ms', '2.3 s', '65 s')
    """
    if value < 1000:
        return f"{value:.0f} ms"
    return f"{value / 1000:.1f} s" if value < 10_000 else f"{value / 1000:.0f} s"


def text(blocks: Iterable[Block]) -> str:
    """Return headings, paragraphs and tables for a terminal; drawings are left to the pages."""
    console = Console(file=(file := StringIO()), width=_WIDTH, highlight=False, markup=False, emoji=False)
    for block in blocks:
        if isinstance(block, Heading | Paragraph):
            console.print(block.text)
        elif isinstance(block, Table) and block.rows:
            console.print(_rich(block))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _rich(table: Table) -> RichTable:
    drawn = RichTable(title=table.caption, box=SIMPLE_HEAD, title_justify="left", caption=table.note or None)
    for index, name in enumerate(table.header):
        drawn.add_column(name, justify="left" if index < table.words else "right")
    for row in table.rows:
        drawn.add_row(*row)
    return drawn
