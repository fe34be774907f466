"""One question on the page and what has come of it so far, grown event by event."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assistant.answer import Answer
from assistant.answering import DraftGrew, Event, EvidenceFound, SentenceVerified
from assistant.citations import draft_sentences
from assistant.records import Citation, Paper, Sentence, Turn


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, the papers found for it, and its answer as far as it is written.

    `number` tells the exchanges of a conversation apart; `fault` says why a question could not be asked.
    """

    number: int
    question: str
    standalone_question: str = ""
    papers: tuple[Paper, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    draft: str = ""
    answer: Answer | None = None
    fault: str = ""

    def after(self, event: Event) -> Exchange:
        """The exchange once `event` has happened."""
        match event:
            case EvidenceFound(standalone, scored):
                papers = tuple(found.paper for found in scored)
                return replace(self, standalone_question=standalone, papers=papers)
            case DraftGrew(text):
                return replace(self, draft=self.draft + text)
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
                    standalone_question=event.standalone_question,
                    sentences=event.sentences,
                    citations=event.citations,
                    answer=event,
                )

    @property
    def unverified(self) -> str:
        """What of the draft is not yet among the verified sentences."""
        if self.answer:
            return ""
        drafted = draft_sentences(self.draft, finished=True)
        return " ".join(sentence.text for sentence in drafted[len(self.sentences) :])

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.answer is not None or bool(self.fault)


Conversation = tuple[Exchange, ...]


def turns(conversation: Conversation) -> list[Turn]:
    """The answered questions, as history for the next one."""
    return [Turn(exchange.question, exchange.answer.text) for exchange in conversation if exchange.answer]
