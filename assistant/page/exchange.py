"""One question on the page and what has come of it so far, grown event by event."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assistant.answer import Answer
from assistant.events import DraftGrew, DraftRejected, Event, EvidenceFound, SentenceVerified
from assistant.records import Citation, ScoredPaper, Sentence, Turn


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, the papers found for it, and its answer as far as it is written.

    `number` tells the exchanges of a conversation apart; `unverified` is the end of the draft, in no
    sentence yet; `fault` says why a question could not be asked; `restriction` which papers could be used.
    """

    number: int
    question: str
    standalone_question: str = ""
    papers: tuple[ScoredPaper, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    unverified: str = ""
    answer: Answer | None = None
    fault: str = ""
    restriction: str = ""

    def after(self, event: Event) -> Exchange:
        """The exchange once `event` has happened."""
        match event:
            case EvidenceFound(standalone, papers):
                return replace(self, standalone_question=standalone, papers=papers)
            case DraftGrew(_, pending):
                return replace(self, unverified=pending)
            case DraftRejected():
                return replace(self, sentences=(), citations=(), unverified="")
            case SentenceVerified(sentence, citations):
                known = {citation.n: citation for citation in (*self.citations, *citations)}
                return replace(
                    self,
                    sentences=(*self.sentences, sentence),
                    citations=tuple(known[n] for n in sorted(known)),
                )
            case Answer():
                return replace(
                    self,
                    standalone_question=self.standalone_question or event.standalone_question,
                    sentences=event.sentences,
                    citations=event.citations,
                    unverified="",
                    answer=event,
                )

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.answer is not None or bool(self.fault)


Conversation = tuple[Exchange, ...]


def turns(conversation: Conversation) -> list[Turn]:
    """The answered questions, as history for the next one."""
    return [Turn(exchange.question, exchange.answer.text) for exchange in conversation if exchange.answer]
