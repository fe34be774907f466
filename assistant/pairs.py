"""Two things that were told together, of which one is asked: the former, the second, the other one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistant.names import names
from assistant.terms import STOP_WORDS

Pair = tuple[str, str]

# "The former", unless that names a thing: "the former method". "The first" is one of two only by itself.
_ONE_OF_TWO = re.compile(
    r"\bthe (?P<which>former|latter)\b(?! [a-z]+(?<!ing) (?:is|are|does|do|has)\b)"
    r"|\bthe (?P<place>first|second|other)(?: one\b(?! (?:[a-z]+ing|to|that|which|who|of)\b)"
    r"|(?=[?.,]*$| (?:is|does|do|has|come|act|stand|mean|short)\b))",
    re.I,
)
_SECOND = frozenset(("latter", "second"))
_OF_OTHERS = re.compile(r"\b(?:one|two|both|it|this)\b", re.I)  # "one … the other", "it is the first"
_ARTICLES = frozenset(("the", "a", "an"))
_MARK = re.compile(r"[,.;:?!()](?:\s|$)")
_MOST_OF_A_PHRASE = 4  # words


def pair_in(text: str) -> Pair | None:
    """What stands before and after the one "and" of a text, where those are two names or two things.

    >>> pair_in("It prunes parameters of both the foundation model and the PEFT modules, early in training.")
    ('the foundation model', 'the PEFT modules')
    >>> pair_in("LongGen cuts memory and SlimTune cuts training time.")
    """
    before, _, after = text.partition(" and ")
    if " and " in after:
        return None
    *earlier, last = (piece.split() for piece in _MARK.split(before))
    if earlier and len(_phrase(reversed(earlier[-1]))) == len(earlier[-1]):
        return None  # a list of three
    former = _phrase(reversed(last))[::-1]
    latter = _phrase(_MARK.split(after)[0].split())
    if not former or not latter:
        return None
    if names(former[-1]) and names(latter[0]):
        return former[-1], latter[0]
    are_things = len(former) > 1 and former[0].casefold() in _ARTICLES and len(latter) <= len(former)
    return (" ".join(former), " ".join(latter)) if are_things else None


def with_one_by_name(question: str, pair: Pair, asked: str, answer: str) -> str:
    """The question with the former, the latter or the other of two things by its name.

    The other one is told by the question `asked` before, or by its answer.

    >>> with_one_by_name("Why the other one?", ("RR", "RATD"), "What is RR short for?", "Rationale Ranking.")
    'Why RATD?'
    """

    def meant(found: re.Match[str]) -> str:
        which = (found["which"] or found["place"]).casefold()
        if found["place"] and _OF_OTHERS.search(question[: found.start()]):
            return found.group()
        if which == "other":
            told = _told(pair, asked) or _told(pair, answer)
            return pair[told[0] == pair[0]] if len(told) == 1 else found.group()
        return pair[which in _SECOND]

    return _ONE_OF_TWO.sub(meant, question)


def asked_of_the_other(other: str, asked: str, pair: Pair) -> str | None:
    """The question `asked` before, of the `other` of two things; None where it was not of one of them."""
    match _told(pair, asked):
        case [one] if one != other and other in pair:
            return swapped(asked, one, other, re.I)
    return None


def swapped(text: str, one: str, other: str, flags: re.RegexFlag = re.NOFLAG) -> str:
    """The text with the name of the `other` thing wherever that of the `one` stands whole."""
    return re.sub(_whole(one), lambda _: other, text, flags=flags)


def _told(pair: Pair, text: str) -> list[str]:
    """Which of two things a text speaks of."""
    return [one for one in pair if re.search(_whole(one), text, re.I)]


def _whole(name: str) -> str:
    return rf"(?<![\w-]){re.escape(name)}(?![\w-])"


def _phrase(found: Iterable[str]) -> list[str]:
    """The words up to one of grammar, which is no part of a thing's name unless it is an article."""
    phrase: list[str] = []
    for word in found:
        if word.casefold() in STOP_WORDS - _ARTICLES:
            break
        phrase.append(word)
        if phrase[1:] and word.casefold() in _ARTICLES:
            break
    return phrase[:_MOST_OF_A_PHRASE]
