"""The engine for llama-index objects, with objects that say what they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import CompletionResponse, CompletionResponseGen
from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MockLLM
from pydantic import PrivateAttr

from assistant.errors import GenerationError
from assistant.generation.base import Delta
from assistant.generation.llama_index import LlamaIndexModel
from assistant.records import Message, Usage

QUESTION = (Message("system", "Answer briefly."), Message("user", "hello world"))
# cl100k: Answer| briefly|. and hello| world.
QUESTION_TOKENS = 5


class Scripted(CustomLLM):
    """Streams its responses; `asked` holds the messages, `open_streams` counts streams not yet closed."""

    responses: list[ChatResponse]
    streams: bool = True
    fault: str = ""
    _asked: list[ChatMessage] = PrivateAttr(default_factory=list)
    _open_streams: int = PrivateAttr(default=0)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted-1", context_window=1234)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        if not self.streams:
            raise NotImplementedError("no streaming")
        self._asked = list(messages)
        return self._stream()

    def _stream(self) -> Iterator[ChatResponse]:
        self._open_streams += 1
        try:
            yield from self.responses
            if self.fault:
                raise RuntimeError(self.fault)
        finally:
            self._open_streams -= 1

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self.responses[0]

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise AssertionError("not called")

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        raise AssertionError("not called")


def response(delta: str | None, **fields: Any) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=delta), delta=delta, **fields)


def ask(llm: CustomLLM, max_tokens: int = 20) -> list[Delta]:
    return list(LlamaIndexModel(llm).stream(QUESTION, max_tokens=max_tokens))


def test_pieces_are_handed_on_and_counted() -> None:
    llm = Scripted(responses=[response("hello"), response(None), response(" world")])
    assert ask(llm) == [
        Delta("hello"),
        Delta(" world"),
        Delta("", Usage(QUESTION_TOKENS, 2, truncated=False)),
    ]


def test_the_object_gets_the_messages_with_their_roles() -> None:
    llm = Scripted(responses=[response("x")])
    ask(llm)
    assert [(message.role.value, message.content) for message in llm._asked] == [
        ("system", "Answer briefly."),
        ("user", "hello world"),
    ]


def test_an_object_that_cannot_stream_is_asked_at_once() -> None:
    llm = Scripted(responses=[response("hello world")], streams=False)
    assert ask(llm) == [Delta("hello world"), Delta("", Usage(QUESTION_TOKENS, 2, truncated=False))]


def test_llama_indexs_own_completion_model_works() -> None:
    model = LlamaIndexModel(MockLLM(max_tokens=3))
    assert model.name == "MockLLM"
    deltas = list(model.stream(QUESTION, max_tokens=20))
    assert "".join(delta.text for delta in deltas) == "text text text"


def test_name_window_and_tokens() -> None:
    model = LlamaIndexModel(Scripted(responses=[]))
    assert (model.name, model.context_window, model.count_tokens("hello world")) == ("scripted-1", 1234, 2)


@pytest.mark.parametrize("streams", [True, False])
def test_the_limit_cuts_and_is_reported(streams: bool) -> None:
    # cl100k: hello| world| hello| world.
    llm = Scripted(responses=[response("hello world hello world")], streams=streams)
    assert ask(llm, max_tokens=3) == [
        Delta("hello world hello"),
        Delta("", Usage(QUESTION_TOKENS, 3, truncated=True)),
    ]


def test_an_object_that_never_ends_is_cut_and_closed() -> None:
    llm = Scripted(responses=[response(" world")] * 1000)
    deltas = ask(llm, max_tokens=4)
    assert deltas == [*[Delta(" world")] * 4, Delta("", Usage(QUESTION_TOKENS, 4, truncated=True))]
    assert llm._open_streams == 0


def test_closing_the_iterator_closes_the_objects() -> None:
    llm = Scripted(responses=[response(" world")] * 1000)
    stream = LlamaIndexModel(llm).stream(QUESTION, max_tokens=500)
    assert next(stream) == Delta(" world")
    assert llm._open_streams == 1
    stream.close()
    assert llm._open_streams == 0


TOLD = {"prompt_tokens": 40, "completion_tokens": 9}
USAGES = [
    ({"additional_kwargs": TOLD}, Usage(40, 9, truncated=False)),
    ({"raw": {"usage": TOLD}}, Usage(40, 9, truncated=False)),
    ({"raw": SimpleNamespace(usage=SimpleNamespace(**TOLD))}, Usage(40, 9, truncated=False)),
    ({"raw": {"usage": None}}, Usage(QUESTION_TOKENS, 1, truncated=False)),
    ({"raw": {"done_reason": "length"}}, Usage(QUESTION_TOKENS, 1, truncated=True)),
    ({"raw": {"stop_reason": "max_tokens"}}, Usage(QUESTION_TOKENS, 1, truncated=True)),
    ({"additional_kwargs": {"finish_reason": "length"}}, Usage(QUESTION_TOKENS, 1, truncated=True)),
    ({"raw": {"choices": [{"finish_reason": "length"}], "usage": TOLD}}, Usage(40, 9, truncated=True)),
    (
        {"raw": SimpleNamespace(choices=[SimpleNamespace(finish_reason="stop")])},
        Usage(QUESTION_TOKENS, 1, truncated=False),
    ),
]


@pytest.mark.parametrize(("fields", "expected"), USAGES)
def test_usage_and_end_are_read_where_clients_put_them(fields: dict[str, Any], expected: Usage) -> None:
    # A last response with neither, as OpenAI's carries no choice, must not undo what was told.
    llm = Scripted(responses=[response("hello", **fields), response("", raw={"choices": []})])
    assert ask(llm)[-1].usage == expected


def test_a_fault_of_the_object_is_one_line() -> None:
    llm = Scripted(responses=[response("half")], fault="quota used up\nsee your plan")
    with pytest.raises(GenerationError, match=r"^scripted-1 could not answer: quota used up$"):
        ask(llm)
