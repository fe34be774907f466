"""The engine for OpenAI-compatible servers, against a real server on the loopback."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from openai_standin import DONE, Reply, StandIn, answer, chunk, standin, usage
from pydantic import SecretStr

from assistant.errors import GenerationError, SettingsError
from assistant.generation import openai
from assistant.generation.base import Delta
from assistant.generation.openai import OpenAIServer
from assistant.records import Message, Usage
from assistant.settings import Settings

QUESTION = (Message("system", "Answer briefly."), Message("user", "hello world"))
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, in seconds, that were made between attempts, or rather were not."""
    pauses: list[float] = []
    monkeypatch.setattr(openai, "_sleep", pauses.append)
    return pauses


@pytest.fixture
def server() -> Iterator[StandIn]:
    with standin() as running:
        yield running


def ask(server: StandIn, settings: Settings | None = None, max_tokens: int = 16) -> list[Delta]:
    model = OpenAIServer(server.url, settings or Settings())
    return list(model.stream(QUESTION, max_tokens=max_tokens))


def failure(server: StandIn, settings: Settings | None = None) -> str:
    with pytest.raises(GenerationError) as caught:
        ask(server, settings)
    message = str(caught.value)
    assert "\n" not in message
    assert server.url in message
    return message


def test_pieces_arrive_in_order_and_the_last_carries_the_usage(server: StandIn) -> None:
    server.completion = answer("It is ", "4.2x", " faster.", spent=(21, 8))
    assert ask(server) == [
        Delta("It is "),
        Delta("4.2x"),
        Delta(" faster."),
        Delta("", Usage(21, 8, truncated=False)),
    ]


def test_the_request_is_greedy_limited_and_streamed(server: StandIn) -> None:
    ask(server, max_tokens=99)
    assert server.requests[-1].body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "hello world"},
        ],
        "max_tokens": 99,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_characters_and_events_cut_anywhere_are_put_together(server: StandIn, size: int) -> None:
    whole = b"".join((b": ping\n\n", chunk("naïve 论文 🙂"), chunk("\u2028x", "stop"), usage(5, 6), DONE))
    server.completion = Reply([whole[at : at + size] for at in range(0, len(whole), size)])
    assert ask(server) == [Delta("naïve 论文 🙂"), Delta("\u2028x"), Delta("", Usage(5, 6, truncated=False))]


def test_line_ends_of_windows_and_other_fields_are_read(server: StandIn) -> None:
    event = b"event: message\r\nid: 1\r\n" + chunk("yes", "stop").replace(b"\n", b"\r\n")
    server.completion = Reply([event, usage(1, 1)])
    assert ask(server) == [Delta("yes"), Delta("", Usage(1, 1, truncated=False))]


def test_a_piece_is_handed_over_before_the_next_is_written(server: StandIn) -> None:
    seen = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield chunk("first")
        assert seen.wait(5)
        yield chunk("second", "stop")

    server.completion = Reply(pieces())
    stream = OpenAIServer(server.url, Settings()).stream(QUESTION, max_tokens=9)
    assert next(stream) == Delta("first")
    seen.set()
    assert next(stream) == Delta("second")
    assert next(stream).usage is not None


def test_the_token_limit_is_reported_as_truncation(server: StandIn) -> None:
    server.completion = answer("cut", finish="length", spent=(4, 1))
    assert ask(server)[-1].usage == Usage(4, 1, truncated=True)


def test_absent_usage_is_counted(server: StandIn) -> None:
    server.completion = answer("hello ", "world", spent=None)
    # cl100k: "Answer briefly." is Answer| briefly|. and "hello world" is hello| world.
    assert ask(server)[-1].usage == Usage(3 + 2, 2, truncated=False)


def test_closing_the_iterator_closes_the_connection(server: StandIn) -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield chunk("more ")
            time.sleep(0.005)

    server.completion = Reply(forever())
    stream = OpenAIServer(server.url, Settings()).stream(QUESTION, max_tokens=10_000)
    assert next(stream) == Delta("more ")
    assert not server.hung_up_on.is_set()
    stream.close()
    assert server.hung_up_on.wait(5)


def test_many_threads_share_one_model(server: StandIn) -> None:
    model = OpenAIServer(server.url, Settings())
    texts: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: texts.append("".join(d.text for d in model.stream(QUESTION, max_tokens=5)))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["Hello."] * 8


