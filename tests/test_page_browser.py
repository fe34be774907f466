from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import PAPERS
from pages import (
    FAILURE,
    IN_BROWSER,
    MEMORY,
    REPLY,
    SlowModel,
    SteppedModel,
    ask,
    opened,
    served,
    serving,
    settled,
    unfold,
    until,
)
from playwright.sync_api import Browser, Page, expect

from assistant.api import Assistant
from assistant.settings import Settings
from assistant.testing import ScriptedModel

pytestmark = IN_BROWSER

GREY = (".draft", ".question")
HOSTILE = '<img src=x onerror="document.title=1"> **LongCache**'


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_a_mark_leads_to_the_cited_sentence_and_back(page: Page, address: str, by: str) -> None:
    def follow(link: str) -> None:
        if by == "pointer":
            page.locator(link).first.click()
        else:
            page.locator(link).first.focus()
            page.keyboard.press("Enter")

    ask(page, MEMORY)
    settled(page)
    expect(page.locator(".answer")).to_contain_text("LongCache reduces cache memory by 62%. [1]")
    expect(page.locator(".card")).to_have_count(3)
    follow(".answer a.cite")
    mark = page.locator("mark.shown")
    expect(mark).to_have_text("LongCache reduces cache memory by 62%, and decoding is 1.4x faster.")
    expect(mark).to_be_in_viewport()
    follow(".card.used a.cite")
    expect(page.locator(".sentence.shown")).to_be_in_viewport()
    assert page.url == address


def test_a_card_says_who_wrote_what_where_and_how_it_was_found(page: Page) -> None:
    ask(page, MEMORY)
    settled(page)
    card = page.locator(".card.used")
    expect(card.locator("h3")).to_have_text("LongCache: Shrinking the Key-Value Cache")
    expect(card.locator(".imprint")).to_contain_text("Ada Lovelace, Charles Babbage · 2023 · ICML")
    expect(card.locator(".scores")).to_contain_text("meaning")
    expect(page.locator(".card .role")).to_have_text(
        ["used [1]", "retrieved, not used", "retrieved, not used"]
    )


def test_a_follow_up_can_be_read_otherwise(page: Page) -> None:
    ask(page, MEMORY)
    settled(page)
    ask(page, "And how much faster is its decoding?")
    expect(page.locator(".exchange")).to_have_count(2)
    settled(page)
    read = page.locator(".exchange").last.locator(".standalone")
    expect(read).to_contain_text("Read as: And how much faster is LongCache's decoding?")
    read.get_by_role("button", name="Edit").press("Enter")
    form = page.get_by_label("Read the question as")
    expect(form).to_be_focused()
    form.fill("How accurate is SlimTune?")
    form.press("Enter")
    expect(read).to_contain_text("Read as: How accurate is SlimTune?")
    settled(page)
    expect(page.locator(".question")).to_have_text([MEMORY, "And how much faster is its decoding?"])
    expect(page.locator(".card h3").first).to_contain_text("SlimTune")


def test_the_last_question_can_be_asked_in_other_words_or_once_more(page: Page) -> None:
    ask(page, MEMORY)
    settled(page)
    page.get_by_role("button", name="Edit question").press("Enter")
    form = page.get_by_label("Your question")
    form.press("Escape")
    expect(form).to_be_hidden()
    page.get_by_role("button", name="Edit question").click()
    form.fill("How long does training LongCache take?")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".question")).to_have_text(["How long does training LongCache take?"])
    settled(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".live")).to_have_count(1)
    settled(page)
    expect(page.locator(".question")).to_have_text(["How long does training LongCache take?"])


def test_an_answer_is_copied_with_its_references(browser: Browser, address: str) -> None:
    with opened(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page, MEMORY)
        settled(page)
        page.get_by_role("button", name="Copy with references").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        "LongCache reduces cache memory by 62%. [1]\n\n"
        "[1] Ada Lovelace and Charles Babbage (2023). LongCache: Shrinking the Key-Value Cache (a1). ICML\n"
    )


def test_a_suggested_question_is_asked(page: Page) -> None:
    suggestion = page.locator(".suggestions").get_by_role("button", name="What does LongCache achieve?")
    suggestion.press("Enter")
    settled(page)
    expect(page.locator(".question")).to_have_text(["What does LongCache achieve?"])
    expect(suggestion).to_have_count(0)


def test_a_question_can_be_narrowed_to_some_papers(page: Page) -> None:
    unfold(page, "Ask only some papers", "Papers")
    page.get_by_label("To year").fill("2021")
    page.get_by_label("To year").press("Tab")  # a field's value is taken when it is left
    ask(page, "What is costly?")
    settled(page)
    expect(page.locator(".standalone")).to_have_text("Asked of papers up to 2021")
    expect(page.locator(".card .imprint")).to_have_count(2)
    expect(page.locator(".card .imprint", has_text="2023")).to_have_count(0)


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
        # The draft's three, and the sentence of the abstract that fits best.
        expect(page.locator(".sentence.supported")).to_have_count(4)
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
        expect(page.locator("#desk img")).to_have_count(0)
        assert page.title() == "Abstract Assistant"


def test_stop_stops_the_model_and_the_next_question_is_answered(browser: Browser) -> None:
    model = SlowModel("LongCache reduces cache memory by 62%. " * 30, REPLY)
    with served(model) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        expect(page.locator(".draft")).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Stopped.")).to_be_visible()
        until(lambda: model.closed_early == 1)
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
        until(lambda: model.closed_early == 1)


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, address: str, scheme: str) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    with opened(browser, address, **phone) as page:
        ask(page, MEMORY)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator(".answer a.cite").first.click()
        expect(page.locator("mark.shown")).to_be_in_viewport()


def test_a_wrong_answer_becomes_a_gold_question(browser: Browser, tmp_path: Path) -> None:
    with (
        served(ScriptedModel(REPLY), data=tmp_path) as address,
        opened(browser, address) as page,
    ):
        ask(page, "How long does training LongCache take?")
        settled(page)
        page.get_by_role("button", name="Not right").press("Enter")
        form = page.locator(".correction")
        form.get_by_label("Right answer").fill("36 hours")
        form.get_by_label("Training takes 36 hours on 8 GPUs.").check()
        form.get_by_role("button", name="Keep as a gold question").click()
        expect(page.get_by_text("python -m eval run --gold")).to_be_visible()
        expect(form).to_be_hidden()
        (file,) = (tmp_path / "gold").iterdir()
        (item,) = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    assert item["gold"] == {"aliases": ["36 hours"]}
    assert item["evidence"] == [{"paper_id": "a1", "quote": "Training takes 36 hours on 8 GPUs."}]


@pytest.mark.models
def test_the_real_model_answers_beside_its_evidence(
    browser: Browser, real_settings: Settings, tmp_path: Path
) -> None:
    settings = real_settings.model_copy(update={"data_dir": tmp_path})
    assistant = Assistant.from_papers(PAPERS, settings=settings)
    with serving(assistant) as address, opened(browser, address) as page:
        ask(page, MEMORY)
        expect(page.locator(".card")).to_have_count(3)
        settled(page)
        expect(page.locator(".answer")).to_contain_text("62%")
        page.locator(".answer a.cite").first.click()
        expect(page.locator("mark.shown")).to_contain_text("LongCache reduces cache memory by 62%")
