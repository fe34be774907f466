"""Engine for any server that speaks the OpenAI protocol: vLLM, llama-server, Ollama."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, SecretStr, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    wait_exponential,
    wait_random,
)

from assistant.errors import GenerationError, SettingsError, first_line
from assistant.generation.base import Delta
from assistant.generation.hub import load_tokenizer
from assistant.records import Message, Usage
from assistant.settings import Settings
from assistant.tokens import cl100k

_CONNECT_SECONDS = 10.0
_CONTEXT_WINDOW = 4096  # where the server does not tell; few models read less
_ATTEMPTS = 5
_BUSY = (408, 429, 500, 502, 503, 504)
# Not a timeout while reading: a server that hangs has had its time, and would take as much again.
_LOST = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError)
_BACKOFF = wait_exponential(multiplier=0.5, max=30) + wait_random(0, 0.5)
_LONGEST_PAUSE = 120.0  # seconds that a server may tell us to wait; what asks for more has failed
_SURPLUS = 8  # pieces per token allowed that a server may send before it is taken not to stop
_sleep = time.sleep
_WITHOUT_LIST = (404, 405, 501)
_NEXT_STEP = {
    401: "; set ASSISTANT_API_KEY to a key that it takes",
    403: "; set ASSISTANT_API_KEY to a key that may use the model",
    404: "; check the path of the URL (often /v1) and the model's name after #",
    429: "; try again later or ask fewer questions at a time",
}


class _Meta(BaseModel):
    n_ctx: int | None = None
    n_ctx_train: int | None = None


class _Model(BaseModel):
    id: str
    max_model_len: int | None = None  # vLLM
    context_length: int | None = None  # gateways
    meta: _Meta | None = None  # llama-server

    def context_window(self) -> int:
        meta = self.meta or _Meta()
        told = self.max_model_len or self.context_length or meta.n_ctx or meta.n_ctx_train
        return told or _CONTEXT_WINDOW


class _Models(BaseModel):
    data: tuple[_Model, ...]


class _Content(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Content
    finish_reason: str | None = None


class _Spent(BaseModel):
    prompt_tokens: int
    completion_tokens: int


class _Chunk(BaseModel):
    choices: tuple[_Choice, ...]
    usage: _Spent | None = None


_Shape = TypeVar("_Shape", bound=BaseModel)


class OpenAIServer:
    """A model behind an OpenAI-compatible URL: `http://host:port/v1` or `http://host:port/v1#model`.

    The server is asked for its models at once, so that a wrong URL or key shows before the first question.
    A completion that a busy server refuses, or whose connection is lost before it begins, is asked for again
    a few times, ever later, or when the server says; while it says so no other thread asks either.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        base, _, wanted = url.partition("#")
        self._url = base
        self._timeout = settings.request_timeout
        self._key = _checked(settings.api_key)
        self._count = _counter(settings.tokenizer)
        self._resume = 0.0  # when the server may be asked again, on the monotonic clock
        with self._errors_mapped():
            # A user name or password in the URL is for the server, not for messages or logs.
            given = httpx.URL(base)
            self._password = given.password
            self._url = str(given.copy_with(userinfo=b"")).rstrip("/")
            self._client = httpx.Client(
                base_url=self._url,
                auth=(given.username, given.password) if given.userinfo else None,
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                timeout=httpx.Timeout(self._timeout, connect=min(_CONNECT_SECONDS, self._timeout)),
                # A connection per completion: none is left open, and none found closed by the server.
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        served = self._served_models(needed=not wanted)
        self.name = wanted or self._only(list(served))
        self.context_window = served.get(self.name, _CONTEXT_WINDOW)

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text`, by the tokenizer that the settings name or else cl100k."""
        return self._count(text)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        """Decode greedily; closing the iterator closes the connection, at which servers stop."""
        text, finish, spent, pieces = "", "", None, 0
        with self._errors_mapped(), self._posted(messages, max_tokens) as response:
            for chunk in self._chunks(response):
                spent = chunk.usage or spent
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    if choice.delta.content:
                        text += choice.delta.content
                        pieces += 1
                        yield Delta(choice.delta.content)
                if pieces > _SURPLUS * max_tokens:
                    finish = "length"
                    break
        if spent is None:
            prompt_tokens = sum(self._count(message.content) for message in messages)
            spent = _Spent(prompt_tokens=prompt_tokens, completion_tokens=self._count(text))
        yield Delta("", Usage(spent.prompt_tokens, spent.completion_tokens, truncated=finish == "length"))

    @contextmanager
    def _posted(self, messages: Sequence[Message], max_tokens: int) -> Iterator[httpx.Response]:
        body = {
            "model": self.name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        # Encoded here because json.dumps escapes the lone surrogates that httpx fails on.
        content, headers = json.dumps(body), {"Content-Type": "application/json"}
        retrying = Retrying(
            sleep=_sleep,
            stop=_is_over,
            wait=self._pause,
            retry=retry_if_exception_type(_LOST) | retry_if_result(_is_busy),
            # At the end what came last is the outcome: it tells why.
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        response = retrying(
            lambda: self._sent(
                self._client.build_request("POST", "/chat/completions", content=content, headers=headers)
            )
        )
        try:
            self._check(response)
            yield response
        finally:
            response.close()

    def _sent(self, request: httpx.Request) -> httpx.Response:
        """The response to a request, its body yet to come; that of a busy server is read."""
        _sleep(max(0.0, self._resume - time.monotonic()))
        response = self._client.send(request, stream=True)
        if _is_busy(response):
            response.read()
        return response

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        if state.outcome is None or state.outcome.failed:
            return _BACKOFF(state)
        told = _retry_after(state.outcome.result())
        if told is None:
            return _BACKOFF(state)
        if told <= _LONGEST_PAUSE:
            self._resume = max(self._resume, time.monotonic() + told)
        return told

    def _chunks(self, response: httpx.Response) -> Iterator[_Chunk]:
        finished = False
        for line in self._lines(response):
            field, _, data = line.partition(":")
            if field in ("", "event", "id", "retry"):  # blank lines, comments, and what carries no text
                continue
            if field != "data":
                raise self._strange(line)
            if data.strip() == "[DONE]":
                return
            chunk = self._parsed(_Chunk, data)
            finished = finished or any(choice.finish_reason for choice in chunk.choices)
            yield chunk
        if not finished:
            raise GenerationError(f"{self._url} ended its answer in the middle; ask again, or see its log")

    def _lines(self, response: httpx.Response) -> Iterator[str]:
        """The whole lines of a stream; httpx's own also end at U+2028, which JSON may hold."""
        rest, heard = b"", time.monotonic()
        for piece in response.iter_bytes():
            *lines, rest = (rest + piece).split(b"\n")
            if any(line.startswith(b"data:") for line in lines):
                heard = time.monotonic()
            elif time.monotonic() - heard > self._timeout:  # a server may keep a dead answer alive for ever
                raise self._silent()
            for line in lines:
                yield line.decode("utf-8", "replace").rstrip("\r")

    def _silent(self) -> GenerationError:
        return GenerationError(
            f"{self._url} sent nothing for {self._timeout:g} s, the setting request_timeout"
        )

    def _served_models(self, *, needed: bool) -> dict[str, int]:
        """The context window of each model by name; empty where the server has no list and none is needed."""
        with self._errors_mapped():
            response = self._client.get("/models")
            if response.status_code in _WITHOUT_LIST and not needed:
                return {}
            self._check(response)
            return {model.id: model.context_window() for model in self._parsed(_Models, response.text).data}

    def _only(self, names: list[str]) -> str:
        if not names:
            raise GenerationError(f"{self._url} serves no model; load one in the server")
        if len(names) > 1:
            raise GenerationError(
                f"{self._url} serves {len(names)} models: {', '.join(names)}; "
                f"choose one by adding its name, as in {self._url}#{names[0]}"
            )
        return names[0]

    def _check(self, response: httpx.Response) -> None:
        if response.status_code != httpx.codes.OK:
            response.read()
            said = self._said(response.text) or response.reason_phrase
            status = response.status_code
            raise GenerationError(f"{self._url} answered {status}: {said}{_NEXT_STEP.get(status, '')}")

    def _parsed(self, shape: type[_Shape], content: str) -> _Shape:
        try:
            return shape.model_validate_json(content)
        except ValidationError as error:
            raise self._strange(content) from error

    def _strange(self, content: str) -> GenerationError:
        return GenerationError(
            f"{self._url} sent what the OpenAI protocol does not have: {self._said(content)}"
        )

    def _said(self, body: str) -> str:
        """The server's own message, on one line, shortened, and without the key if it repeats that."""
        try:
            content = json.loads(body)
        except ValueError:
            content = body
        for key in ("error", "message", "detail"):
            if isinstance(content, dict):
                content = content.get(key, content)
        line = " ".join(str(content).split())
        for secret in filter(None, (self._key, self._password)):
            line = line.replace(secret, "***")
        return line if len(line) <= 200 else f"{line[:199]}…"

    @contextmanager
    def _errors_mapped(self) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise GenerationError(
                f"{self._url} can't be reached: {first_line(error)}; is the server running?"
            ) from error
        except httpx.TimeoutException as error:
            raise self._silent() from error
        except httpx.TransportError as error:
            raise GenerationError(f"{self._url} broke off: {first_line(error)}; see its log") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GenerationError(f"{self._url} can't be used: {first_line(error)}") from error


def _is_over(state: RetryCallState) -> bool:
    return state.attempt_number >= _ATTEMPTS or state.upcoming_sleep > _LONGEST_PAUSE


def _is_busy(response: httpx.Response) -> bool:
    return response.status_code in _BUSY


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that a server tells to wait, as a number or until a date."""
    told = response.headers.get("Retry-After", "")
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):  # no date, or one without a time zone
            return None
    return max(0.0, seconds)


def _checked(key: SecretStr | None) -> str:
    value = key.get_secret_value().strip() if key else ""
    # Refused here because the HTTP library would repeat the key in its message.
    if not (value.isascii() and value.isprintable()):
        raise SettingsError("ASSISTANT_API_KEY holds characters that a header can't carry; set it again")
    return value


def _counter(tokenizer: str | None) -> Callable[[str], int]:
    if tokenizer is None:
        encoding = cl100k()
        return lambda text: len(encoding.encode_ordinary(text))
    loaded = load_tokenizer(tokenizer)
    return lambda text: len(loaded.encode(text, add_special_tokens=False, verbose=False))
