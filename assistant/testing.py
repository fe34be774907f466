"""Stand-ins for the models, for tests of this package and of code that uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence

import numpy as np

from assistant.arrays import Vectors
from assistant.fitted import Fitted, Gate, Linear
from assistant.generation.base import Delta
from assistant.records import Message, Usage
from assistant.terms import terms, words

_GATE = Gate(Linear(weights={"fit": 1.0}))

# Coefficients to use with HashingEmbedder, for which the packaged ones are not fitted: a sentence is evidence
# and a paper belongs to a list if it has more than half of what is asked for (its terms by their weight), and
# every question is answered, with the best sentence's probability of being evidence as its confidence.
OPEN_GATES = Fitted(
    sentence=Linear(-5.0, {"share": 10.0}),
    quantity=Linear(0.0, {"sentence": 1.0, "unit": 1.0, "counted": 1.0, "nearest": 1.0}),
    label=Linear(0.5, {"said": 1.0, "opposed": -3.0}),
    member=Linear(-5.0, {"share": 10.0}),
    before=_GATE,
    after=_GATE,
    extracts=_GATE,
)


class ScriptedModel:
    """A language model that says what it is told to, word by word, and remembers what it was asked."""

    name = "scripted"
    context_window = 4096

    def __init__(self, *replies: str) -> None:
        self._replies = list(replies)
        self.prompts: list[tuple[Message, ...]] = []
        self.closed_early = 0

    def count_tokens(self, text: str) -> int:
        """One token a word."""
        return len(text.split())

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """The next reply, cut after `max_tokens` words; the last reply repeats."""
        self.prompts.append(tuple(messages))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        pieces = [f"{word} " for word in reply.split(" ")]
        said = 0
        try:
            for piece in pieces[:max_tokens]:
                said += 1
                yield Delta(piece)
            prompt_tokens = sum(self.count_tokens(message.content) for message in messages)
            yield Delta("", Usage(prompt_tokens, said, truncated=len(pieces) > max_tokens))
        except GeneratorExit:
            self.closed_early += 1
            raise


class HashingEmbedder:
    """An embedder without a model: each term adds a fixed pseudo-random direction."""

    name = "hashing"

    def __init__(self, dimension: int = 64, max_tokens: int = 254) -> None:
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.fingerprint = f"hashing-{dimension}"

    def count_tokens(self, text: str) -> int:
        """One token a word."""
        return len(words(text))

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, one row a text."""
        vectors = np.array([self._vector(text) for text in texts], dtype=np.float32)
        if progress:
            progress(len(texts))
        return vectors.reshape(len(texts), self.dimension)

    def _vector(self, text: str) -> Vectors:
        total = np.zeros(self.dimension, dtype=np.float32)
        total[0] = 1e-3  # a text without terms has a direction too
        for term in terms(text):
            seed = int.from_bytes(hashlib.sha256(term.encode()).digest()[:8], "little")
            total += np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32)
        normalised: Vectors = total / np.linalg.norm(total)
        return normalised
