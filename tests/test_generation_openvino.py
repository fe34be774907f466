"""The OpenVINO engine's queue, on a stand-in for openvino_genai; and the real engine, where the model is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.errors import GenerationError
from assistant.generation.openvino import ALONE, TOGETHER, OpenVINOModel
from assistant.models import ModelStore
from assistant.records import Message, Usage
from assistant.settings import Settings

LONG = 60  # seconds; more than any step of these tests takes
SURE = -0.5  # the log-probability of every letter


class Status(Enum):
    RUNNING = auto()
    FINISHED = auto()
    IGNORED = auto()
    CANCEL = auto()


class Finish(Enum):
    NONE = auto()
    STOP = auto()
    LENGTH = auto()


class Tokens(list[int]):
    """A prompt as token ids, one a letter."""

    @property
    def shape(self) -> tuple[int, int]:
        return 1, len(self)


class Tokenizer:
    def __init__(self, folder: str) -> None:
        pass

    def apply_chat_template(self, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
        return messages[-1]["content"]

    def encode(self, text: str, **_: Any) -> Any:
        return SimpleNamespace(input_ids=Tokens(map(ord, text)))


class Streamer:
    def __init__(self, tokenizer: Tokenizer, take: Callable[[str], Any]) -> None:
        self._take = take

    def write(self, ids: list[int]) -> None:
        self._take("".join(map(chr, ids)))

    def end(self) -> None:
        pass


class Request:
    """A prompt whose completion is itself, a letter a step; "!" is one that there is no memory for."""

    def __init__(self, tokens: Tokens, config: Any) -> None:
        self.left, self.limit = list(tokens), config.max_new_tokens
        self.status = Status.RUNNING
        self.unread: list[Any] = []

    def step(self) -> None:
        if self.left[0] == ord("!"):
            self.status = Status.IGNORED
            return
        self.limit -= 1
        letter = self.left.pop(0)
        finish = Finish.STOP if not self.left else Finish.LENGTH if not self.limit else Finish.NONE
        output = SimpleNamespace(generated_ids=[letter], finish_reason=finish, generated_log_probs=[SURE])
        self.unread.append(output)
        if finish != Finish.NONE:
            self.status = Status.FINISHED

    def can_read(self) -> bool:
        return bool(self.unread)

    def read(self) -> dict[int, Any]:
        return {0: self.unread.pop(0)}

    def get_status(self) -> Status:
        return self.status

    def cancel(self) -> None:
        self.status = Status.CANCEL


class Pipeline:
    """Runs requests as openvino_genai's pipeline does, and writes down what was asked of it.

    The prompt "hold" waits alone until `released`; "burst" breaks the step.
    """

    made: list[Pipeline]
    released: Event

    def __init__(self, *_: Any, **properties: Any) -> None:
        self.properties = properties
        self.running: list[Request] = []
        self.alone: list[str] = []
        self.steps: list[int] = []
        self.guesses: set[int] = set()
        self.held = Event()
        type(self).made.append(self)

    def generate(self, prompts: list[Tokens], configs: list[Any], take: Callable[[str], Any]) -> list[Any]:
        text = "".join(map(chr, prompts[0]))
        self.alone.append(text)
        if text == "hold":
            self.held.set()
            assert self.released.wait(LONG)
        request = Request(prompts[0], configs[0])
        assert configs[0].num_assistant_tokens == ALONE.tokens
        assert configs[0].logprobs == 1
        said: list[int] = []
        while request.status == Status.RUNNING:
            request.step()
            output = request.read()[0]
            said += output.generated_ids
            if take(chr(output.generated_ids[0])) == "cancel":
                return [SimpleNamespace(finish_reasons=[], m_generation_ids=[])]
        score = SURE * len(said)
        reasons = [output.finish_reason]
        return [SimpleNamespace(finish_reasons=reasons, m_generation_ids=[said], m_scores=[score])]

    def add_request(self, number: int, tokens: Tokens, config: Any) -> Request:
        self.guesses.add(config.num_assistant_tokens)
        self.running.append(Request(tokens, config))
        return self.running[-1]

    def step(self) -> None:
        self.steps.append(len(self.running))
        for request in self.running:
            if "".join(map(chr, request.left)) == "burst":
                raise RuntimeError("Exception from /src/x.cpp:1:\nout of memory")
            if request.status == Status.RUNNING:
                request.step()
        self.running = [request for request in self.running if request.status == Status.RUNNING]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenVINOModel]:
    Pipeline.made, Pipeline.released = [], Event()
    stand_in = SimpleNamespace(
        ContinuousBatchingPipeline=Pipeline,
        GenerationConfig=SimpleNamespace,
        GenerationFinishReason=Finish,
        GenerationStatus=Status,
        SchedulerConfig=SimpleNamespace,
        StreamingStatus=SimpleNamespace(RUNNING="running", CANCEL="cancel"),
        TextStreamer=Streamer,
        Tokenizer=Tokenizer,
    )
    monkeypatch.setitem(sys.modules, "openvino_genai", stand_in)
    yield OpenVINOModel(tmp_path, name="stand-in", cache_dir=tmp_path / "compiled")
    Pipeline.released.set()


def spent(prompt: int, written: int, *, truncated: bool = False) -> Usage:
    return Usage(prompt, written, truncated, SURE * written)


def said(model: OpenVINOModel, prompt: str, max_tokens: int = 20) -> tuple[str, Usage | None]:
    deltas = list(model.stream([Message("user", prompt)], max_tokens=max_tokens))
    return "".join(delta.text for delta in deltas), deltas[-1].usage


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def together(model: OpenVINOModel, prompts: list[str]) -> list[Any]:
    """What each prompt leads to, all of them waiting while one before them is running."""

    def outcome(prompt: str) -> Any:
        try:
            return said(model, prompt)
        except GenerationError as error:
            return str(error)

    with ThreadPoolExecutor(len(prompts) + 1) as pool:
        first = pool.submit(said, model, "hold")
        wait_until(lambda: bool(Pipeline.made))
        assert Pipeline.made[0].held.wait(LONG)
        others = []
        for prompt in prompts:
            others.append(pool.submit(outcome, prompt))
            wait_until(lambda: len(model._waiting) == len(others))
        Pipeline.released.set()
        assert first.result() == ("hold", spent(4, 4))
        return [other.result() for other in others]


def test_a_completion_alone_is_streamed_and_counted(model: OpenVINOModel) -> None:
    assert [delta.text for delta in model.stream([Message("user", "ab")], max_tokens=9)] == ["a", "b", ""]
    assert said(model, "abc", max_tokens=2) == ("ab", spent(3, 2, truncated=True))
    assert (Pipeline.made[0].alone, Pipeline.made[0].steps) == (["ab", "abc"], [])


def test_completions_that_wait_run_together_one_more_a_step(model: OpenVINOModel) -> None:
    assert together(model, ["abcd", "efg", "hi"]) == [
        ("abcd", spent(4, 4)),
        ("efg", spent(3, 3)),
        ("hi", spent(2, 2)),
    ]
    # One more each step: abcd; abcd and efg; all three; and all three once more, which ends them.
    pipeline = Pipeline.made[0]
    assert (pipeline.alone, pipeline.steps) == (["hold"], [1, 2, 3, 3])
    assert pipeline.guesses == {TOGETHER.tokens}


def test_no_more_run_together_than_pays(model: OpenVINOModel) -> None:
    model.concurrency = 2
    assert [text for text, _ in together(model, ["abc", "def", "ghi"])] == ["abc", "def", "ghi"]
    # abc; abc, def; abc, def; def, ghi; ghi, which is the last and goes on in steps; ghi.
    assert Pipeline.made[0].steps == [1, 2, 2, 2, 1, 1]


def test_a_prompt_without_memory_fails_alone(model: OpenVINOModel) -> None:
    refused, answered = together(model, ["!", "abc"])
    assert refused == "the engine has no memory left for the prompt; show it fewer tokens"
    assert answered == ("abc", spent(3, 3))


def test_a_step_that_breaks_fails_all_in_it_and_the_next_prompt_finds_a_new_engine(
    model: OpenVINOModel,
) -> None:
    fault = "stand-in could not answer: out of memory; check it with `assistant models verify`"
    assert together(model, ["abcdef", "burst"]) == [fault, fault]
    assert said(model, "xy") == ("xy", spent(2, 2))
    assert len(Pipeline.made) == 2


def test_closing_the_iterator_stops_a_completion(model: OpenVINOModel) -> None:
    deltas = model.stream([Message("user", "abcdef")], max_tokens=9)
    assert next(deltas).text == "a"
    deltas.close()
    assert said(model, "xy") == ("xy", spent(2, 2))


def test_an_iterator_that_is_closed_in_the_engine_s_own_thread_does_not_wait_for_it(
    model: OpenVINOModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Event()

    def generate(self: Pipeline, prompts: Any, configs: Any, take: Callable[[str], Any]) -> list[Any]:
        take("a")
        assert read.wait(LONG)
        deltas.close()  # as the garbage collector does, which runs in any thread
        assert take("b") == "cancel"
        return [SimpleNamespace(finish_reasons=[], m_generation_ids=[])]

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "generate", generate)
        deltas = model.stream([Message("user", "abc")], max_tokens=9)
        assert next(deltas).text == "a"
        read.set()
        wait_until(lambda: not model._serving)
    assert said(model, "xy") == ("xy", spent(2, 2))


def test_a_thread_that_can_t_be_started_leaves_nothing_waiting(
    model: OpenVINOModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            said(model, "abc")
    assert said(model, "xy") == ("xy", spent(2, 2))
    assert Pipeline.made[0].alone == ["xy"]


@pytest.mark.parametrize(("threads", "expected"), [(None, None), (3, 3)])
def test_the_engine_computes_with_the_threads_it_is_given(
    model: OpenVINOModel, tmp_path: Path, threads: int | None, expected: int | None
) -> None:
    OpenVINOModel(tmp_path, name="stand-in", cache_dir=tmp_path, threads=threads).load()
    assert Pipeline.made[0].properties.get("INFERENCE_NUM_THREADS") == expected


@pytest.mark.models
def test_the_real_engine_writes_the_same_alone_and_together(real_settings: Settings) -> None:
    name = "qwen2.5-coder-0.5b"
    folder = ModelStore(real_settings.cache_dir).ready(name)
    model = OpenVINOModel(folder, name=name, cache_dir=real_settings.cache_dir / "compiled")
    # The first runs alone, the others wait for it and then run together.
    capitals = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo"}
    prompts = [f"What is the capital of {country}? Answer in one word." for country in capitals]
    alone = [said(model, prompt) for prompt in prompts]
    with ThreadPoolExecutor(len(prompts)) as pool:
        together = list(pool.map(lambda prompt: said(model, prompt), prompts))
    for (text, usage), (expected, expected_usage) in zip(together, alone, strict=True):
        assert text == expected
        assert usage and usage.log_probability and expected_usage and expected_usage.log_probability
        # Sums are taken in another order there, which shows in the decimals.
        assert usage.log_probability == pytest.approx(expected_usage.log_probability, abs=0.3)
        assert replace(usage, log_probability=0) == replace(expected_usage, log_probability=0)
    assert [capital in text for capital, (text, _) in zip(capitals.values(), alone, strict=True)] == [
        True
    ] * 4
