"""Lexical support: whether a claim's numbers, names and words are in the papers that it cites.

This is not entailment. It finds the wrong paper, not the wrong claim. The share of SciFact's expert claims
whose content stems are covered by a 2-sentence window of an abstract to at least θ, measured once:

    θ     true claims   false claims   random abstract
    0.5      70 %           45 %            0 %
    0.6      52 %           35 %            0 %

Those are experts' rewrites; a claim taken from its abstract is covered more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from eval.claims import without_label
from eval.normalise import STOP_WORDS, names, sentences, stem, stems, words
from eval.numbers import quantities

THETA = 0.6
_NEGATED_STEMS = 2
_MEASURED = frozenset(("percent", "points", "times", "time", "months", "bytes"))
_NEGATIONS = frozenset(
    map(
        stem,
        "not no never without cannot neither nor none fail failed fails lack lacks unable hardly".split(),
    )
)
# Pairs of opposite directions; "improve" is not one: what is reduced may be improved by it.
_DIRECTIONS = tuple(
    frozenset(map(stem, said.split()))
    for said in (
        "increase raise grow higher larger",
        "decrease reduce lower drop cut fall shrink smaller decline",
        "faster accelerate speedup",
        "slower slow",
        "outperform surpass exceed beat better superior",
        "underperform worse inferior lag",
    )
)
_OPPOSITES = ((0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4))
_DENYING = _DIRECTIONS[1] | _DIRECTIONS[3] | _DIRECTIONS[5]


@dataclass(frozen=True, slots=True)
class Support:
    """The four parts of lexical support: NUM, ENT, LEX (as the share covered) and POL."""

    numbers: bool
    names: bool
    coverage: float
    polarity: bool

    @property
    def supported(self) -> bool:
        """NUM and ENT and LEX and POL."""
        return self.numbers and self.names and self.coverage >= THETA and self.polarity

    @property
    def hallucinated(self) -> bool:
        """A number or a name that the sources do not have."""
        return not (self.numbers and self.names)


@dataclass(frozen=True, slots=True)
class Window:
    """Two neighbouring sentences of a source, and their content stems."""

    text: str
    stems: frozenset[str]


def support(claim: str, sources: Sequence[str], question: str) -> Support:
    """How the sources, each a title and abstract, support a claim; names may come from the question."""
    claim = without_label(claim)
    best = [best_window(claim, source) for source in sources]
    return Support(
        numbers=numbers_occur(claim, sources),
        names=names_occur(claim, (*sources, question)) if sources else not names(claim),
        coverage=coverage(claim, best),
        polarity=same_polarity(claim, " ".join(window.text for window in best)),
    )


def numbers_occur(claim: str, sources: Sequence[str]) -> bool:
    """NUM: each number with its unit is in a source; "one" is a word more often than a number."""
    said = " ".join(word for word in _apart(claim).split() if word.casefold() != "one")
    return all(
        any(
            value == there and _same_unit(unit, written)
            for source in sources
            for there, written in _numbers(source)
        )
        for value, unit in _points(said)
    )


def names_occur(claim: str, sources: Sequence[str]) -> bool:
    """ENT: each acronym, CamelCase, digit-bearing or capitalised name is in a source, hyphens aside."""
    said = {stem(word) for name in names(claim) for word in words(name)}
    return all(any(part in _known(source) for source in sources) for part in said)


def coverage(claim: str, windows: Sequence[Window]) -> float:
    """LEX: share of the claim's content stems in the windows; 1 for a claim without content words."""
    said = set(stems(claim))
    if not said:
        return float(bool(windows))
    there = {found for window in windows for found in window.stems}
    return len(said & there) / len(said)


def same_polarity(claim: str, window: str) -> bool:
    """POL: no negation on one side alone, no direction where the window has only its opposite."""
    said, there = _all_stems(claim), _all_stems(window)
    if said & _NEGATIONS and not there & (_NEGATIONS | _DENYING):
        return False
    if _denied(window) & _affirmed(claim):
        return False
    return not any(
        said & _DIRECTIONS[way] and there & _DIRECTIONS[opposite] and not there & _DIRECTIONS[way]
        for way, opposite in _OPPOSITES
    )


def best_window(claim: str, source: str) -> Window:
    """The two neighbouring sentences of a source that cover the claim best."""
    said = frozenset(stems(claim))
    return max(_windows(source), key=lambda window: len(said & window.stems))


@lru_cache(maxsize=4096)
def _windows(source: str) -> tuple[Window, ...]:
    found = sentences(source) or ("",)
    pairs = (f"{first} {second}" for first, second in zip(found, (*found[1:], ""), strict=True))
    return tuple(Window(pair, frozenset(stems(pair))) for pair in pairs)


@lru_cache(maxsize=4096)
def _numbers(source: str) -> frozenset[tuple[float, str]]:
    return frozenset(point for text in (source, _apart(source)) for point in _points(text))


def _apart(text: str) -> str:
    """The text with numbers that "and" joins made two: "5.02 and 15.7M" may share their unit or not."""
    return re.sub(r"(?<=\d)\s+and\s+(?=\d)", " ; ", text)


def _points(text: str) -> Iterator[tuple[float, str]]:
    for quantity in quantities(text):
        for value in {quantity.low, quantity.high}:
            yield float(f"{value:.9g}"), quantity.unit


def _same_unit(said: str, written: str) -> bool:
    return said in ("", written) or not (said in _MEASURED or written in _MEASURED)


@lru_cache(maxsize=4096)
def _known(source: str) -> frozenset[str]:
    found = words(source)
    pairs = (f"{first}{second}" for first, second in pairwise(found))
    return frozenset(map(stem, (*found, *pairs)))


def _all_stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words(text)))


def _denied(text: str) -> frozenset[str]:
    """The content stems that occur under a negation only."""
    return frozenset(found for found, _ in _polar(text)) - _affirmed(text)


def _affirmed(text: str) -> frozenset[str]:
    return frozenset(found for found, denied in _polar(text) if not denied)


@lru_cache(maxsize=4096)
def _polar(text: str) -> tuple[tuple[str, bool], ...]:
    """Each content stem, and whether it is one of the first two after a negation."""
    found = []
    for sentence in sentences(text):
        reach = 0
        for word in words(sentence):
            if stem(word) in _NEGATIONS:
                reach = _NEGATED_STEMS
            elif word not in STOP_WORDS:
                found.append((stem(word), reach > 0))
                reach -= 1
    return tuple(found)
