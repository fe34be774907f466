"""Asks a pipeline in one line, for the tests of the read path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from assistant.answer import Answer
from assistant.answering import Pipeline
from assistant.events import DraftRejected, Event, SentenceVerified
from assistant.fitted import Fitted
from assistant.index import Index
from assistant.ingest import ingest
from assistant.progress import silent
from assistant.records import Paper, Reason, Sentence
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

Model = ScriptedModel | str | None


class Asker:
    """Asks the papers of an index; a model of None stands for none, a string for one that says it."""

    def __init__(
        self, index: Index, embedder: HashingEmbedder, fitted: Fitted = OPEN_GATES, **settings: Any
    ) -> None:
        self.index, self.embedder = index, embedder
        self.fitted, self.settings = fitted, Settings(**{"context_tokens": 100} | settings)

    @classmethod
    def of(cls, papers: Iterable[Paper], folder: Path, embedder: HashingEmbedder) -> Self:
        """One that asks these papers."""
        ingest(papers, folder, embedder, passage_tokens=160, progress=silent)
        return cls(Index.open(folder, embedder), embedder)

    def but(self, fitted: Fitted = OPEN_GATES, **settings: Any) -> Asker:
        """The same with other coefficients or settings."""
        return Asker(self.index, self.embedder, fitted, **settings)

    def pipeline(self, model: Model) -> Pipeline:
        model = ScriptedModel(model) if isinstance(model, str) else model
        return Pipeline(self.index, self.embedder, model, self.settings, self.fitted)

    def events(self, question: str, model: Model, *given: Any) -> list[Event]:
        return list(self.pipeline(model).run(question, *given))

    def told(self, question: str, model: Model, *given: Any) -> tuple[list[Event], Answer]:
        """The events before the Answer, and the Answer."""
        *seen, answer = self.events(question, model, *given)
        assert isinstance(answer, Answer)
        return seen, answer

    def __call__(self, question: str, model: Model, *given: Any) -> Answer:
        """The Answer that ends the events."""
        return self.told(question, model, *given)[1]


def left(events: Iterable[Event]) -> list[Sentence]:
    """The sentences that a reader of the events has before them in the end."""
    shown: list[Sentence] = []
    for event in events:
        if isinstance(event, DraftRejected):
            shown.clear()
        elif isinstance(event, SentenceVerified):
            shown.append(event.sentence)
    return shown


def rejections(events: Iterable[Event]) -> list[Reason]:
    """Why drafts were rejected."""
    return [event.reason for event in events if isinstance(event, DraftRejected)]
