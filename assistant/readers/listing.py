"""Listing pages saved as text: titles and abstracts among menus and buttons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assistant.readers.base import RECORD_LIMIT, TOO_LONG, Record, Records, Reject, reject
from assistant.readers.sources import Source

_LEAST_ABSTRACT_WORDS = 40  # titles are shorter, abstracts are longer


@dataclass(frozen=True, slots=True)
class _Paragraph:
    line: int
    text: str

    def is_long(self) -> bool:
        return len(self.text.split()) >= _LEAST_ABSTRACT_WORDS


def read_listing(source: Source) -> Records:
    """A run of long paragraphs is an abstract, the short one before it the title, the rest furniture."""
    papers, unused = 0, 0
    title: _Paragraph | None = None
    run: list[_Paragraph] = []
    for paragraph in _paragraphs(source):
        if isinstance(paragraph, Reject):
            yield paragraph
        elif paragraph.is_long():
            if sum(len(part.text) for part in run) < RECORD_LIMIT:
                run.append(paragraph)
        else:
            if run:
                papers += 1
                yield _record(source.name, papers, title, run)
            elif title:
                unused += 1
            title, run = paragraph, []
    if run:
        yield _record(source.name, papers + 1, title, run)
    unused += bool(title and not run)
    if unused:
        kind = "short paragraphs that are neither title nor abstract"
        yield f"{source.name} has {unused} {kind}; they are left out"


def _record(name: str, number: int, title: _Paragraph | None, run: list[_Paragraph]) -> Record | Reject:
    line = (title or run[0]).line
    abstract = " ".join(paragraph.text for paragraph in run)
    if len(abstract) > RECORD_LIMIT:
        return reject(name, line, TOO_LONG)
    fields = {"id": f"p{number:03}", "title": title.text if title else "", "abstract": abstract}
    return Record(line, "\n".join(fields.values()), lambda: fields)


def _paragraphs(source: Source) -> Iterator[_Paragraph | Reject]:
    lines: list[str] = []
    first, size = 0, 0
    for item in source.universal_lines():
        if isinstance(item, Reject):
            yield item
            continue
        number, text = item
        if text.strip():
            first = first if lines else number
            size += len(text)
            if size <= RECORD_LIMIT or not lines:
                lines.append(text.strip())
            continue
        if lines:
            yield _paragraph(source.name, first, size, lines)
        lines, size = [], 0
    if lines:
        yield _paragraph(source.name, first, size, lines)


def _paragraph(name: str, line: int, size: int, lines: list[str]) -> _Paragraph | Reject:
    return reject(name, line, TOO_LONG) if size > RECORD_LIMIT else _Paragraph(line, " ".join(lines))
