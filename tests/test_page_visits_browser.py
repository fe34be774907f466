"""Conversations that are kept: found again after a restart, and by their owner alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pages import (
    IN_BROWSER,
    MEMORY,
    PATIENCE,
    REPLY,
    SlowModel,
    ask,
    come_to,
    free_port,
    opened,
    served,
    settled,
)
from playwright.sync_api import Browser, Locator, Page, expect

from assistant.page.conversations import Conversations
from assistant.page.exchange import Exchange
from assistant.testing import ScriptedModel

pytestmark = IN_BROWSER

TRAINING = "How long does training LongCache take?"

# The page, and Gradio in it, ask by this address which server they are on. An answer must not stream by
# Playwright's clock instead: it runs timers of no delay out of turn, by which Gradio orders its parts.
WITHHOLD = """() => {
  const ask = window.fetch;
  const told = new Promise((tell) => (window.tell = tell));
  window.fetch = async (...asked) => {
    if (String(asked[0]).endsWith("/app_id")) await told;
    return ask(...asked);
  };
}"""


def entries(page: Page) -> Locator:
    return page.locator(".entries button.title")


def test_conversations_are_listed_opened_and_found_by_their_text(page: Page) -> None:
    ask(page, MEMORY)
    settled(page)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".exchange")).to_have_count(0)
    expect(page.locator(".card")).to_have_count(0)
    ask(page, TRAINING)
    settled(page)
    expect(entries(page)).to_have_text([TRAINING, MEMORY])
    page.get_by_placeholder("Search conversations").fill("cache memory by")
    expect(entries(page)).to_have_text([MEMORY])
    entries(page).first.press("Enter")
    expect(page.locator(".question")).to_have_text([MEMORY])
    expect(page.locator(".card.used mark")).to_have_count(1)
    page.get_by_placeholder("Search conversations").fill("zebra")
    expect(page.locator("#listing")).to_have_text("No conversation has that text.")


def test_a_conversation_is_renamed_and_deleted(page: Page) -> None:
    ask(page, MEMORY)
    settled(page)
    page.get_by_role("button", name=f"Rename {MEMORY}").click()
    title = page.get_by_role("textbox", name="Title")
    title.fill("Caches <b>")
    title.press("Enter")
    expect(entries(page)).to_have_text(["Caches <b>"])
    delete = page.get_by_role("button", name="Delete Caches <b>")
    delete.click()
    expect(delete).to_have_text("Really delete")
    expect(page.locator(".exchange")).to_have_count(1)
    delete.click()
    expect(entries(page)).to_have_count(0)
    expect(page.locator(".exchange")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "suffix", "begins"), [("BibTeX", "bib", "@article{a1,"), ("RIS", "ris", "TY")]
)
def test_the_cited_papers_are_downloaded(page: Page, name: str, suffix: str, begins: str) -> None:
    ask(page, MEMORY)
    settled(page)
    with page.expect_download() as download:
        page.locator(".export").get_by_role("button", name=name).click()
    assert download.value.suggested_filename == f"By-how-much-does-LongCache-reduce-cache-memory.{suffix}"
    assert Path(download.value.path()).read_text(encoding="utf-8").startswith(begins)


def test_an_answer_is_shown_whole_when_it_is_kept(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, comes, let = Conversations.keep, threading.Event(), threading.Event()

    def keep_when_let(kept: Conversations, owner: str, conversation: str, exchange: Exchange) -> None:
        if exchange.is_over:
            comes.set()
            assert let.wait(PATIENCE / 1000)
        keep(kept, owner, conversation, exchange)

    monkeypatch.setattr(Conversations, "keep", keep_when_let)
    ask(page, MEMORY)
    assert comes.wait(PATIENCE / 1000)
    page.wait_for_timeout(1000)  # in which it would be shown
    expect(page.locator(".live")).to_have_count(1)
    let.set()
    settled(page)
    with page.expect_download() as download:
        page.locator(".export").get_by_role("button", name="Markdown").click()
    assert "LongCache reduces cache memory by 62%" in Path(download.value.path()).read_text(encoding="utf-8")


def test_a_conversation_goes_on_after_the_server_was_restarted(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    box, standing = "#ask textarea", "#connection p"
    with served(ScriptedModel(REPLY), data=tmp_path, port=port) as address:
        session = browser.new_context()
        page = session.new_page()
        come_to(page, address)
        ask(page, MEMORY)
        settled(page)
    ask(page, "And how long does its training take?")
    expect(page.locator(standing)).to_contain_text("The server is away.")
    expect(page.locator(".exchange")).to_have_count(1)
    with served(ScriptedModel(REPLY), data=tmp_path, port=port):
        # The page comes back by itself, and with it what was typed.
        expect(page.locator(standing)).to_have_text("Not sent yet.")
        expect(page.locator(box)).to_have_value("And how long does its training take?")
        expect(page.locator(".masthead")).to_be_visible()
        page.locator(box).press("Enter")
        expect(page.locator(".exchange")).to_have_count(2)
        expect(page.locator(standing)).to_have_text("")
        settled(page)
        expect(page.locator(box)).to_have_value("")
        expect(page.locator(".standalone")).to_contain_text("LongCache")
        come_to(page, address)
        expect(page.locator(".question")).to_have_text([MEMORY, "And how long does its training take?"])
        expect(entries(page)).to_have_text([MEMORY])
        with opened(browser, address) as other:
            expect(other.locator(".question, .entries li")).to_have_count(0)
        session.close()


def test_what_is_asked_on_a_page_of_an_earlier_server_is_not_lost(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with served(SlowModel(REPLY * 9), data=tmp_path, port=port) as address:
        session = browser.new_context()
        page = session.new_page()
        come_to(page, address)
        ask(page, MEMORY)
        expect(page.locator(".draft")).to_be_visible()  # and is being written when the server goes
        page.evaluate(WITHHOLD)  # or the page would see by itself
    with served(ScriptedModel(REPLY), data=tmp_path, port=port):
        ask(page, "How much faster is decoding with LongCache?")
        page.evaluate("() => void setTimeout(tell)")
        expect(page.locator("#connection p")).to_have_text("Not sent yet.")
        expect(page.locator(".masthead")).to_be_visible()
        page.locator("#ask textarea").press("Enter")
        expect(page.locator(".question")).to_have_text(
            [MEMORY, "How much faster is decoding with LongCache?"]
        )
        settled(page)
        session.close()


def test_who_signs_in_finds_the_own_conversations_in_any_browser(browser: Browser) -> None:
    def signed_in(page: Page, name: str) -> None:
        page.get_by_label("username").fill(name)
        page.get_by_label("password").fill(f"{name}'s")
        page.get_by_role("button", name="Login").click()
        expect(page.locator(".masthead")).to_be_visible()

    known = {"ada": "ada's", "grace": "grace's"}
    with served(ScriptedModel(REPLY), accounts=known) as address:
        sessions = [browser.new_context() for _ in range(3)]
        first, again, other = (session.new_page() for session in sessions)
        for page in (first, again, other):
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            expect(page.locator(".masthead")).to_have_count(0)
        signed_in(first, "ada")
        ask(first, MEMORY)
        settled(first)
        signed_in(again, "ada")
        expect(entries(again)).to_have_text([MEMORY])
        signed_in(other, "grace")
        expect(entries(other)).to_have_count(0)
        for session in sessions:
            session.close()


def test_uploaded_papers_become_an_index_that_is_asked(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "Whales.csv"
    file.write_text(
        "Paper Title,Abstract Note,Year\nWhaleSong,WhaleSong records 1204 songs of whales.,1971\n,,1999\n",
        encoding="utf-8",
    )
    with (
        served(ScriptedModel("WhaleSong records 1204 songs of whales.")) as address,
        opened(browser, address) as page,
    ):
        page.get_by_role("tab", name="Library").click()
        expect(page.locator("#library .card")).to_have_count(3)
        page.get_by_label("Search the papers").fill("speech recognition")
        expect(page.locator("#library .card h3").first).to_have_text("A Survey of Speech Recognition")
        page.locator("input[type=file]").set_input_files(file)
        expect(page.locator(".mapping")).to_contain_text("Abstract Note")
        expect(page.locator(".rejects")).to_have_text("Whales.csv line 3 has an empty abstract")
        page.get_by_role("button", name="Add these papers").click()
        expect(page.locator(".stored")).to_have_text(
            "Whales: 1 added, 0 updated, 0 merged, 0 unchanged, 1 left out."
        )
        expect(page.locator(".masthead")).to_contain_text("Answers about 1 paper")
        expect(page.locator("#library .card h3")).to_have_text(["WhaleSong"])
        page.get_by_role("tab", name="Ask").click()
        ask(page, "How many songs does WhaleSong record?")
        settled(page)
        expect(page.locator("#evidence .card h3")).to_have_text(["WhaleSong"])
        page.get_by_role("tab", name="Library").click()
        page.get_by_label("Index").click()
        page.get_by_role("option").first.click()
        expect(page.locator(".masthead")).to_contain_text("Answers about 3 papers")
