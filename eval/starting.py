"""How soon the program is of use: what a cold start takes, in processes of their own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from assistant.errors import AssistantError
from eval.bench import Measurement, summarised

_ASKING = """
import json, resource, sys, time
from assistant.api import Assistant
from assistant.events import DraftGrew, EvidenceFound
seen = {}
for event in Assistant.open().stream(sys.argv[1]):
    seen.setdefault(type(event).__name__, time.time())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"evidence": seen["EvidenceFound"], "token": seen.get("DraftGrew"), "peak": peak}))
"""
_PATIENCE = 600.0  # seconds that the page is waited for


@dataclass(frozen=True, slots=True)
class _Asked:
    """Seconds to the evidence, to the first token (None where no model was asked) and to the end; bytes."""

    evidence: float
    token: float | None
    end: float
    peak: int


def starts(question: str, *, repeats: int) -> list[Measurement]:
    """Import, a first question and the page, each started `repeats` times, one after the other.

    Raises:
        AssistantError: a process failed, or the question led to no draft.
    """
    imports, asks, pages = [], [], []
    for _ in range(repeats):
        imports.append(_seconds([sys.executable, "-c", "import assistant"]))
        asks.append(_ask(question))
        pages.append(_page())
    tokens = [one.token for one in asks if one.token is not None]
    if not tokens:
        raise AssistantError(f"the model is not asked {question!r}; give a question that is answered")
    return [
        summarised("import assistant", [1000 * one for one in imports]),
        summarised("ask: evidence", [one.evidence for one in asks], "s"),
        summarised("ask: first token", tokens, "s"),
        summarised("ask: answer", [one.end for one in asks], "s"),
        summarised("ask: peak memory", [one.peak / 1e9 for one in asks], "GB"),
        summarised("page: usable", pages, "s"),
    ]


def _ask(question: str) -> _Asked:
    started = time.time()
    told = json.loads(_run([sys.executable, "-c", _ASKING, question]))
    token = told["token"] and told["token"] - started
    return _Asked(told["evidence"] - started, token, time.time() - started, told["peak"])


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    _run(command)
    return time.perf_counter() - started


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip()[-300:]
        raise AssistantError(f"a process ended with exit code {done.returncode}: {said}")
    return done.stdout.splitlines()[-1] if done.stdout else ""


def _page() -> float:
    """Seconds until the page answers, with conversations of its own, so that nobody's are touched."""
    port = _free_port()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "ASSISTANT_DATA_DIR": folder}
        page = subprocess.Popen(
            [sys.executable, "app.py"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while not _answers(f"http://127.0.0.1:{port}/"):
                if page.poll() is not None or time.perf_counter() - started > _PATIENCE:
                    raise AssistantError("app.py does not serve its page; run it by itself to see why")
                time.sleep(0.02)
            return time.perf_counter() - started
        finally:
            page.terminate()
            page.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=_PATIENCE).is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