def test_lone_surrogates_of_a_broken_terminal_are_sent_as_json(server: StandIn) -> None:
    model = OpenAIServer(server.url, Settings())
    list(model.stream([Message("user", "caf\udce9")], max_tokens=5))
    assert server.requests[-1].body["messages"][0]["content"] == "caf\udce9"


WINDOWS = [
    ({"id": "m", "max_model_len": 32768}, 32768),
    ({"id": "m", "context_length": 16384}, 16384),
    ({"id": "m", "meta": {"n_ctx_train": 2048}}, 2048),
    ({"id": "m", "meta": {"n_ctx": 1024, "n_ctx_train": 2048}}, 1024),
    ({"id": "m", "max_model_len": None}, 4096),
    ({"id": "m"}, 4096),
]


@pytest.mark.parametrize(("record", "expected"), WINDOWS)
def test_the_context_window_is_the_one_told(record: dict[str, object], expected: int) -> None:
    with standin([record]) as server:
        model = OpenAIServer(server.url, Settings())
    assert (model.name, model.context_window) == ("m", expected)


def test_of_several_models_the_one_after_the_hash_is_used() -> None:
    with standin(["small", {"id": "large", "max_model_len": 8192}]) as server:
        model = OpenAIServer(f"{server.url}/#large", Settings())
        list(model.stream(QUESTION, max_tokens=5))
    assert (model.name, model.context_window) == ("large", 8192)
    assert server.requests[-1].body["model"] == "large"


def test_several_models_and_none_chosen_lists_them_and_says_how_to_choose() -> None:
    with standin(["small", "large"]) as server, pytest.raises(GenerationError) as caught:
        OpenAIServer(server.url, Settings())
    assert str(caught.value) == (
        f"{server.url} serves 2 models: small, large; choose one by adding its name, as in {server.url}#small"
    )


def test_a_named_model_needs_no_list_of_models(server: StandIn) -> None:
    server.models = Reply((), 404)
    model = OpenAIServer(f"{server.url}#mine", Settings())
    assert (model.name, model.context_window) == ("mine", 4096)


def test_no_model_at_all_is_an_error() -> None:
    with standin([]) as server:
        assert failure(server) == f"{server.url} serves no model; load one in the server"


def of_status(status: int, message: str) -> Reply:
    return Reply.of_json({"error": {"message": message, "type": "x"}}, status)


REFUSALS = [
    (of_status(401, "Invalid key"), "answered 401: Invalid key; set ASSISTANT_API_KEY"),
    (of_status(403, "Not yours"), "answered 403: Not yours; set ASSISTANT_API_KEY"),
    (of_status(404, "No model x"), "answered 404: No model x; check the path of the URL"),
    (of_status(429, "Slow down"), "answered 429: Slow down; try again later"),
    (of_status(500, "CUDA out\nof memory"), "answered 500: CUDA out of memory"),
    (of_status(503, "Loading model"), "answered 503: Loading model"),
    (Reply.of_json({"error": "model 'x' not found"}, 404), "answered 404: model 'x' not found; check"),
    (Reply.of_json({"detail": "Not Found"}, 404), "answered 404: Not Found; check"),
    (Reply.of_json({"object": "error", "message": "too long"}, 400), "answered 400: too long"),
    (Reply((b"<h1>Bad\nGateway</h1>",), 502, "text/html"), "answered 502: <h1>Bad Gateway</h1>"),
    (Reply((), 500), "answered 500: Internal Server Error"),
    (Reply((), 307), "answered 307: Temporary Redirect"),
    (Reply((b"x" * 1000,), 500), "answered 500: " + "x" * 199 + "…"),
    (Reply((b"\xff\xfe",), 500), "answered 500: "),
]


@pytest.mark.parametrize(("reply", "expected"), REFUSALS)
def test_a_refusal_gives_the_servers_reason(server: StandIn, reply: Reply, expected: str) -> None:
    server.completion = reply
    assert failure(server).startswith(f"{server.url} {expected}")


@pytest.mark.parametrize(("reply", "expected"), REFUSALS)
def test_a_refusal_to_list_models_gives_the_servers_reason(
    server: StandIn, reply: Reply, expected: str
) -> None:
    server.models = reply
    assert failure(server).startswith(f"{server.url} {expected}")


def in_turn(server: StandIn, *replies: Reply) -> None:
    """Make the server give these replies to one request after another."""
    turns = iter(replies)
    server.completion = lambda request: next(turns)


BUSY = (Reply((), status) for status in (408, 429, 500, 502, 503, 504))
LOST = Reply((), 0)


