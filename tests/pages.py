"""A page that is served and looked at in a real browser, for the tests of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import CHROMIUM, PAPERS
from playwright.sync_api import Browser, Page, expect, sync_playwright

from assistant.api import Assistant
from assistant.errors import GenerationError
from assistant.fitted import FITTED, fitted_to_plain
from assistant.generation.base import Delta
from assistant.page.desk import Desk
from assistant.page.evaluation import Evaluator
from assistant.page.page import build_page, launch
from assistant.records import Message, Paper
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

MEMORY = "By how much does LongCache reduce cache memory?"
REPLY = "LongCache reduces cache memory by 62%. Decoding is now 1.4x faster."
FAILURE = "(failure)"
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

PATIENCE = 120_000  # milliseconds; the machine may be busy
expect.set_options(timeout=PATIENCE)

# Gradio sets an option and a keyword that pandas deprecates, when it adds up how long its queue took.
PANDAS = [
    pytest.mark.filterwarnings("ignore:.*future.no_silent_downcasting:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated:DeprecationWarning"),
]
# What every module of browser tests is marked with.
IN_BROWSER = [
    *PANDAS,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; install it to run these"),
]


class SlowModel(ScriptedModel):
    """A scripted model that takes its time over each word."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        for delta in super().stream(messages, max_tokens=max_tokens):
            time.sleep(0.1)
            yield delta


class SteppedModel(ScriptedModel):
    """A scripted model that says a word when it is let, and fails at one."""

    def __init__(self, *replies: str) -> None:
        super().__init__(*replies)
        self.let = threading.Semaphore(0)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        for delta in super().stream(messages, max_tokens=max_tokens):
            assert self.let.acquire(timeout=30)
            if FAILURE in delta.text:
                raise GenerationError(FAILURE)
            yield delta


class HeldModel(ScriptedModel):
    """A scripted model that gives an answer when it is let."""

    def __init__(self, *replies: str) -> None:
        super().__init__(*replies)
        self.let = threading.Semaphore(0)

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Delta, None, None]:
        saying = super().stream(messages, max_tokens=max_tokens)
        first = next(saying)  # it is asked before it is let
        assert self.let.acquire(timeout=PATIENCE / 1000)
        yield first
        yield from saying


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that asks nobody for anything by itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def served(
    model: ScriptedModel,
    papers: Sequence[Paper] = PAPERS,
    *,
    data: Path | None = None,
    port: int = 0,
    accounts: dict[str, str] | None = None,
    evaluator: Evaluator | None = None,
) -> Iterator[str]:
    """The address of a page that answers every question with `model`; `data` outlives it, if given."""
    with (
        TemporaryDirectory() as temporary,
        serving(scripted(model, data or Path(temporary), papers), port, accounts, evaluator) as address,
    ):
        yield address


def scripted(model: ScriptedModel, data: Path, papers: Sequence[Paper] = PAPERS) -> Assistant:
    """An assistant that answers every question about the papers with `model`."""
    settings = Settings(data_dir=data)
    assistant = Assistant.from_papers(papers, model=model, embedder=HashingEmbedder(), settings=settings)
    (assistant.index.folder / FITTED).write_text(json.dumps(fitted_to_plain(OPEN_GATES)), encoding="utf-8")
    return assistant


@contextmanager
def serving(
    assistant: Assistant,
    port: int = 0,
    accounts: dict[str, str] | None = None,
    evaluator: Evaluator | None = None,
) -> Iterator[str]:
    """The address of a page over `assistant`."""
    desk = Desk.over(assistant, evaluator)
    page = build_page(desk)
    try:
        yield launch(page, port or free_port(), accounts)
    finally:
        page.close(verbose=False)
        desk.close()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def opened(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """The page in a session of its own; fails if it asked for anything beyond `address`."""
    session = browser.new_context(**context)
    page = session.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    come_to(page, address)
    try:
        yield page
    finally:
        session.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def come_to(page: Page, address: str) -> None:
    """Open the page, and wait until it knows whose visit it is."""
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    expect(page.locator(".masthead")).to_be_visible()


def ask(page: Page, question: str) -> None:
    """Ask as a person at the keyboard does."""
    page.get_by_placeholder("Ask about these papers").fill(question)
    page.keyboard.press("Enter")


def unfold(page: Page, fold: str, last: str) -> None:
    """Open a fold, up to the field labelled `last`, no quicker than a person.

    Gradio makes the fields as a fold opens, and gives each its first value once more in the next frame.
    """
    page.get_by_role("button", name=fold).click()
    expect(page.get_by_label(last)).to_be_visible()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is not on the page."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def settled(page: Page) -> None:
    """Wait for the answer to be whole."""
    expect(page.locator(".exchange").last).to_be_visible()
    expect(page.locator(".live")).to_have_count(0)
    expect(page.locator(".exchange").last.locator(".actions")).to_be_visible()


def serious(page: Page) -> list[str]:
    """The rules that the page breaks badly, with the elements that break them."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]} {node['any'][0]['message'][:200] if node['any'] else ''}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
