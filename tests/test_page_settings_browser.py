"""Settings changed and an evaluation run on the page, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import PAPERS
from pages import IN_BROWSER, MEMORY, REPLY, ask, come_to, opened, serious, served, settled
from playwright.sync_api import Browser, expect

from assistant.page.gold import Correction, keep
from assistant.testing import ScriptedModel
from eval.evaluator import Harness

pytestmark = IN_BROWSER


def test_a_saved_setting_is_in_the_file_and_in_force_for_the_next_question(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CONTEXT_SENTENCES", "4")
    with served(ScriptedModel(REPLY)) as address, opened(browser, address) as page:
        page.get_by_role("tab", name="Settings").click()
        fixed = page.get_by_label("Sentences shown to the model")
        expect(fixed).to_be_disabled()
        expect(page.get_by_text("Fixed by ASSISTANT_CONTEXT_SENTENCES in the environment.")).to_be_visible()
        assert serious(page) == []
        page.get_by_label("Papers found").fill("2")
        page.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="No model").click()
        page.get_by_role("radio", name="Dark").check()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#saved")).to_contain_text("In force from the next question on")
        assert Path("assistant.toml").read_text(encoding="utf-8") == (
            'model = "none"\npapers = 2\ntheme = "dark"\n'
        )
        expect(page.locator("body.dark")).to_have_count(1)
        expect(page.locator(".masthead")).to_contain_text("in extracts")
        page.get_by_role("tab", name="Ask").click()
        ask(page, MEMORY)
        settled(page)
        expect(page.locator(".card")).to_have_count(2)


def test_a_setting_that_cannot_be_saved_is_one_line_and_changes_nothing(browser: Browser) -> None:
    with served(ScriptedModel(REPLY)) as address, opened(browser, address) as page:
        page.get_by_role("tab", name="Settings").click()
        expect(page.locator("#in-force table")).to_be_visible()
        Path("assistant.toml").write_text("paper = 1\n", encoding="utf-8")
        page.get_by_role("radio", name="Strict").check()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#saved .fault")).to_contain_text("assistant.toml, key paper: unknown setting")
        assert Path("assistant.toml").read_text(encoding="utf-8") == "paper = 1\n"


def test_own_questions_are_asked_and_reported(browser: Browser, tmp_path: Path) -> None:
    model = ScriptedModel(REPLY)
    with (
        served(model, data=tmp_path, evaluator=Harness()) as address,
        opened(browser, address) as page,
    ):
        ask(page, MEMORY)
        settled(page)
        page.get_by_role("button", name="Right", exact=True).click()
        expect(page.get_by_text("Kept as a gold question")).to_be_visible()
        (gold,) = (tmp_path / "gold").iterdir()
        start = PAPERS[0].abstract.index("Training takes")
        wrong = Correction("How long is training?", "37 hours", PAPERS[0], start, len(PAPERS[0].abstract))
        keep(wrong, gold)
        come_to(page, address)  # without Gradio's note, a button in a button
        page.get_by_role("tab", name="Evaluate").click()
        page.get_by_role("radio", name="The questions kept").check()
        page.get_by_role("button", name="Evaluate").click()
        report = page.locator("#report")
        expect(report).to_contain_text("1 of 4 questions not as they should be")
        expect(report.locator("tr", has_text="Trusted-Answer Rate")).to_contain_text("0.750")
        report.locator(".failure summary").click()
        expect(report.locator(".failure")).to_contain_text("37 hours")
        assert serious(page) == []
        with page.expect_download() as saved:
            page.get_by_role("button", name="Download the whole report").click()
        assert "Trusted-Answer Rate" in saved.value.path().read_text(encoding="utf-8")


def test_without_the_harness_the_page_says_so(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.get_by_role("tab", name="Evaluate").click()
        expect(page.get_by_text("The evaluation harness is not installed here")).to_be_visible()
