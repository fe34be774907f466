"""The bare answer to a typed question, read from the cited answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from assistant.question import Kind
from assistant.records import Citation, Final, Sentence
from assistant.terms import STOP_WORDS, words

Label = Literal["yes", "no"]

_NUMBER = r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?"
# A number, or a range or fraction of two, its magnitude, and the word or sign after it. "(3)" is none.
_QUANTITY = re.compile(
    rf"(?<![\w.-])(?!\d\))(?P<first>{_NUMBER})(?:%?\s*(?P<joint>-|–|to|/)\s*(?P<second>{_NUMBER}))?"
    r"(?P<magnitude>\s?(?:thousand|million|billion|trillion)\b)?"
    r"(?P<unit>\s*\\?%|\s?×|-?fold\b|\s?percentage points?\b|\s?[A-Za-z]+)?"
)
_MAGNITUDES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_YEARS = range(1900, 2101)
_UNITS = {"percent": "%", "×": "x", "times": "x", "fold": "x", "-fold": "x", "point": "points"}
_UNITS |= {"percentage point": "points", "percentage points": "points", "\\%": "%"}
_KNOWN_UNITS = frozenset(
    "% x points k m b t gb mb kb tb ms s seconds minutes hours days weeks months years tokens parameters"
    " steps epochs layers gpus papers samples examples images".split()
)
# "No." and "No, it …", but not "No gradient is needed" or "No-one".
_LABEL = re.compile(r"^\W*([Yy]es|[Nn]o|YES|NO)(?:\s*[,.:;!–—]+\s*|\s+-\s+|\s+(?=[A-Z])|\W*$)")
_NEGATION = re.compile(
    r"\b(no|not|none|never|without|cannot|neither|nor|hardly|fail(s|ed)?|lack(s|ed|ing)?|unable)\b|n['’]t\b",
    re.I,
)


def final_of(
    kind: Kind, question: str, sentences: Sequence[Sentence], citations: Sequence[Citation]
) -> Final | None:
    """The final answer of the first sentence that is not unsupported; None where there is none."""
    said = next((sentence.text for sentence in sentences if sentence.verdict != "unsupported"), None)
    if said is None:
        return None
    if kind == "yes_no" and (label := label_of(said)):
        return Final("boolean", label, label=label)
    if kind == "list":
        ids = tuple(dict.fromkeys(citation.paper_id for citation in citations))
        return Final("list", ";".join(ids), ids=ids)
    if kind == "number" and (number := _number(said, question)):
        return number
    return Final("text", said)


def label_of(text: str) -> Label | None:
    """`yes` or `no` where the text begins with it."""
    match = _LABEL.match(text)
    if not match:
        return None
    return "yes" if match[1].casefold() == "yes" else "no"


def without_label(text: str) -> str:
    """The text after a leading yes or no.

    >>> without_label("No, it needs none."), without_label("Yes."), without_label("Nobody knows.")
    ('it needs none.', '', 'Nobody knows.')
    """
    return _LABEL.sub("", text)


def label_by_polarity(statement: str, question: str) -> Label:
    """`yes` where statement and question are both negated or both not, `no` otherwise.

    >>> label_by_polarity("It requires no training.", "Does it require training?")
    'no'
    """
    return "yes" if _negated(statement) == _negated(question) else "no"


def _negated(text: str) -> bool:
    return len(_NEGATION.findall(text)) % 2 == 1


def _number(text: str, question: str) -> Final | None:
    """The quantity whose unit the question names, else the first that the question does not name itself."""
    without_commas = re.sub(r"(?<=\d),(?=\d{3})", "", question)
    asked = set(words(without_commas)) - STOP_WORDS
    found = [match for match in _QUANTITY.finditer(text) if not _named(match, asked)]
    if not found:
        return None
    return _final(max(found, key=lambda match: (_unit(match, asked) in asked, not _is_year(match))), asked)


def _final(match: re.Match[str], asked: set[str]) -> Final:
    unit = _unit(match, asked)
    whole = match.group()
    bare = whole[: match.start("unit") - match.start()] if match["unit"] and not unit else whole
    return Final("number", bare.strip(), value=_value(match), unit=unit)


def _named(match: re.Match[str], asked: set[str]) -> bool:
    """Whether the question says this number itself."""
    first = _plain(match["first"]).casefold()
    return bool({first, f"{first}{(match['unit'] or '').strip().casefold()}"} & asked)


def _is_year(match: re.Match[str]) -> bool:
    first = _plain(match["first"])
    return first.isdecimal() and int(first) in _YEARS and not match["magnitude"]


def _value(match: re.Match[str]) -> float | None:
    """The number written, a fraction's too; a range has no one value."""
    first, second = _plain(match["first"]), _plain(match["second"] or "")
    if match["joint"] == "/" and float(second):
        return float(first) / float(second)
    return None if second else float(first) * _MAGNITUDES.get((match["magnitude"] or "").strip(), 1)


def _plain(number: str) -> str:
    return number.replace(",", "").replace("−", "-")


def _unit(match: re.Match[str], asked: set[str]) -> str | None:
    found = (match["unit"] or "").strip()
    unit = _UNITS.get(found, found)
    return unit if unit.casefold() in _KNOWN_UNITS or unit.casefold() in asked else None
