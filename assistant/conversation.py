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
    """`question` with what it leaves to the previous turn written out; unchanged where it leaves nothing.

    >>> standalone("And how fast is it?", [Turn("What does LongGen reduce?", "KV cache memory.")])
    'And how fast is LongGen?'
    """
    if not history or _NAME.search(question) or not _depends(question):
        return question
    previous = history[-1]
    name = _NAME.search(previous.question) or _NAME.search(previous.answer)
    if not name:
        return f"{question} ({previous.question})"
    for reference in (_THE_PAPER, _PRONOUN):
        if match := reference.search(question):
            possessive = match.group().casefold() in ("its", "their")
            subject = name.group() + ("'s" if possessive else "")
            return question[: match.start()] + subject + question[match.end() :]
    return f"{question} ({name.group()})"


def _depends(question: str) -> bool:
    return bool(
        _PRONOUN.search(question)
        or _THE_PAPER.search(question)
        or _ELLIPSIS.match(question)
        or len(terms(question)) < _FEW_TERMS
    )
