"""Whether two sentences say the opposite: negations, and words for opposite directions."""

from __future__ import annotations

import re
from functools import lru_cache

from assistant.terms import STOP_WORDS, stem, words

# "Not only" denies nothing. "-free" denies the word before it, "non-" and "un-" the one after.
_NEGATION = re.compile(
    r"\b(?:no|not(?! (?:only|just|merely)\b)|none|never|without|cannot|neither|nor|hardly|barely"
    r"|fail(?:s|ed)? to|lack(?:s|ed|ing)?|unable|free of|instead of|rather than"
    r"|eliminat(?:es?|ed|ing)|avoid(?:s|ed|ing)?|remov(?:es?|ed|ing) the need"
    r"|neglect(?:s|ed)?|ignor(?:es?|ed))\b|n['’]t\b|-free\b|\b(?:non|un)-",
    re.I,
)
_REACH = 3  # content words that a negation denies
_AFFIXES = {"-free": 0, "non-": 1, "un-": 1}  # content words after them that affixes deny
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
    shared = {stemmed for stemmed, _ in said} & {stemmed for stemmed, _ in there}
    found = [
        stemmed
        for stemmed in sorted(shared)
        if {denied for word, denied in said if word == stemmed}.isdisjoint(
            {denied for word, denied in there if word == stemmed}
        )
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


def _directed(
    read: tuple[tuple[str, bool], ...], up: frozenset[str], down: frozenset[str]
) -> tuple[set[str], set[str]]:
    """The stems that go up and those that go down; a denied one goes the other way: "not slower"."""
    return (
        {stemmed for stemmed, denied in read if stemmed in (down if denied else up)},
        {stemmed for stemmed, denied in read if stemmed in (up if denied else down)},
    )


@lru_cache(maxsize=16_384)
def _read(text: str) -> tuple[tuple[str, bool], ...]:
    """The content stems of the text, each with whether a negation reaches it."""
    found: list[tuple[str, bool]] = []
    for clause in _CLAUSE.split(text):
        position = reach = 0
        for negation in [*_NEGATION.finditer(clause), None]:
            end = negation.start() if negation else len(clause)
            for word in words(clause[position:end]):
                if word not in STOP_WORDS:
                    found.append((stem(word), reach > 0))
                    reach -= 1
            if negation:
                affix = negation.group().casefold()
                position, reach = negation.end(), _AFFIXES.get(affix, _REACH)
                if affix == "-free" and found:
                    last, denied = found[-1]
                    found[-1] = (last, not denied)
    return tuple(found)
