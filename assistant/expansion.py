"""What a short form stands for, where a text writes it out: "post-training language models (PoLMs)"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.fit import RankedSentence

_BRACKETS = re.compile(r"\(([^()]{1,80})\)")
_REACH = 300  # characters before a bracket that its long form lies in; keeps the time linear in the text
_QUOTES = "\"'“”‘’"


def written_out(short: str, text: str) -> str | None:
    """What `short` stands for by the brackets of `text`.

    The letters of the short form are looked up from right to left in the words before its bracket, the first
    of them at the beginning of a word (Schwartz and Hearst, PSB 2003); or its own bracket is taken.

    >>> written_out("PoLMs", "We need post-training language models (PoLMs) now.")
    'post-training language models'
    >>> written_out("MrT5", "This introduces MrT5 (MergeT5).")
    'MergeT5'
    """
    letters = [character for character in short.removesuffix("s") if character.isalnum()]
    if not letters:
        return None
    for bracket in _BRACKETS.finditer(text):
        inside = bracket[1].strip()
        before = text[max(0, bracket.start() - _REACH) : bracket.start()].split()
        if _same(inside, short):
            near = before[-min(len(letters) + 5, 2 * len(letters)) :]
            found = _matching(letters, " ".join(near))
            if found and not _same(found.strip("()"), short):
                return found.strip(_QUOTES)
        elif before and _same(before[-1], short) and _matching(letters, inside):
            return inside
    return None


def find_expansion(short: str, ranked: Sequence[RankedSentence]) -> tuple[RankedSentence, str] | None:
    """The best sentence that writes the short form out, and the long form."""
    for one in ranked:
        if long := written_out(short, one.sentence.text):
            return one, long
    return None


def _same(written: str, short: str) -> bool:
    return written.strip(f"{_QUOTES},;").casefold().removesuffix("s") == short.casefold().removesuffix("s")


def _matching(letters: Sequence[str], words: str) -> str | None:
    """The shortest end of `words` that has all letters in order, the first one at a word's beginning."""
    place = len(words)
    for n, letter in enumerate(reversed(letters), start=1):
        first = n == len(letters)
        place -= 1
        while place >= 0 and (
            words[place].casefold() != letter.casefold()
            or (first and place > 0 and words[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return None
    return words[words.rfind(" ", 0, place) + 1 :]
