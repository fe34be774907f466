"""Elements of HTML and SVG; every text and attribute put into one is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

Child = str | Markup


def element(name: str, *children: Child, **attributes: object) -> Markup:
    """Return an element; `class_` stands for class, and other underscores in attributes for hyphens.

    >>> element("p", "a < b", class_="x")
    Markup('<p class="x">a &lt; b</p>')
    """
    given = joined(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _attribute(value))
        for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, given, joined(children))


def joined(children: Iterable[Child]) -> Markup:
    """Return children one after another, plain strings escaped."""
    return Markup("").join(children)


def _attribute(value: object) -> str:
    """A coordinate to a tenth of a pixel, which is all that can be seen."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
