"""A report as one HTML page that needs nothing else: no script, no font, no image from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from markupsafe import Markup

from eval.document import Beside, Block, Case, Document, Figures, Heading, Paragraph, Plot, Table
from eval.report.elements import element

_STYLE = Path(__file__).with_name("style.css")


def html(document: Document) -> str:
    """Return the whole page."""
    title = element("title", f"{document.title}, {document.subtitle}")
    viewport = Markup('<meta name="viewport" content="width=device-width, initial-scale=1">')
    schemes = Markup('<meta name="color-scheme" content="light dark">')
    # A style sheet is no text: escaped, its quotation marks would be lost.
    style = Markup("<style>\n{}</style>").format(Markup(_STYLE.read_text(encoding="utf-8")))  # noqa: S704
    head = element("head", Markup('<meta charset="utf-8">'), viewport, schemes, title, style)
    body = element("body", element("main", *_page(document)))
    return f'<!doctype html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def _page(document: Document) -> Iterator[Markup]:
    sections = [block.text for block in document.blocks if isinstance(block, Heading)]
    links = (element("a", name, href=f"#{_anchor(name)}") for name in sections)
    yield element("header", element("h1", document.title), element("p", document.subtitle, class_="subtitle"))
    numbers = count(1), count(1)
    for block in document.blocks:
        yield Markup("\n")
        if isinstance(block, Beside):
            yield element("div", *(_numbered(part, *numbers) for part in block.blocks), class_="beside")
        elif isinstance(block, Table | Plot):
            yield _numbered(block, *numbers)
        elif isinstance(block, Figures):
            yield _figures(block)
            yield element("nav", *links, aria_label="Contents")
        else:
            yield _simple(block)


def _numbered(block: Table | Plot, tables: Iterator[int], plots: Iterator[int]) -> Markup:
    if isinstance(block, Plot):
        return _plot(block, f"Figure {next(plots)}. ")
    return _table(block, f"Table {next(tables)}. ") if block.rows else _empty(block)


def _simple(block: Block) -> Markup:
    if isinstance(block, Heading):
        return element("h2", block.text, id=_anchor(block.text))
    if isinstance(block, Paragraph):
        return element("p", block.text)
    assert isinstance(block, Case)
    return _case(block)


def _anchor(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def _figures(block: Figures) -> Markup:
    entries = (
        element(
            "div",
            element("dt", name),
            element("dd", element("span", value, class_="value"), element("span", about, class_="about")),
        )
        for name, value, about in block.entries
    )
    return element("dl", *entries, class_="figures")


def _table(table: Table, label: str = "") -> Markup:
    caption = element("caption", element("b", label), table.caption) if table.caption else Markup()
    drawn = [element("td", drawing) for drawing in table.drawn] or [Markup()] * len(table.rows)
    rows = (
        element("tr", *(element("td", cell, **_column(table, i)) for i, cell in enumerate(row)), last)
        for row, last in zip(table.rows, drawn, strict=True)
    )
    parts = caption, element("thead", _header(table)), element("tbody", *rows)
    words = " words" if table.words == len(table.header) else ""
    note = element("p", table.note, class_="note") if table.note else Markup()
    return element("div", element("div", element("table", *parts), class_=f"scroll{words}"), note)


def _header(table: Table) -> Markup:
    names = [element("th", name, **_column(table, i), scope="col") for i, name in enumerate(table.header)]
    if table.drawn:
        names.append(element("th", element("span", "0"), element("span", "1"), class_="scale"))
    return element("tr", *names)


def _column(table: Table, index: int) -> dict[str, str]:
    return {} if index < table.words else {"class_": "n"}


def _empty(table: Table) -> Markup:
    return element("p", table.caption, class_="empty")


def _plot(plot: Plot, label: str) -> Markup:
    data = element("details", element("summary", "Data"), _table(plot.data)) if plot.data else Markup()
    return element("figure", plot.drawing, element("figcaption", element("b", label), plot.caption), data)


def _case(case: Case) -> Markup:
    columns = (
        element("div", element("h4", name), *(_entry(label, text) for label, text in entries))
        for name, entries in case.columns
    )
    return element(
        "section",
        element("h3", element("code", case.title), " ", element("span", case.about, class_="about")),
        element("p", case.before, class_="before") if case.before else Markup(),
        element("p", case.question, class_="question"),
        element("div", *columns, class_="columns"),
        class_="case",
    )


def _entry(label: str, text: str) -> Markup:
    named = element("span", label, class_="label") if label else Markup()
    return element("p", named, text)
