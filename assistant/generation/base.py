"""The seam to every language model: one protocol, one record."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assistant.records import Message, Usage


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of generated text; the last one of a completion carries its usage (and may have no text)."""

    text: str
    usage: Usage | None = None


class LanguageModel(Protocol):
    """A chat model that streams.

    An implementation may be called from several threads; it queues them itself if its engine can't run
    two completions at once. It raises GenerationError, and nothing else, when it fails.
    """

    @property
    def name(self) -> str:
        """What the answer's `model` field says."""

    @property
    def context_window(self) -> int:
        """Most tokens that prompt and completion may have together."""

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`, by the model's own tokenizer where it is known."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """Decode greedily; closing the iterator stops the generation."""