@pytest.mark.parametrize("trouble", [*BUSY, LOST], ids=lambda reply: str(reply.status))
def test_a_busy_server_and_a_lost_connection_are_tried_again_ever_later(
    server: StandIn, slept: list[float], trouble: Reply
) -> None:
    in_turn(server, trouble, trouble, trouble, answer("Here I am."))
    assert ask(server)[0] == Delta("Here I am.")
    first, second, third = filter(None, slept)
    # Doubled from half a second, each with up to half a second at random.
    assert 0.5 <= first <= 1.0 <= second <= 1.5 <= 2.0 <= third <= 2.5


def test_after_five_attempts_it_is_an_error(server: StandIn) -> None:
    server.completion = LOST
    assert "broke off" in failure(server)
    assert len(server.requests) == 1 + 5  # the list of models came first


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_will_not_go_away_is_not_tried_again(server: StandIn, status: int) -> None:
    server.completion = Reply((), status)
    failure(server)
    assert len(server.requests) == 1 + 1


def test_the_server_says_when_to_come_again_to_all_threads(server: StandIn, slept: list[float]) -> None:
    model = OpenAIServer(server.url, Settings())
    in_turn(server, Reply((), 429, headers={"Retry-After": "7"}), answer("one"), answer("two"))
    assert next(model.stream(QUESTION, max_tokens=5)) == Delta("one")
    assert 7.0 in slept
    slept.clear()
    assert next(model.stream(QUESTION, max_tokens=5)) == Delta("two")
    assert 6.0 < slept[0] <= 7.0  # the pauses before were none, so the time has not come


def test_the_server_may_say_when_by_a_date(server: StandIn, slept: list[float]) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    in_turn(server, Reply((), 503, headers={"Retry-After": when}), answer("later"))
    assert ask(server)[0] == Delta("later")
    assert 57.0 < max(slept) <= 60.0


@pytest.mark.parametrize("told", ["soon", "", "Mon, 1 Jan 2024", "-5"])
def test_what_is_no_time_is_passed_over(server: StandIn, slept: list[float], told: str) -> None:
    in_turn(server, Reply((), 503, headers={"Retry-After": told}), answer("later"))
    assert ask(server)[0] == Delta("later")
    assert max(slept) <= 1.0


def test_who_says_to_come_tomorrow_has_failed(server: StandIn, slept: list[float]) -> None:
    server.completion = Reply((), 429, headers={"Retry-After": "86400"})
    assert "answered 429" in failure(server)
    assert max(slept) == 0.0


def test_an_answer_that_has_begun_is_not_asked_for_again(server: StandIn) -> None:
    server.completion = Reply([chunk("half")], complete=False)
    failure(server)
    assert len(server.requests) == 1 + 1


def test_a_server_that_never_stops_is_stopped(server: StandIn) -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield chunk("more ")

    server.completion = Reply(forever())
    *pieces, last = ask(server, max_tokens=2)
    assert len(pieces) == 8 * 2 + 1
    assert last.usage is not None
    assert last.usage.truncated


def test_signs_of_life_without_an_answer_are_silence(server: StandIn) -> None:
    def pings() -> Iterator[bytes]:
        while True:
            yield b": ping\n\n"
            time.sleep(0.01)

    server.completion = Reply(pings())
    assert "sent nothing for 0.1 s" in failure(server, Settings(request_timeout=0.1))


ended = "ended its answer in the middle"
strange = "sent what the OpenAI protocol does not have: "
RUBBISH = [
    (Reply([chunk("half")]), ended),
    (Reply([]), ended),
    (Reply([chunk("half"), b'data: {"choic']), ended),
    (Reply([chunk("half")], complete=False), "broke off: "),
    (Reply([b"<html>hi</html>\n"], content_type="text/html"), strange + "<html>hi</html>"),
    (Reply([b'{"choices": []}\n']), strange),
    (Reply([b"data: not json\n\n"]), strange + "not json"),
    (Reply([b"data: {}\n\n"]), strange + "{}"),
    (Reply([b'data: {"choices": [{"delta": {"content": 5}}]}\n\n']), strange),
    (Reply([chunk("x"), b'data: {"error": {"message": "engine died"}}\n\n']), strange + "engine died"),
    (Reply([b'error: {"message": "slot lost"}\n\n']), strange),
]


@pytest.mark.parametrize(("reply", "expected"), RUBBISH)
def test_half_a_stream_and_rubbish_are_errors(server: StandIn, reply: Reply, expected: str) -> None:
    server.completion = reply
    assert failure(server).startswith(f"{server.url} {expected}")


