"""Questions in one: the parts of a question that are questions of their own.

"What does it add, and where?" is answered only by both. Sentences are ranked for each part, too, so that the
best one for each comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.fit import RankedSentence
from assistant.question import Question, understood
from assistant.terms import terms

_PREPOSITION = r"(?:by|on|for|at|in|into|to|of|with|from|down to|up to|under)"
ASKS = r"(?:how|what|which|who|whom|whose|where|why|when)\b"
_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would)\b"
# "…, and by how much can MrT5 …": what follows is a question of its own.
BETWEEN = re.compile(rf"(?:[,;:]\s(?:and\s)?|\sand\s)(?=(?:{_PREPOSITION}\s)?{ASKS})", re.I)
# The same for the parts of a question, where ", which attend to few tokens," is none.
_NEXT_PART = re.compile(
    rf"(?:[,;:]\s(?:and\s)?|\sand\s)(?=(?:{_PREPOSITION}\s)?(?:how|what|why)\b)"
    rf"|[,;:]?\sand\s(?=(?:{_PREPOSITION}\s)?(?:which|who|whom|whose|where|when)\b)",
    re.I,
)
_SENTENCE_END = re.compile(r"(?<=[?])\s")
IS_QUESTION = re.compile(rf"{_AUXILIARY}|.*\b{ASKS}", re.I)
# "When visual prompts are used, how …" begins with no question.
_ASKED_FIRST = re.compile(
    rf"(?:(?:and|so|but) )?(?:{_PREPOSITION} )?(?!(?:when|where) (?!{_AUXILIARY}))(?:{ASKS})|{_AUXILIARY}",
    re.I,
)
_THINGS = re.compile(rf"^(?:{_PREPOSITION} )?(?:what|which)(?: are(?: the)?)? (?:two|three|four)\b", re.I)
_MOST_PARTS = 3
_LEAST_TERMS = 2  # of a part; "of what kind?" leans on the part before it


def parts(question: Question) -> tuple[Question, ...]:
    """The questions in one, three at most; one that names nothing has the others' names for its topic.

    None where it is but one question.

    >>> from assistant.question import understood
    >>> [part.bare for part in parts(understood("What does DCCA reorder, and where do projections sit?"))]
    ['What does DCCA reorder?', 'where do projections sit?']
    """
    pieces = [piece for text in _SENTENCE_END.split(question.bare) for piece in _NEXT_PART.split(text)]
    found = [piece for piece in pieces if _ASKED_FIRST.match(piece) and len(terms(piece)) >= _LEAST_TERMS]
    return tuple(understood(_with_topic(piece, question)) for piece in found[:_MOST_PARTS] if found[1:])


def led(
    question: Question,
    ranked: Sequence[RankedSentence],
    rank: Callable[[Question], Sequence[RankedSentence]],
) -> list[RankedSentence]:
    """The sentences with the best for each part of the question first, each of which leads.

    `rank` ranks the sentences of the paper that fits the whole question best.
    """
    places = {one.sentence: n for n, one in enumerate(ranked)}
    leads = dict.fromkeys(range(min(len(ranked), 1)))
    for part in parts(question):
        # The part's best sentence may be one that the whole question had no place for.
        leads |= dict.fromkeys([places[one.sentence] for one in rank(part) if one.sentence in places][:1])
    if len(leads) == 1 and _THINGS.match(question.bare):
        leads |= dict.fromkeys(range(min(len(ranked), 2)))
    others = (one for n, one in enumerate(ranked) if n not in leads)
    return [*(replace(ranked[n], leads=True) for n in leads), *others]


def _with_topic(piece: str, question: Question) -> str:
    """The part, with the names of the others where it has none."""
    asked = f"{piece.rstrip(' ?.')}?"
    named = any(name in piece for name in question.names)
    return asked if named or not question.names else f"{asked} ({', '.join(question.names)})"
