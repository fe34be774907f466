from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import CHROMIUM, PAPERS
from playwright.sync_api import Browser, Page, expect, sync_playwright

from assistant.api import Assistant
from assistant.errors import GenerationError
from assistant.fitted import FITTED, fitted_to_plain
from assistant.generation.base import Delta
from assistant.page.page import build_page, launch
from assistant.records import Message, Paper
from assistant.settings import Settings
from assistant.testing import OPEN_GATES, HashingEmbedder, ScriptedModel

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; install it to run these"),
    # Gradio sets an option that pandas 3.1 deprecates, each time it adds up how long its queue took.
    pytest.mark.filterwarnings("ignore:.*future.no_silent_downcasting:DeprecationWarning"),
]

MEMORY = "By how much does LongCache reduce cache memory?"
REPLY = "LongCache reduces cache memory by 62%. Decoding is now 1.4x faster."
FAILURE = "(failure)"
GREY = (".draft", ".question")
HOSTILE = '<img src=x onerror="document.title=1"> **LongCache**'
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@contextmanager
def served(model: ScriptedModel, papers: Sequence[Paper] = PAPERS) -> Iterator[str]:
    """The address of a page that answers every question with `model`."""
    assistant = Assistant.from_papers(papers, model=model, embedder=HashingEmbedder(), settings=Settings())
    (assistant.index.folder / FITTED).write_text(json.dumps(fitted_to_plain(OPEN_GATES)), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = build_page(assistant)
    try:
        yield launch(page, port)
    finally:
        page.close(verbose=False)


@contextmanager
def opened(browser: Browser, address: str, **context: Any) -> Iterator[Page]:
    """The page in a session of its own; fails if it asked for anything beyond `address`."""
    session = browser.new_context(**context)
    page = session.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    try:
        yield page
    finally:
        session.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def ask(page: Page, question: str) -> None:
    page.get_by_placeholder("Ask about these papers").fill(question)
    page.keyboard.press("Enter")


def settled(page: Page) -> None:
    expect(page.locator(".exchange").last).to_be_visible()
    expect(page.locator(".live")).to_have_count(0)


def test_a_mark_leads_to_the_cited_sentence_and_back(browser: Browser) -> None:
    with served(ScriptedModel(REPLY)) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        settled(page)
        expect(page.locator(".answer")).to_contain_text("LongCache reduces cache memory by 62%. [1]")
        assert page.locator(".card").count() == 3
        page.locator(".answer a.cite").first.click()
        mark = page.locator("mark.shown")
        expect(mark).to_have_text("LongCache reduces cache memory by 62%, and decoding is 1.4x faster.")
        expect(mark).to_be_in_viewport()
        page.locator(".card.used a.cite").first.click()
        expect(page.locator(".sentence.shown")).to_be_in_viewport()
        assert page.url == address


def test_evidence_comes_first_then_a_draft_then_verified_sentences(browser: Browser) -> None:
    with served(SlowModel(REPLY)) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        expect(page.locator(".card")).to_have_count(3)
        expect(page.locator(".draft")).to_contain_text("LongCache reduces")
        expect(page.locator(".live .sentence .verdict.supported")).to_have_count(1)
        settled(page)
        expect(page.locator(".draft")).to_have_count(0)
        expect(page.locator(".card.used")).to_have_count(1)


def test_the_draft_is_grey_and_turns_into_sentences(browser: Browser) -> None:
    model = SteppedModel(f"{REPLY} Training takes 36 hours on 8 GPUs.")
    with served(model) as address, opened(browser, address) as page:
        draft, sentences = page.locator(".draft"), page.locator(".live .sentence")
        ask(page, "What does LongCache do?")
        model.let.release(3)
        expect(draft).to_have_text("LongCache reduces cache")
        expect(sentences).to_have_count(0)
        colours = [page.locator(place).evaluate("e => getComputedStyle(e).color") for place in GREY]
        assert colours[0] != colours[1]
        for words, count, rest in ((4, 1, "Decoding"), (3, 1, "Decoding is now 1.4x"), (2, 2, "Training")):
            model.let.release(words)
            expect(draft).to_have_text(rest)
            expect(sentences).to_have_count(count)
        model.let.release(8)
        settled(page)
        expect(page.locator(".sentence.supported")).to_have_count(3)
        expect(draft).to_have_count(0)


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        ("Fish swim.", "LongCache reduces cache memory by 62%, and decoding is 1.4x faster. [1]"),
        (f"Fish {FAILURE}", FAILURE),
    ],
    ids=["replaced by extracts", "the model fails"],
)
def test_a_rejected_draft_disappears(browser: Browser, end: str, shown: str) -> None:
    model = SteppedModel(f"Whales sing at sea. {end}")
    with served(model) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        model.let.release(2)
        expect(page.locator(".draft")).to_have_text("Whales sing")
        model.let.release(3)
        expect(page.locator(".live .sentence.unsupported")).to_have_text("Whales sing at sea. ✖")
        expect(page.locator(".draft")).to_have_text("Fish")
        model.let.release(3)
        settled(page)
        expect(page.locator(".exchange")).to_contain_text(shown)
        expect(page.locator(".draft, .sentence.unsupported")).to_have_count(0)
        expect(page.locator(".exchange")).not_to_contain_text("Whales")


