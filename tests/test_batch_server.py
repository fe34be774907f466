"""A batch against a model server that misbehaves: each fault costs its own rows alone."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai_standin import Reply, Request, StandIn, answer, chunk, standin
from pydantic import SecretStr

from assistant.api import Assistant
from assistant.batch import Options, Summary, prepare, run, table_task
from assistant.errors import GenerationError
from assistant.generation import openai
from assistant.generation.openai import OpenAIServer
from assistant.index import Index
from assistant.settings import Settings
from assistant.testing import HashingEmbedder

KEY, PASSWORD = "sk-very-secret-0123456789", "pa55-word"
CUT = "LongCache reduces cache memory by 62%."
QUESTION = "By how much does LongCache reduce cache memory?"
released = threading.Event()


def hanging() -> Iterator[bytes]:
    yield chunk("LongCache ")
    released.wait(20)


# What the server does where the question says so, and what the row's reason is to tell.
FAULTS: dict[str, tuple[Callable[[], Reply], str]] = {
    "hang": (lambda: Reply(hanging()), "sent nothing for 5 s"),
    "drop": (lambda: Reply((), 0), "broke off"),
    "half": (lambda: Reply([chunk("LongCache reduces")], complete=False), "broke off"),
    "early": (lambda: Reply([chunk("LongCache reduces")]), "ended its answer in the middle"),
    "rubbish": (lambda: Reply([b"\x00\xff<html>\n"]), "sent what the OpenAI protocol does not have"),
    "limit": (lambda: Reply((), 429, headers={"Retry-After": "1"}), "answered 429"),
    "crash": (
        lambda: Reply.of_json({"error": {"message": f"{KEY} {PASSWORD} crashed"}}, 500),
        "*** *** crash",
    ),
}


def misbehaving(request: Request) -> Reply:
    asked = request.body["messages"][-1]["content"]
    fault = next((fault for fault in FAULTS if f"({fault})" in asked), None)
    return FAULTS[fault][0]() if fault else answer(CUT)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setattr(openai, "_sleep", lambda seconds: None)
    released.clear()
    with standin() as running:
        running.completion = misbehaving
        yield running
        released.set()


def ran(server: StandIn, index: Index, questions: list[str], concurrency: int) -> Summary:
    with Path("in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["question"], *([question] for question in questions)])
    url = server.url.replace("http://", f"http://me:{PASSWORD}@")
    settings = Settings(model=url, api_key=SecretStr(KEY), request_timeout=5)
    assistant = Assistant(index, HashingEmbedder(), OpenAIServer(url, settings), settings)
    plan = prepare(table_task(Path("in.csv"), "question"), Path("out.csv"), Options(concurrency=concurrency))
    return run(plan, assistant, lambda done, total: None)


def written() -> list[dict[str, str]]:
    with Path("out.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_fault_costs_its_own_row_and_no_secret_is_told(
    server: StandIn, index: Index, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    questions = [q for fault in FAULTS for q in (f"{QUESTION} ({fault})", f"{QUESTION} (after {fault})")]
    summary = ran(server, index, questions, concurrency=3)
    rows = written()
    assert [row["question"] for row in rows] == questions
    for row, (_, reason) in zip(rows[::2], FAULTS.values(), strict=True):
        assert row["status"] == "error"
        assert reason in row["reason"]
    assert [(row["status"], row["final"]) for row in rows[1::2]] == [("answered", "62%")] * len(FAULTS)
    assert summary.statuses == {"answered": len(FAULTS), "error": len(FAULTS)}
    assert 1 < server.most_at_once <= 3

    told = [caplog.text, *capfd.readouterr(), repr(summary), json.dumps(server.requests[-1].body)]
    for text in [*told, *(path.read_text(encoding="utf-8") for path in Path().glob("*.csv*"))]:
        assert KEY not in text
        assert PASSWORD not in text

    server.completion = answer(CUT)
    before = len(server.requests)
    summary = ran(server, index, questions, concurrency=3)
    assert summary.choices == {"kept": len(FAULTS), "failed": len(FAULTS)}
    assert len(server.requests) - before == 1 + len(FAULTS)  # the list of models came first
    assert {row["status"] for row in written()} == {"answered"}


def test_rows_keep_their_order_whichever_is_answered_first(server: StandIn, index: Index) -> None:
    turn = threading.Event()

    def first_is_last(request: Request) -> Reply:
        if "(0)" in request.body["messages"][-1]["content"]:
            assert turn.wait(20)
        else:
            turn.set()
        return answer(CUT)

    server.completion = first_is_last
    questions = [f"{QUESTION} ({n})" for n in range(9)]
    ran(server, index, questions, concurrency=2)
    assert [row["question"] for row in written()] == questions
    assert {row["status"] for row in written()} == {"answered"}


def test_a_server_that_has_gone_fails_rows_and_not_the_batch(server: StandIn, index: Index) -> None:
    server.completion = Reply((), 0)
    summary = ran(server, index, [f"{QUESTION} ({n})" for n in range(4)], concurrency=4)
    assert summary.statuses == {"error": 4}
    assert [told.place for told in summary.failures] == ["row 2", "row 3", "row 4"]


@pytest.fixture
def llama(real_settings: Settings) -> Iterator[str]:
    """The address of a real llama.cpp server, a process of its own, with the default model's GGUF file."""
    pytest.importorskip("xllamacpp", reason="the package xllamacpp is not installed (pip install xllamacpp)")
    folder = real_settings.cache_dir / "models" / "qwen2.5-coder-0.5b"
    (file,) = folder.glob("*.gguf")
    command = [sys.executable, str(Path(__file__).parent / "llama_server.py"), str(file), KEY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"{process.stdout.readline().strip()}/v1"
        finally:
            process.kill()


@pytest.mark.models
def test_a_real_server_answers_a_batch_two_rows_at_a_time(llama: str, index: Index) -> None:
    questions = [QUESTION, "Does SlimTune need gradients?", "Where do whales sing?"]
    settings = Settings(model=llama, api_key=SecretStr(KEY), max_answer_tokens=24, request_timeout=600)
    Path("in.csv").write_text("\n".join(["question", *questions]))
    assistant = Assistant(index, HashingEmbedder(), OpenAIServer(llama, settings), settings)
    plan = prepare(table_task(Path("in.csv"), "question"), Path("out.csv"), Options(concurrency=2))
    summary = run(plan, assistant, lambda done, total: None)
    memory, gradients, whales = written()
    assert (memory["status"], memory["final"], memory["citations"]) == ("answered", "62%", "a1")
    assert (gradients["status"], gradients["citations"]) == ("answered", "a2")
    assert whales["status"] == "abstained"
    assert summary.prompt_tokens > summary.completion_tokens > 0
    assert KEY not in Path("out.csv.journal").read_text()
    with pytest.raises(
        GenerationError, match=r"answered 401: .*; set ASSISTANT_API_KEY to a key that it takes"
    ):
        OpenAIServer(llama, Settings())
