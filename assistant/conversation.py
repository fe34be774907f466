"""Follow-up questions made to stand alone, by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.records import Turn
from assistant.terms import terms

_REFERENCE = re.compile(
    r"\b(this|that|the) (paper|work|study|method|model|approach)\b(?! (of|for|that|which|by)\b)"
    r"|\b(they|their|them|its|it(?! (is |was )?(true|possible|likely|clear|known)\b))\b"
    r"|\bthis(?= (is|was|does|can|has)\b|\W*$)",
    re.I,
)
_ELLIPSIS = re.compile(r"^(and|but|so|also|what about|how about|why|when|where)\b", re.I)
_CLAUSE = re.compile(r",|\b(and|but|or)\b", re.I)
# A name stands out by a capital or digit inside it: LongGen, Llama-2, vLLM; an acronym has no more than that.
_NAME = re.compile(r"\b(?=\w*[^\W\d_])[\w+-]*(?:(?<=\w)[A-Z]|\d)[\w+-]*")
_ACRONYM = re.compile(r"[A-Z]{2,5}s?")
_FEW_TERMS = 3
_TURNS = 8  # how far back a subject may lie


def standalone(question: str, history: Sequence[Turn]) -> str:
    """`question` with what it leaves to the turns before written out; unchanged where it leaves nothing.

    >>> standalone("And how fast is it?", [Turn("What does LongGen reduce?", "KV cache memory.")])
    'And how fast is LongGen?'
    """
    if not history:
        return question
    # What the previous turn was about may itself be said only in a turn before it.
    *earlier, last = history[-_TURNS:]
    previous = ""
    answer = ""
    for turn in earlier:
        previous, answer = _written_out(turn.question, previous, answer), turn.answer
    previous = _written_out(last.question, previous, answer)
    return _written_out(question, previous, last.answer, otherwise=f"{question} ({previous})")


def _written_out(question: str, previous: str, answer: str, otherwise: str = "") -> str:
    """The question with its subject; `otherwise`, or the question itself, where none is found."""
    reference = _REFERENCE.search(question)
    if not previous or not _depends(question, reference):
        return question
    subject = _subject(previous) or _subject(answer)
    if not subject:
        return otherwise or question
    if not reference:
        return f"{question} ({subject})"
    if reference.group().casefold() in ("its", "their"):
        subject += "'s"
    return question[: reference.start()] + subject + question[reference.end() :]


def _depends(question: str, reference: re.Match[str] | None) -> bool:
    if not reference:
        short = len(terms(question)) < _FEW_TERMS or bool(_ELLIPSIS.match(question))
        return short and not _NAME.search(question)
    before = _ELLIPSIS.sub("", question[: reference.start()], count=1)
    said_here = len(terms(before)) > 1 and _CLAUSE.search(before)
    names = [name.group() for name in _NAME.finditer(before)]
    return not said_here and all(_ACRONYM.fullmatch(name) for name in names)


def _subject(text: str) -> str | None:
    """The first name of the text; an acronym only where there is nothing else."""
    names = [name.group() for name in _NAME.finditer(text)]
    return next((name for name in names if not _ACRONYM.fullmatch(name)), names[0] if names else None)
