"""The phrase of a sentence that stands where a question asks: "On which GPU …" takes what is "on" one."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from assistant.terms import STOP_WORDS, stem, words

MOST_WORDS = 12  # of a phrase
ARTICLES = frozenset(("a", "an", "the"))
TOKEN = re.compile(r"\S+")

_LEAD = r"^\W*(?:(?:and|but|so|then)\b\W*)?"
_AFTER = "on|in|at|with|by|from|to|for|during|after|before|into|under|through|over"
_ON_WHICH = re.compile(rf"{_LEAD}(?P<word>{_AFTER}) (?:what|which)\b", re.I)
# "What … written with?"; what something "stands for" is no place.
_WHICH_WITH = re.compile(rf"{_LEAD}(?:what|which)\b(?!.*\b(?:stands? for|short for)\b)", re.I)
_AT_END = re.compile(rf"\b(?P<word>{_AFTER})\W*$", re.I)
_WHERE = re.compile(rf"{_LEAD}where\b", re.I)
_WHEN = re.compile(rf"{_LEAD}(?:when\b|(?:at|in|during) (?:what|which) (?:stage|phase|point|step)\b)", re.I)
# "What decides …" asks who does it, which a passive tells after "by".
_DOER = re.compile(
    rf"{_LEAD}(?:what|who) (?!is\b|was\b|does\b|has\b)[a-z]+s (?!of\b)"
    r"(?!.*\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b)",
    re.I,
)
_DONE_BY = re.compile(r"\b(?:is|are|was|were|been|being) (?:\w+ ){1,2}?(?=by\b)")
_PLACES = frozenset("in on at from before after between".split())
_TIMES = frozenset("in at during before after".split())
# What a phrase does not reach beyond; "of", articles and words for how many are part of it.
_BREAKS = (
    STOP_WORDS
    - frozenset("of a an the its their our very most more all each both same own other few some".split())
) | frozenset("via across within towards toward among onto without using including based".split())
_LISTED = frozenset(("and", "or"))


def placed(said: str, question: str) -> str | None:
    """What stands in a sentence after the word after which the question asks; None where nothing new does.

    >>> placed("It was tried with vLLM on a P40 GPU.", "On which card was it tried?")
    'P40 GPU'
    """
    wanted, start = _wanted(question), 0
    if _DOER.match(question):
        done = _DONE_BY.search(said)
        wanted, start = (frozenset(("by",)), done.end()) if done else (frozenset(), 0)
    asked = {stem(word) for word in words(question)}
    tokens = list(TOKEN.finditer(said, start))
    opening: str | None = None
    for n, token in enumerate(tokens):
        word = token.group().casefold()
        if word not in wanted:
            continue
        # "In our experiments, …" sets the scene, and is taken where nothing else is.
        is_opening = not start and n <= 1
        phrase = _phrase(tokens[n + 1 : n + 2 + MOST_WORDS], word, asked, is_opening=is_opening)
        if not _is_news(phrase, asked):
            continue
        found = bare(said[phrase[0].start() : phrase[-1].end()])
        if not is_opening:
            return found
        opening = found if phrase[-1].group().endswith(",") or n + 1 + len(phrase) == len(tokens) else None
    return opening


def _wanted(question: str) -> frozenset[str]:
    """The words after which the question asks."""
    if _WHEN.match(question):
        return _TIMES
    if _WHERE.match(question):
        return _PLACES
    found = _ON_WHICH.match(question) or (_WHICH_WITH.match(question) and _AT_END.search(question))
    return frozenset((found["word"].casefold(),)) if found else frozenset()


def _phrase(
    tokens: Sequence[re.Match[str]], after: str, asked: Collection[str], *, is_opening: bool
) -> list[re.Match[str]]:
    """The words up to the end of the phrase; names go on a list, and "to" goes on what is "from"."""
    phrase: list[re.Match[str]] = []
    joins = {"from": {"to"}, "between": {"and"}}.get(after, set())
    for token, following in zip(tokens[:MOST_WORDS], [*tokens[1:], None], strict=False):
        goes_on = not is_opening and following is not None and _is_new_name(following.group(), asked)
        word = token.group().casefold()
        so_far = "".join(one.group() for one in phrase)
        is_inside = so_far.count("(") > so_far.count(")")  # brackets, which are closed first
        if word in _BREAKS - joins and not is_inside and not (phrase and word in _LISTED and goes_on):
            break
        phrase.append(token)
        if ends_phrase(token.group()) and not (token.group().endswith(",") and (goes_on or is_inside)):
            break
    while phrase and phrase[0].group().casefold() in ARTICLES:
        phrase = phrase[1:]
    return phrase


def bare(phrase: str) -> str:
    """The phrase without the marks around it."""
    return phrase.strip(" ,.;:“”\"'")


def ends_phrase(token: str) -> bool:
    """Whether a phrase ends with the token: "e.g." ends none."""
    return token.endswith((",", ";", ":", ".")) and not re.search(r"\w\.\w", token)


def _is_new_name(token: str, asked: Collection[str]) -> bool:
    return bool(re.match(r"[A-Z0-9]", token)) and not all(stem(word) in asked for word in words(token))


def _is_news(phrase: Sequence[re.Match[str]], asked: Collection[str]) -> bool:
    """Whether the phrase has a word that is neither the question's nor one of grammar."""
    own = (word for token in phrase for word in words(token.group()))
    return any(stem(word) not in asked and word not in STOP_WORDS for word in own)
