"""Typing errors in a question, put right by the words of the papers found."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from rapidfuzz import process
from rapidfuzz.distance import OSA

from assistant.terms import STOP_WORDS

_SHORTEST = 4  # letters; shorter words have too many neighbours
_LONG = 8  # letters; from here on two errors are put right, below it one
# A word in small letters, as names are not: what stands in capitals is meant as it stands. The "doesn" of
# "doesn't" is no word of its own.
_WORD = re.compile(rf"(?<![\w-])[a-z]{{{_SHORTEST},}}(?![\w-]|['’]t\b)")
_COMMON = STOP_WORDS | frozenset(
    "many often does beat beats used using need needs method model paper papers accuracy faster speed much"
    " number percent percentage training inference compared memory latency".split()
)


def corrected(text: str, known: Collection[str], is_word: Callable[[str], bool]) -> str:
    """`text` with each word that is none replaced by the known word one typing error away.

    `known` are words to correct to; `is_word` tells whether a word is right although it is not among them.

    >>> corrected("how mcuh enrgy does it save", {"energy", "save"}, is_word={"does"}.__contains__)
    'how much energy does it save'
    """
    words = sorted({*known, *_COMMON})

    def right(match: re.Match[str]) -> str:
        word = match.group()
        if word in known or word in _COMMON or is_word(word):
            return word
        near = [other for other in words if other[:1] == word[0] and other.isalpha()]
        errors = 2 if len(word) >= _LONG else 1
        found = process.extractOne(word, near, scorer=OSA.distance, score_cutoff=errors)
        return found[0] if found else word

    return _WORD.sub(right, text)
