"""Engine for any llama-index `LLM` object that the caller has made, through the Python API."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from llama_index.core.llms import LLM, ChatMessage, ChatResponse

from assistant.errors import GenerationError, first_line
from assistant.generation.base import Delta
from assistant.records import Message, Usage
from assistant.tokens import cl100k

_END_REASONS = ("finish_reason", "done_reason", "stop_reason")  # OpenAI, Ollama, Anthropic
_TOKEN_LIMIT = ("length", "max_tokens")


class LlamaIndexModel:
    """A llama-index LLM, with its own temperature, called from as many threads as ask.

    Its answers are cut after `max_tokens` here, because such objects have no common name for the limit.
    """

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        named = llm.metadata.model_name
        self.name = llm.class_name() if named == "unknown" else named
        self.context_window = llm.metadata.context_window

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` by cl100k, since the model's own tokenizer is not known."""
        return len(cl100k().encode_ordinary(text))

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """Hand on what the object writes, up to the limit; closing the iterator closes the object's."""
        text, spent, limited, cut = "", None, False, False
        with self._errors_mapped(), closing(self._responses(messages)) as responses:
            for written, response in responses:
                spent = _spent(response) or spent
                limited = limited or _at_limit(response)
                piece, cut = _within(text, written, max_tokens)
                text += piece
                if piece:
                    yield Delta(piece)
                if cut:
                    break
        if cut or spent is None:
            prompt_tokens = sum(self.count_tokens(message.content) for message in messages)
            spent = prompt_tokens, self.count_tokens(text)
        yield Delta("", Usage(*spent, truncated=cut or limited))

    def _responses(self, messages: Sequence[Message]) -> Generator[tuple[str, ChatResponse], None, None]:
        chat = [ChatMessage(role=message.role, content=message.content) for message in messages]
        try:
            for response in self._llm.stream_chat(chat):
                yield response.delta or "", response
        except NotImplementedError:
            response = self._llm.chat(chat)
            yield response.message.content or "", response

    @contextmanager
    def _errors_mapped(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise GenerationError(f"{self.name} could not answer: {first_line(error)}") from error


def _within(text: str, piece: str, max_tokens: int) -> tuple[str, bool]:
    """The part of `piece` that `text` has room for, and whether that is less than all."""
    tokens = cl100k().encode_ordinary(text + piece)
    if len(tokens) <= max_tokens:
        return piece, False
    return cl100k().decode(tokens[:max_tokens], errors="ignore")[len(text) :], True


def _spent(response: ChatResponse) -> tuple[int, int] | None:
    for source in (response.additional_kwargs, response.raw, _value(response.raw, "usage")):
        prompt, completion = _value(source, "prompt_tokens"), _value(source, "completion_tokens")
        if isinstance(prompt, int) and isinstance(completion, int):
            return prompt, completion
    return None


def _at_limit(response: ChatResponse) -> bool:
    choices = _value(response.raw, "choices") or [None]
    sources = (response.additional_kwargs, response.raw, choices[0])
    return any(_value(source, reason) in _TOKEN_LIMIT for source in sources for reason in _END_REASONS)


def _value(source: Any, name: str) -> Any:
    """A field of a client's response, which may be a dictionary, an object or absent."""
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
