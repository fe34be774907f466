"""Questions in one: the clauses of a question that are questions of their own, and what two phrases ask for.

"What does it add, and where?" is answered only by both. Each part is ranked on its own, so that the best
sentence for each comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from assistant.fit import RankedSentence
from assistant.question import Question, understood
from assistant.terms import terms

_PREPOSITION = r"(?:by|on|for|at|in|into|to|of|with|from|down to|up to|under)"
_ASKS = r"(?:how|what|which|who|whom|whose|where|why|when)\b"
_AUXILIARY = r"(?:is|are|was|were|does|do|did|can|could|has|have|had|will|would)\b"
# "…, and by how much can MrT5 …": what follows is a question of its own.
BETWEEN = re.compile(rf"(?:[,;:]\s(?:and\s)?|\sand\s)(?=(?:{_PREPOSITION}\s)?{_ASKS})", re.I)
_SENTENCE_END = re.compile(r"(?<=[?])\s")
IS_QUESTION = re.compile(rf"{_AUXILIARY}|.*\b{_ASKS}", re.I)
# "When visual prompts are used, how …" begins with no question.
_ASKED_FIRST = re.compile(
    rf"(?:(?:and|so|but) )?(?:{_PREPOSITION} )?(?!(?:when|where) (?!{_AUXILIARY}))(?:{_ASKS})|{_AUXILIARY}",
    re.I,
)
# "… to keep views consistent and to sharpen detail": a preposition said twice tells of two things.
_TWICE = re.compile(
    r"^(?P<head>.*?)(?P<first>\b(?P<joint>to|with|of|for|in|by|on|at|from) (?:(?!\band\b)[^,;:?])+),? and "
    r"(?:also )?(?P<second>(?P=joint) [^,;:?]+)(?P<end>[?.]*)$",
    re.I,
)
_THINGS = re.compile(rf"^(?:{_PREPOSITION} )?(?:what|which)(?: are(?: the)?)? (?:two|three|four)\b", re.I)
_LEAST_TERMS = 2  # of a part; "of what kind?" leans on the part before it


def parts(question: Question) -> tuple[Question, ...]:
    """The questions in one, each with the names of the whole for its topic; none where it is but one.

    >>> from assistant.question import understood
    >>> [part.bare for part in parts(understood("What does DCCA reorder, and where do projections sit?"))]
    ['What does DCCA reorder', 'where do projections sit?']
    """
    pieces = [piece for text in _SENTENCE_END.split(question.bare) for piece in BETWEEN.split(text)]
    found = [piece for piece in pieces if _ASKED_FIRST.match(piece) and len(terms(piece)) >= _LEAST_TERMS]
    if len(found) < 2:
        twice = _TWICE.match(question.bare)
        found = (
            [f"{twice['head']}{twice[part]}{twice['end']}" for part in ("first", "second")] if twice else []
        )
    return tuple(understood(_with_topic(piece, question)) for piece in found)


def led(
    question: Question,
    ranked: Sequence[RankedSentence],
    rank: Callable[[Question], Sequence[RankedSentence]],
) -> list[RankedSentence]:
    """The sentences with the best for each part of the question first, each of which leads.

    `rank` ranks the sentences of the paper that fits the whole question best.
    """
    best = [part[0] for part in map(rank, parts(question)) if part]
    if not best and _THINGS.match(question.bare):
        best = list(ranked[1:2])
    places = {(one.sentence.paper.id, one.sentence.start): n for n, one in enumerate(ranked)}
    leading = [0, *(places[one.sentence.paper.id, one.sentence.start] for one in best)] if ranked else []
    leads = dict.fromkeys(leading)
    others = (one for n, one in enumerate(ranked) if n not in leads)
    return [*(replace(ranked[n], leads=True) for n in leads), *others]


def _with_topic(piece: str, question: Question) -> str:
    topic = [name for name in question.names if name not in piece]
    return f"{piece.rstrip()} ({', '.join(topic)})" if topic and piece.endswith("?") else piece
