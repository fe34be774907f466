"""How soon the page shows the papers for a question, and its answer: the real page in a real browser."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assistant.api import Assistant
from assistant.errors import AssistantError, MissingExtraError
from assistant.settings import Settings
from eval.bench import Measurement, summarised

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from assistant.page.evaluation import Evaluator

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 300_000  # milliseconds for an answer
# Notes, by the browser's own clock, when Enter was pressed, and when what it led to was in the document.
_CLOCK = """() => {
  const timed = (window.timed = {});
  addEventListener("keydown", (event) => {
    if (event.key === "Enter") Object.assign(timed, { sent: performance.now(), card: null, answer: null });
  }, true);
  new MutationObserver(() => {
    if (!timed.sent) return;
    if (document.querySelector("#evidence .card")) timed.card ??= performance.now();
    if (document.querySelector(".exchange .actions") && !document.querySelector(".live"))
      timed.answer ??= performance.now();
  }).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""


def page_latency(
    index: Path, settings: Settings, questions: Sequence[str], browser: str | None = None
) -> list[Measurement]:
    """Time the first card and the whole answer, each question the first of its conversation.

    Args:
        index: The index that is asked.
        settings: Settings of the page, but for where it keeps things.
        questions: Questions; the first is asked once before, to warm up.
        browser: The browser's executable.

    Raises:
        AssistantError: there is no browser.
        MissingExtraError: playwright is not installed.
    """
    executable = browser_or_default(browser)
    with served(index, settings) as address, opened(executable, address) as page:
        page.evaluate(_CLOCK)
        _asked(page, questions[0])
        times = [_asked(page, question) for question in questions]
    cards = [timed["card"] - timed["sent"] for timed in times if timed["card"]]
    answers = [timed["answer"] - timed["sent"] for timed in times]
    found = [summarised("first card", cards)] if cards else []
    return [*found, summarised("answer", answers)]


def browser_or_default(browser: str | None = None) -> str:
    """The browser's executable.

    Raises:
        AssistantError: there is none.
        MissingExtraError: playwright is not installed.
    """
    if not find_spec("playwright"):
        raise MissingExtraError("a page in a browser", "dev")
    found = browser or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise AssistantError(f"no browser was found ({', '.join(BROWSERS)}); name one by --browser")
    return found


@contextmanager
def served(index: Path, settings: Settings, evaluator: Evaluator | None = None) -> Iterator[str]:
    """The address of the page over an index; what it keeps is gone with it."""
    from assistant.page.desk import Desk
    from assistant.page.page import build_page, launch

    with TemporaryDirectory() as folder:
        kept = settings.model_copy(update={"data_dir": Path(folder)})
        desk = Desk.over(Assistant.open(index, settings=kept), evaluator)
        page = build_page(desk)
        try:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            yield launch(page, port)
        finally:
            page.close(verbose=False)
            desk.conversations.close()


@contextmanager
def opened(executable: str, address: str, **view: Any) -> Iterator[Page]:
    """The page in a browser, once it is there."""
    from playwright.sync_api import sync_playwright

    # A browser's sandbox does not start for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        page = browser.new_page(**{"viewport": {"width": 1400, "height": 900}} | view)
        page.set_default_timeout(_PATIENCE)
        page.goto(address)
        page.locator(".masthead").wait_for()
        yield page
        browser.close()


def _asked(page: Page, question: str) -> dict[str, Any]:
    """When a question was sent, its first card and its answer were there, in milliseconds of the page."""
    page.locator("#new").click()
    page.locator(".suggestions").wait_for()
    field = page.locator("#ask textarea")
    field.fill(question)
    field.press("Enter")
    page.wait_for_function("window.timed.answer")
    timed: dict[str, Any] = page.evaluate("window.timed")
    return timed