@pytest.mark.parametrize("content", [b"<html></html>", b"[]", b'{"data": [{"name": "x"}]}', b""])
def test_a_rubbish_list_of_models_is_an_error(server: StandIn, content: bytes) -> None:
    server.models = Reply((content,))
    assert failure(server).startswith(f"{server.url} {strange}")


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        GenerationError, match=rf"127.0.0.1:{port}/v1 can't be reached: .*; is the server running"
    ):
        OpenAIServer(f"http://127.0.0.1:{port}/v1", Settings())


@pytest.mark.parametrize("url", ["http://", "http://host:port/v1", "http://[::1/v1", "http://a b/v1"])
def test_an_impossible_url_is_an_error(url: str) -> None:
    with pytest.raises(GenerationError):
        OpenAIServer(url, Settings())


def test_a_server_that_does_not_speak_http_is_an_error() -> None:
    def babble() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(b"220 ready\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=babble)
        thread.start()
        with pytest.raises(GenerationError, match="broke off"):
            OpenAIServer(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", Settings())
        thread.join()


def test_silence_longer_than_the_timeout_is_an_error(server: StandIn) -> None:
    asked = threading.Event()

    def stalled() -> Iterator[bytes]:
        yield chunk("one")
        asked.wait(5)

    server.completion = Reply(stalled())
    message = failure(server, Settings(request_timeout=0.2))
    asked.set()
    assert len(server.requests) == 1 + 1  # it has had its time
    assert message == f"{server.url} sent nothing for 0.2 s, the setting request_timeout"


def with_key(key: str) -> Settings:
    return Settings(api_key=SecretStr(key))


def test_the_key_is_sent_and_shown_nowhere(
    server: StandIn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    settings = with_key(KEY + "\n")
    model = OpenAIServer(server.url, settings)
    list(model.stream(QUESTION, max_tokens=5))
    assert [request.headers["Authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2
    shown = [
        repr(settings),
        str(settings),
        repr(model),
        settings.model_dump_json(),
        caplog.text,
        *capfd.readouterr(),
    ]
    assert KEY not in "".join(shown)


def test_no_key_sends_no_header(server: StandIn) -> None:
    ask(server)
    assert "Authorization" not in server.requests[-1].headers


def test_a_key_that_the_server_repeats_is_masked(server: StandIn) -> None:
    server.completion = of_status(401, f"{KEY} is wrong")
    assert "answered 401: *** is wrong" in failure(server, with_key(KEY))


@pytest.mark.parametrize("key", ["sk-a\nb-secret", "sk-ä-secret"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(server: StandIn, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAIServer(server.url, with_key(key))
    assert "secret" not in str(caught.value)


def test_a_password_in_the_url_is_used_and_not_shown(
    server: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.completion = Reply((), 500)
    url = server.url.replace("http://", "http://user:pa55@")
    with pytest.raises(GenerationError) as caught:
        list(OpenAIServer(url, Settings()).stream(QUESTION, max_tokens=5))
    assert str(caught.value).startswith(f"{server.url} answered 500")
    assert server.requests[-1].headers["Authorization"].startswith("Basic ")
    assert "pa55" not in caplog.text


def test_a_password_that_the_server_repeats_is_masked(server: StandIn) -> None:
    server.completion = of_status(400, "no user with pa55")
    with pytest.raises(GenerationError, match=r"answered 400: no user with \*\*\*$"):
        list(
            OpenAIServer(server.url.replace("http://", "http://user:pa55@"), Settings()).stream(
                QUESTION, max_tokens=5
            )
        )


def test_tokens_are_counted_by_cl100k_or_by_the_tokenizer_named(server: StandIn, tmp_path: Path) -> None:
    assert OpenAIServer(server.url, Settings()).count_tokens("hello world") == 2
    # A tokenizer that cuts at white space: every word is one token.
    vocabulary = {"[UNK]": 0, "hello": 1}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    (tmp_path / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}'
    )
    model = OpenAIServer(server.url, Settings(tokenizer=str(tmp_path)))
    assert model.count_tokens("hello antidisestablishmentarianism hello") == 3


def test_a_tokenizer_folder_that_holds_none_is_an_error(server: StandIn, tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match=rf"^{tmp_path} can't be loaded: "):
        OpenAIServer(server.url, Settings(tokenizer=str(tmp_path)))
