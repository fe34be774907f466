"""A report as Markdown, with the data of each plot in place of the plot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count

from eval.document import Beside, Block, Case, Document, Figures, Heading, Paragraph, Plot, Table

# Characters that would begin markup, a link or an HTML element.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$])")


def markdown(document: Document) -> str:
    """Return the whole file."""
    numbers = count(1), count(1)
    parts = [f"# {_plain(document.title)}", _plain(document.subtitle)]
    for block in document.blocks:
        for part in block.blocks if isinstance(block, Beside) else (block,):
            parts += _numbered(part, *numbers) if isinstance(part, Table | Plot) else _simple(part)
    return "\n\n".join(parts) + "\n"


def _numbered(block: Table | Plot, tables: Iterator[int], plots: Iterator[int]) -> Iterator[str]:
    if isinstance(block, Plot) and block.data:
        yield f"**Figure {next(plots)}.** {_plain(block.caption)}"
        yield from _table(block.data)
    elif isinstance(block, Table):
        yield from _table(block, f"**Table {next(tables)}.** ") if block.rows else [_plain(block.caption)]


def _simple(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"## {_plain(block.text)}"
    elif isinstance(block, Paragraph):
        yield _plain(block.text)
    elif isinstance(block, Figures):
        yield "\n".join(
            f"- **{_plain(name)}** {value} {_plain(about)}" for name, value, about in block.entries
        )
    elif isinstance(block, Case):
        yield from _case(block)


def _table(table: Table, label: str = "") -> Iterator[str]:
    if table.caption:
        yield label + _plain(table.caption)
    rule = ["---" if index < table.words else "--:" for index in range(len(table.header))]
    rows = (_row([_plain(cell) for cell in row]) for row in table.rows)
    yield "\n".join([_row([_plain(name) for name in table.header]), _row(rule), *rows])
    if table.note:
        yield _plain(table.note)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _case(case: Case) -> Iterator[str]:
    yield f"### `{case.title}` {_plain(case.about)}"
    yield f"> {_plain(f'{case.before} {case.question}')}"
    yield "\n".join(
        f"- **{_plain(name)}**" + "".join(f"\n  - {_entry(label, text)}" for label, text in entries)
        for name, entries in case.columns
    )


def _entry(label: str, text: str) -> str:
    return f"*{_plain(label)}*: {_plain(text)}" if label else _plain(text)


def _plain(text: str) -> str:
    """Text on one line in which nothing is markup.

    >>> _plain("a|b *c*")
    'a\\\\|b \\\\*c\\\\*'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
