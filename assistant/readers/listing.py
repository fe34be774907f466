"""Listing pages saved as text: titles and abstracts among menus and buttons."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from assistant.readers.base import Record, Records, read_text

_LEAST_ABSTRACT_WORDS = 40  # titles are shorter, abstracts are longer


def read_listing(path: Path) -> Records:
    """A run of long paragraphs is an abstract, the short one before it the title, the rest furniture."""
    text, notes = read_text(path)
    yield from notes
    papers, unused = 0, 0
    title: list[tuple[int, str]] = []
    for is_long, run in groupby(_paragraphs(text), key=_is_long):
        *others, last = run
        if is_long:
            papers += 1
            line = (title or others or [last])[0][0]
            yield Record(
                line, {"id": f"p{papers:03}", "title": _join(title), "abstract": _join([*others, last])}
            )
            title = []
        else:
            title = [last]
            unused += len(others)
    unused += len(title)
    if unused:
        yield f"{path} has {unused} short paragraphs that are neither title nor abstract; they are left out"


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    for is_text, run in groupby(lines, key=lambda line: bool(line[1].strip())):
        if is_text:
            paragraph = list(run)
            yield paragraph[0][0], _join(paragraph)


def _join(lines: Sequence[tuple[int, str]]) -> str:
    return " ".join(text.strip() for _, text in lines)


def _is_long(paragraph: tuple[int, str]) -> bool:
    return len(paragraph[1].split()) >= _LEAST_ABSTRACT_WORDS