def test_an_abstention_names_the_nearest_papers_one_below_the_other(browser: Browser) -> None:
    model = ScriptedModel("The excerpts do not mention it.")
    with served(model) as address, opened(browser, address) as page:
        ask(page, "Who won the 1998 football world cup?")
        settled(page)
        expect(page.locator(".abstained")).to_have_text("Not in these abstracts")
        nearest = page.locator(".nearest li")
        expect(nearest).to_have_count(3)
        tops = [nearest.nth(n).bounding_box()["y"] for n in range(3)]  # type: ignore[index]
        assert tops == sorted(set(tops))


def test_hostile_text_is_shown_as_text(browser: Browser) -> None:
    papers = [replace(PAPERS[0], title=HOSTILE), *PAPERS[1:]]
    with served(ScriptedModel(REPLY), papers) as address, opened(browser, address) as page:
        ask(page, f"{MEMORY} {HOSTILE}")
        settled(page)
        expect(page.locator(".card h3").first).to_have_text(HOSTILE)
        expect(page.locator(".question")).to_have_text(f"{MEMORY} {HOSTILE}")
        assert page.locator("#desk img").count() == 0
        assert page.title() == "Abstract Assistant"


def test_stop_stops_the_model_and_the_next_question_is_answered(browser: Browser) -> None:
    model = SlowModel("LongCache reduces cache memory by 62%. " * 30, REPLY)
    with served(model) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        expect(page.locator(".draft")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Stopped.")).to_be_visible()
        deadline = time.monotonic() + 5
        while not model.closed_early and time.monotonic() < deadline:
            time.sleep(0.05)
        assert model.closed_early == 1
        ask(page, "How much faster is decoding with LongCache?")
        expect(page.locator(".exchange")).to_have_count(2)
        settled(page)
        expect(page.locator(".answer").last).to_contain_text("1.4x faster")


def test_closing_the_tab_stops_the_model(browser: Browser) -> None:
    model = SlowModel("LongCache reduces cache memory by 62%. " * 30)
    with served(model) as address:
        with opened(browser, address) as page:
            ask(page, MEMORY)
            expect(page.locator(".draft")).to_be_visible()
        deadline = time.monotonic() + 10
        while not model.closed_early and time.monotonic() < deadline:
            time.sleep(0.05)
        assert model.closed_early == 1


def test_two_people_at_once_see_only_their_own_questions(browser: Browser) -> None:
    with (
        served(SlowModel(REPLY)) as address,
        opened(browser, address) as first,
        opened(browser, address) as second,
    ):
        ask(first, MEMORY)
        ask(second, "How long does training LongCache take?")
        settled(first)
        settled(second)
        expect(first.locator(".question")).to_have_text([MEMORY])
        expect(second.locator(".question")).to_have_text(["How long does training LongCache take?"])


def test_clear_forgets_the_conversation(browser: Browser) -> None:
    with served(ScriptedModel(REPLY)) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        settled(page)
        page.get_by_role("button", name="Clear").click()
        expect(page.locator(".exchange")).to_have_count(0)
        expect(page.locator(".card")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, scheme: str, tmp_path: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    with served(ScriptedModel(REPLY)) as address, opened(browser, address, **phone) as page:
        ask(page, MEMORY)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator(".answer a.cite").first.click()
        expect(page.locator("mark.shown")).to_be_in_viewport()
