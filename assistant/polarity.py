"""Whether two sentences say the opposite: negations, and words for opposite directions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from assistant.terms import stem, terms

# "Not only" denies nothing, "no more than 5" bounds. "-free" and "not needed" deny the word before them,
# "non-" and "un-" the one after.
_NEGATION = re.compile(
    r"(?P<before>-free\b|(?:\bnot|n['’]t|\bnever|\bno longer)(?: \w+ly)? (?:needed|required|necessary)\b"
    r"|\bunne(?:cessary|eded)\b(?=\W*(?:$|(?:for|to|in|at|when|by|during)\b)))|(?P<one>\b(?:non|un)-)"
    r"|\b(?:no longer|(?:no|not)(?! (?:only|just|merely|(?:more|less|fewer) than)\b)|none|never|without"
    r"|cannot|neither|nor|hardly|barely|fail(?:s|ed)? to|lack(?:s|ed|ing)?|unable|free (?:of|from)"
    r"|instead of|rather than|absence of|eliminat(?:es?|ed|ing)|avoid(?:s|ed|ing)?|obviat(?:es?|ed|ing)"
    r"|dispens(?:es?|ed|ing) with|do(?:es|ing)? away with|bypass(?:es|ed|ing)?|circumvent(?:s|ed|ing)?"
    r"|remov(?:es?|ed|ing) the need|neglect(?:s|ed)?|ignor(?:es?|ed))\b|n['’]t\b",
    re.I,
)
_REACH = 3  # content words that a negation denies
# What is denied of these is what is needed: "does not need labels" is "needs no labels".
_NEED = frozenset(map(stem, "need required requires necessary use used".split()))
_CLAUSE = re.compile(r"[,;:()]|\b(?:but|while|whereas|although|and)\b")

# Pairs of opposite directions, by stem. Stop words such as "more" tell none: they go with any adjective.
_OPPOSITES = tuple(
    (frozenset(map(stem, up.split())), frozenset(map(stem, down.split())))
    for up, down in (
        (
            "increase raise rise grow higher larger greater bigger longer expand enlarge gain",
            "decrease reduce lower drop cut fall shrink smaller decline less fewer shorter shorten save"
            " lessen",
        ),
        ("faster accelerate speedup quicker speed", "slower slow slowdown"),
        (
            "outperform surpass exceed beat better superior improve best stronger ahead",
            "underperform worse inferior lag degrade weaker worst behind deteriorate",
        ),
        ("first earliest initial", "last final latest"),
        ("identical comparable similar equal", "different disjoint dissimilar distinct"),
        ("encoder", "decoder"),
        ("shallow early", "deep late"),
        ("frozen fixed static", "trained tuned dynamic adaptive"),
        ("always every", "part"),
    )
)


def opposed(claim: str, source: str) -> bool:
    """Whether the source denies what the claim says.

    A negation on one side alone opposes where it is about words that both share; a direction opposes where
    the source goes the opposite way and not the same way too. Whether they speak of the same thing at all is
    for the caller to know.

    >>> opposed("It needs extra training.", "It works without any extra training.")
    True
    >>> opposed("It lowers memory use.", "It reduces the use of memory.")
    False
    >>> opposed("It is slower.", "It is faster.")
    True
    """
    return bool(conflicts(claim, source))


@lru_cache(maxsize=16_384)
def conflicts(claim: str, source: str) -> tuple[str, ...]:
    """What `opposed` finds: shared stems that one side alone denies, and the claim's opposed directions."""
    said, there = _read(claim), _read(source)
    shared = {word.stem for word in said} & {word.stem for word in there}
    found = [
        stemmed
        for stemmed in sorted(shared)
        if _ways(said, stemmed).isdisjoint(_ways(there, stemmed)) and not _deny_alike(stemmed, said, there)
    ]
    for up, down in _OPPOSITES:
        mine, theirs = _directed(said, up, down), _directed(there, up, down)
        for way, back in ((0, 1), (1, 0)):
            if mine[way] and not mine[back] and theirs[back] and not theirs[way]:
                found += sorted(mine[way])
    return tuple(dict.fromkeys(found))


def negated(text: str) -> bool:
    """Whether the text has an odd number of negations."""
    return len(_NEGATION.findall(text)) % 2 == 1


class _Word(NamedTuple):
    """A content word: its stem, whether a negation reaches it, and what that denies after the word."""

    stem: str
    denied: bool
    denies: frozenset[str] = frozenset()


def _ways(read: Sequence[_Word], stemmed: str) -> set[bool]:
    return {word.denied for word in read if word.stem == stemmed}


def _deny_alike(stemmed: str, said: Sequence[_Word], there: Sequence[_Word]) -> bool:
    """Whether both deny the same with the word, in whatever order: "not add cost", "add no cost"."""

    def denied(read: Sequence[_Word]) -> set[str]:
        if stemmed in _NEED:
            return {word.stem for word in read if word.denied}
        return {other for word in read if word.stem == stemmed for other in word.denies}

    return bool((denied(said) & denied(there)) - _NEED)


def _directed(read: Sequence[_Word], up: frozenset[str], down: frozenset[str]) -> tuple[set[str], set[str]]:
    """The stems that go up and those that go down; a denied one goes the other way: "not slower"."""
    return (
        {word.stem for word in read if word.stem in (down if word.denied else up)},
        {word.stem for word in read if word.stem in (up if word.denied else down)},
    )


@lru_cache(maxsize=16_384)
def _read(text: str) -> tuple[_Word, ...]:
    """The content words of the text, each with whether a negation reaches it."""
    return tuple(word for clause in _CLAUSE.split(text) for word in _read_clause(clause))


def _read_clause(clause: str) -> list[_Word]:
    found: list[_Word] = []
    position = reach = 0
    governor = -1  # the word before the last negation, "adds" in "adds no cost"
    flipped = False  # the next word alone
    for negation in [*_NEGATION.finditer(clause), None]:
        between = clause[position : negation.start() if negation else len(clause)]
        for stemmed in terms(between):
            for n in range(max(governor, 0), len(found)) if reach else ():
                if found[n].denied or n == governor:
                    found[n] = found[n]._replace(denies=found[n].denies | {stemmed})
            found.append(_Word(stemmed, (reach > 0) != flipped))
            flipped = False
            needs = stemmed in _NEED and len(found) <= governor + _REACH
            reach -= reach > 0 and not needs
        if negation is None:
            break
        position = negation.end()
        if negation["one"]:
            flipped = True
        elif negation["before"]:
            found[-1:] = [word._replace(denied=not word.denied) for word in found[-1:]]
            reach = 0
        else:
            reach = 0 if reach and not between.strip() else _REACH  # "not without" denies nothing
            governor = len(found) - 1
    return found
