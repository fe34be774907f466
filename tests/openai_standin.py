"""A stand-in for a model server: speaks the OpenAI protocol on 127.0.0.1 and says what it was told to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer: each piece is written by itself; `complete=False` hangs up instead of ending properly.

    A status of 0 hangs up without a word.
    """

    pieces: Iterable[bytes]
    status: int = 200
    content_type: str = "text/event-stream"
    complete: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: Any, status: int = 200) -> Reply:
        return cls((json.dumps(value).encode(),), status, "application/json")


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class StandIn:
    """What the server will answer, and what it was asked."""

    url: str
    models: Reply
    completion: Reply | Callable[[Request], Reply]
    requests: list[Request] = field(default_factory=list)
    hung_up_on: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the request that is being answered."""
        with self.lock:
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
        try:
            yield
        finally:
            with self.lock:
                self.running -= 1


def event(value: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    """One event of a chat completion."""
    delta = {} if text is None else {"content": text}
    return event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def usage(prompt: int, completion: int) -> bytes:
    """The event that ends a completion asked for with include_usage."""
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


DONE = b"data: [DONE]\n\n"


def answer(*texts: str, finish: str = "stop", spent: tuple[int, int] | None = (7, 3)) -> Reply:
    """A whole completion in as many events as there are texts."""
    last = [] if spent is None else [usage(*spent)]
    return Reply([*(chunk(text) for text in texts), chunk(finish=finish), *last, DONE])


def models(*entries: str | Mapping[str, Any]) -> Reply:
    """The list of models; an entry is a name or a whole record."""
    records = [{"id": entry} if isinstance(entry, str) else dict(entry) for entry in entries]
    return Reply.of_json({"object": "list", "data": records})


@contextmanager
def standin(names: Sequence[str | Mapping[str, Any]] = ("tiny",)) -> Iterator[StandIn]:
    """A running server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        state = StandIn(f"http://127.0.0.1:{server.server_port}/v1", models(*names), answer("Hello."))
        server.state = state  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        # A client that has read [DONE] hangs up, possibly before the last byte.
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        self._read()
        self._answer(self._state.models if self.path == "/v1/models" else Reply((), 404))

    def do_POST(self) -> None:
        request = self._read()
        with self._state.counted():
            completion = self._state.completion
            reply = completion(request) if callable(completion) else completion
            self._answer(reply if self.path == "/v1/chat/completions" else Reply((), 404))

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    @property
    def _state(self) -> StandIn:
        state: StandIn = self.server.state  # type: ignore[attr-defined]
        return state

    def _read(self) -> Request:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.path, dict(self.headers), json.loads(sent or b"null"))
        self._state.requests.append(request)
        return request

    def _answer(self, reply: Reply) -> None:
        self.close_connection = not reply.complete or not reply.status
        if not reply.status:
            return
        try:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                self._write(piece)
            if reply.complete:
                self._write(b"")
        except ConnectionError:
            self.close_connection = True
            self._state.hung_up_on.set()

    def _write(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
