"""What an answer adds to its row."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from assistant.answer import Answer
from assistant.records import Status

# A cell that begins with one of these is run as a formula by one spreadsheet or another; the last four are
# the full-width forms.
_FORMULAS = frozenset("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"[-+]?[\d.,]+%?")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one question; of what has failed there is no answer but a reason."""

    status: Status
    answer: str = ""
    final: str = ""
    citations: str = ""
    cited_titles: str = ""
    quotes: str = ""
    confidence: float | None = None
    reason: str = ""
    latency_ms: int = 0
    model: str = ""
    index: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def columns(self) -> dict[str, Any]:
        """The columns of the output by name."""
        return dict(zip(ADDED, _added(self), strict=True))


ADDED = tuple(field.name for field in fields(Result) if not field.name.endswith("_tokens"))
_added = attrgetter(*ADDED)


def result_of(answer: Answer, seconds: float) -> Result:
    """What the columns say of an answer that took so long."""
    failed = answer.status == "error"
    return Result(
        status=answer.status,
        answer="" if failed else answer.text,
        final=answer.final.text if answer.final and not failed else "",
        citations="" if failed else ";".join(paper.id for paper in answer.cited_papers),
        cited_titles="" if failed else "; ".join(paper.title for paper in answer.cited_papers),
        quotes="" if failed else " | ".join(citation.quote for citation in answer.citations),
        confidence=None if failed else answer.confidence,
        reason=answer.reason.sentence,
        latency_ms=round(1000 * seconds),
        model=answer.model,
        index=answer.index,
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
    )


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might take a text for a formula; a number is none."""
    return text[:1] in _FORMULAS and not _NUMBER.fullmatch(text)
