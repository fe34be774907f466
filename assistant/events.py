"""What happens while a question is answered, in the order in which it can be shown."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.answer import Answer
from assistant.records import Citation, Reason, ScoredPaper, Sentence


@dataclass(frozen=True, slots=True)
class EvidenceFound:
    """The papers retrieved, before a word is generated."""

    standalone_question: str
    papers: tuple[ScoredPaper, ...]


@dataclass(frozen=True, slots=True)
class DraftGrew:
    """More text from the model; `pending` is what of the draft is in no verified sentence yet."""

    text: str
    pending: str


@dataclass(frozen=True, slots=True)
class SentenceVerified:
    """A sentence of the answer is complete, with its verdict and the citations it uses."""

    sentence: Sentence
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class DraftRejected:
    """The sentences announced so far are withdrawn; those that stand, if any, are announced anew."""

    reason: Reason


Event = EvidenceFound | DraftGrew | SentenceVerified | DraftRejected | Answer
