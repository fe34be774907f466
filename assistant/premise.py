"""Premises of a question that the abstracts contradict: "its 80 % reduction" where the abstract says 62 %."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from assistant.fit import RankedSentence
from assistant.quantities import Quantity, quantities
from assistant.question import Question
from assistant.records import Paper
from assistant.terms import STOP_WORDS, stem, words

_SENTENCES = 3  # best fitting ones that are searched
_SUPPOSES = re.compile(
    r"^(?:and |so |but |then )?(?:why|how (?:do|does|did|is|are|was|were|can|could|has|have|come)"
    r"|by what means|in what way|thanks to what|with what|which|what|when|where|who)\b",
    re.I,
)
_LEAST_COUNT = 13  # smaller counts are spelt in many ways and rarely a premise
_NOUNS = 3  # words after a number that may say what it counts
_RELATIVE = frozenset("that which who whose it they we".split())  # with them a clause begins
_YEARS = range(1900, 2101)
_LOOK_BACK = 20  # characters before a number in which a word qualifies it
# "More than 60%" is true of 62%, and so is "about 60%". "Up to 60%" is how abstracts put 60% itself.
_AT_LEAST = re.compile(r"\b(?:more than|over|above|at least|beyond|exceed(?:s|ing)?)\s$", re.I)
_AT_MOST = re.compile(r"\b(?:less than|fewer than|under|below)\s$", re.I)
_ABOUT = re.compile(r"(?:\b(?:about|around|roughly|approximately|nearly|almost|close to|some)\s|~\s?)$", re.I)
# "With 50% of the data" sets a condition, and claims nothing of the paper.
_CONDITION = re.compile(
    r"\b(?:with|without|at|on|using|given|under|when|if)\s(?:only\s|a\s|an\s|the\s)?$", re.I
)
_AROUND, _REACH = 6, 80  # words and characters around a number that tell what it is of
_NEAR = 0.1  # how far from a number "about" reaches, relative to it
_DIGITS = re.compile(r"[\d,]*\d(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Correction:
    """What the question takes for granted, what the abstract says instead, and where."""

    supposed: str
    instead: str
    sentence: RankedSentence


def supposes(question: Question) -> bool:
    """Whether the question takes something for granted and asks on: why and how questions, not yes/no."""
    return question.kind in ("text", "number") and bool(_SUPPOSES.match(question.text))


def false_number(question: Question, ranked: Sequence[RankedSentence]) -> Correction | None:
    """A number of the question that its paper does not have, where it has another one of that kind."""
    if not ranked or not supposes(question):
        return None
    paper = ranked[0].sentence.paper
    here = [one for one in ranked[:_SENTENCES] if one.sentence.paper is paper]
    for claimed in question.numbers:
        if _is_said(question.text, claimed, paper) or _is_condition(question.text, claimed):
            continue
        for one in here:
            text = one.sentence.text
            for there in quantities(text):
                alike = _of_a_kind(question.text, claimed, text, there)
                if (
                    alike
                    and _about_the_same(question.text, claimed, text, there)
                    and not any(there.same_value(own) for own in question.numbers)
                ):
                    return Correction(_written(question.text, claimed), _written(text, there), one)
    return None


def _is_condition(text: str, claimed: Quantity) -> bool:
    return bool(_CONDITION.search(text[max(0, claimed.start - _LOOK_BACK) : claimed.start]))


def _is_said(question: str, claimed: Quantity, paper: Paper) -> bool:
    """Whether the paper has the number, if only as the question rounds or qualifies it, or that year."""
    if _is_year(question, claimed) and claimed.low == paper.year:
        return True
    least, most = _allowed(question, claimed)
    return any(
        claimed.same_value(there)
        or (claimed.unit == there.unit and there.high >= least and there.low <= most)
        for there in (*quantities(paper.abstract), *quantities(paper.title))
    )


def _allowed(question: str, claimed: Quantity) -> tuple[float, float]:
    """The least and the most that the abstract may say for the question's number to be true."""
    before = question[max(0, claimed.start - _LOOK_BACK) : claimed.start]
    digits = _DIGITS.search(_written(question, claimed))
    value = float(digits[0].replace(",", "")) if digits else 0.0
    if _AT_LEAST.search(before):
        return claimed.low, math.inf
    if _AT_MOST.search(before):
        return -math.inf, claimed.high
    if claimed.is_range:
        return math.inf, -math.inf
    if _ABOUT.search(before):
        margin = _NEAR * abs(claimed.low)
    elif digits and value:
        # Half of the last digit that is written, in the unit and the magnitude that are written.
        margin = 0.5 * 10.0 ** -len(digits[1] or "") * abs(claimed.low / value)
    else:
        margin = 0.0
    return claimed.low - margin, claimed.low + margin


def _of_a_kind(question: str, claimed: Quantity, text: str, there: Quantity) -> bool:
    """Whether both count or measure the same, as far as their units and nouns tell."""
    if claimed.unit or there.unit:
        return claimed.unit == there.unit
    nouns, others = _nouns(claimed), _nouns(there)
    if nouns & others:
        return True
    years = _is_year(question, claimed), _is_year(text, there)
    if any(years):
        return all(years)
    return min(claimed.low, there.low) >= _LEAST_COUNT and not (nouns and others)


def _about_the_same(question: str, claimed: Quantity, text: str, there: Quantity) -> bool:
    """Whether a word near the one measure is near the other, too: "memory by 62%" and "80% of the memory"."""
    return not claimed.unit or bool(_company(question, claimed) & _company(text, there))


def _company(text: str, quantity: Quantity) -> set[str]:
    """The stems of the words around a number."""
    before = words(text[max(0, quantity.start - _REACH) : quantity.start])[-_AROUND:]
    after = words(text[quantity.end : quantity.end + _REACH])[:_AROUND]
    return {stem(word) for word in (*before, *after) if word not in STOP_WORDS and not word.isdigit()}


def _nouns(quantity: Quantity) -> set[str]:
    """The words after a number that may say what it counts, in the singular."""
    counted = takewhile(lambda noun: noun not in _RELATIVE, quantity.nouns[:_NOUNS])
    return {noun.rstrip("s") for noun in counted if noun not in STOP_WORDS}


def _is_year(text: str, quantity: Quantity) -> bool:
    return quantity.low in _YEARS and text[quantity.start : quantity.end].isdecimal()


def _written(text: str, quantity: Quantity) -> str:
    return text[quantity.start : quantity.end].replace("\\", "").replace("$", "").strip()
