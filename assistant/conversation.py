"""Follow-up questions made to stand alone, by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.records import Turn
from assistant.terms import terms

_PRONOUN = re.compile(r"\b(it|its|they|their|them|this|that|these|those)\b(?! (paper|work|study)s?\b)", re.I)
_THE_PAPER = re.compile(r"\b(this|that|the) (paper|work|study|method|model|approach)\b", re.I)
_ELLIPSIS = re.compile(r"(and|but|so|also|what about|how about|why|when|where)\b", re.I)
# A name stands out by a capital or digit inside it: LongGen, KV, Llama-2, vLLM.
_NAME = re.compile(r"\b(?=\w*[^\W\d_])[\w+-]*(?:(?<=\w)[A-Z]|\d)[\w+-]*")
_FEW_TERMS = 3


def standalone(question: str, history: Sequence[Turn]) -> str:
    """`question` with what it leaves to the turns before written out; unchanged where it leaves nothing.

    >>> standalone("And how fast is it?", [Turn("What does LongGen reduce?", "KV cache memory.")])
    'And how fast is LongGen?'
    """
    if not history:
        return question
    reference = _THE_PAPER.search(question) or _PRONOUN.search(question)
    if _NAME.search(question, 0, reference.start() if reference else len(question)):
        return question  # it names what it is about
    if not reference and not _ELLIPSIS.match(question) and len(terms(question)) >= _FEW_TERMS:
        return question
    # What the previous turn was about may itself be said only in a turn before it.
    previous = standalone(history[-1].question, history[:-1])
    name = _NAME.search(previous) or _NAME.search(history[-1].answer)
    if not name:
        return f"{question} ({previous})"
    if not reference:
        return f"{question} ({name.group()})"
    possessive = reference.group().casefold() in ("its", "their")
    subject = name.group() + ("'s" if possessive else "")
    return question[: reference.start()] + subject + question[reference.end() :]
