"""Where the time of an answer goes: the pipeline with a clock at each stage."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from assistant.answering import Pipeline
from assistant.arrays import Vectors
from assistant.embedding import Embedder
from assistant.fit import RankedSentence
from assistant.generation.base import Delta, LanguageModel
from assistant.quantity_fit import RankedQuantity
from assistant.question import Question
from assistant.records import Filters, Message, ScoredPaper

REWRITE, EMBED, SEARCH, FIT = "rewrite", "embed", "search", "fit"
PREFILL, DECODE, VERIFY = "prefill", "decode", "verify"
STAGES = (REWRITE, EMBED, SEARCH, FIT, PREFILL, DECODE, VERIFY)


class Clock:
    """Seconds by stage. A moment counts for the innermost stage that it is in, or else for the base."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._inside: list[str] = []
        self.restart()

    def restart(self) -> None:
        """Begin anew, in the stage that an answer begins with."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.base = REWRITE
        self._since = self._now()

    @property
    def stage(self) -> str:
        """The stage that time counts for now."""
        return self._inside[-1] if self._inside else self.base

    def proceed(self, base: str) -> None:
        """Let what is in no other stage count for `base` from now on."""
        self._charge()
        self.base = base

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """Let what is done meanwhile count for `stage`."""
        self._charge()
        self._inside.append(stage)
        try:
            yield
        finally:
            self._charge()
            self._inside.pop()

    def milliseconds(self) -> dict[str, float]:
        """What each stage has taken up to now."""
        self._charge()
        return {stage: round(self.seconds[stage] * 1000, 2) for stage in STAGES}

    def _charge(self) -> None:
        now = self._now()
        self.seconds[self.stage] += now - self._since
        self._since = now


class TimedModel:
    """A language model: what it takes to its first piece of text is prefill, all after that decoding."""

    def __init__(self, model: LanguageModel, clock: Clock) -> None:
        self._model = model
        self._clock = clock

    @property
    def name(self) -> str:
        """The model's own."""
        return self._model.name

    @property
    def context_window(self) -> int:
        """The model's own."""
        return self._model.context_window

    def load(self) -> None:
        """Load the weights now, where the model can."""
        if load := getattr(self._model, "load", None):
            load()

    def count_tokens(self, text: str) -> int:
        """By the model's tokenizer."""
        return self._model.count_tokens(text)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """What the model writes."""
        stage = PREFILL
        with closing(self._model.stream(messages, max_tokens=max_tokens)) as deltas:
            while True:
                with self._clock.at(stage):
                    delta = next(deltas, None)
                if delta is None:
                    return
                stage = DECODE if delta.text else stage
                yield delta


class TimedEmbedder:
    """An embedder: what it takes while papers are searched is the embedding of the query."""

    def __init__(self, embedder: Embedder, clock: Clock) -> None:
        self._embedder = embedder
        self._clock = clock
        self.name = embedder.name
        self.fingerprint = embedder.fingerprint
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """By the embedder's tokenizer."""
        return self._embedder.count_tokens(text)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """The embedder's vectors."""
        with self._clock.at(EMBED if self._clock.stage == SEARCH else self._clock.stage):
            return self._embedder.encode(texts, progress)


@dataclass(frozen=True)
class TimedPipeline(Pipeline):
    """A pipeline whose embedder and model, if any, share its clock.

    Until the first search a question is being rewritten; after that, what is in no other stage is gating,
    prompt, verification and composition, all of which count as verification.
    """

    clock: Clock = field(default_factory=Clock)

    def search(self, query: str, filters: Filters, k: int | None = None) -> tuple[ScoredPaper, ...]:
        """The papers found."""
        self.clock.proceed(VERIFY)
        with self.clock.at(SEARCH):
            return super().search(query, filters, k)

    def rank(
        self, question: Question, papers: Sequence[ScoredPaper], previous: str = ""
    ) -> list[RankedSentence]:
        """The sentences by how well they fit."""
        with self.clock.at(FIT):
            return super().rank(question, papers, previous)

    def quantities(
        self, question: Question, ranked: Sequence[RankedSentence], draft: str = ""
    ) -> list[RankedQuantity]:
        """The quantities by how well they fit."""
        with self.clock.at(FIT):
            return super().quantities(question, ranked, draft)
