"""The bare answer to a typed question, read from the cited answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from assistant.question import Kind
from assistant.records import Citation, Final, Sentence
from assistant.terms import STOP_WORDS, words

Label = Literal["yes", "no"]

_NUMBER = r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?"
# A number, or a range or fraction of two, and the word or sign after it.
_QUANTITY = re.compile(
    rf"(?<![\w.-])(?P<first>{_NUMBER})(?:\s*(?P<joint>-|–|to|/)\s*(?P<second>{_NUMBER}))?"
    r"(?P<unit>\s*\\?%|\s?×|-?fold\b|\s?percentage points?\b|\s?[A-Za-z]+)?"
)
_UNITS = {"percent": "%", "×": "x", "times": "x", "fold": "x", "-fold": "x", "point": "points"}
_UNITS |= {"percentage point": "points", "percentage points": "points", "\\%": "%"}
_KNOWN_UNITS = frozenset(
    "% x points k m b t gb mb kb tb ms s seconds minutes hours days weeks months years tokens parameters"
    " steps epochs layers gpus papers samples examples images".split()
)
_LABEL = re.compile(r"^\W*(yes|no)\b[\s,.:;–—-]*", re.I)
_NEGATION = re.compile(
    r"\b(no|not|none|never|without|cannot|neither|nor|hardly|fail(s|ed)?|lack(s|ed|ing)?|less|unable|reduced)\b"
    r"|n['’]t\b",
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
    """The first quantity that the question does not name itself; a range has a text but no one value."""
    without_commas = re.sub(r"(?<=\d),(?=\d{3})", "", question)
    asked = set(words(without_commas)) - STOP_WORDS
    for match in _QUANTITY.finditer(text):
        unit = _unit(match, asked)
        first = match["first"].replace(",", "").replace("−", "-")
        if {first.casefold(), f"{first}{unit}".casefold()} & asked:
            continue
        bare = (
            match.group()[: match.start("unit") - match.start()]
            if match["unit"] and not unit
            else match.group()
        )
        value = _value(first, match["joint"], match["second"])
        return Final("number", bare.strip(), value=value, unit=unit)
    return None


def _value(first: str, joint: str | None, second: str | None) -> float | None:
    if joint == "/" and second and float(second):
        return float(first) / float(second)
    return None if second else float(first)


def _unit(match: re.Match[str], asked: set[str]) -> str | None:
    found = (match["unit"] or "").strip()
    unit = _UNITS.get(found, found)
    return unit if unit.casefold() in _KNOWN_UNITS or unit.casefold() in asked else None
