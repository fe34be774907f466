"""Batches in a real browser: watched, stopped, downloaded, and gone on with."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pages import IN_BROWSER, MEMORY, REPLY, HeldModel, come_to, opened, serious, served
from playwright.sync_api import Browser, Page, expect

from assistant.testing import ScriptedModel

pytestmark = IN_BROWSER

DECODING = "How much faster is decoding with LongCache?"
TRAINING = "How long does training LongCache take?"


def come_to_batches(page: Page) -> None:
    page.get_by_role("tab", name="Batch").click()
    expect(page.locator("#standing")).to_be_visible()


def upload(page: Page, file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    page.locator("#batches input[type=file]").set_input_files(file)


def downloaded(page: Page) -> tuple[str, list[dict[str, str]]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download answers").click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as lines:
        return download.value.suggested_filename, list(csv.DictReader(lines))


def test_a_batch_is_watched_stopped_found_again_and_gone_on_with(browser: Browser, tmp_path: Path) -> None:
    model = HeldModel(REPLY)
    with served(model, data=tmp_path) as address, opened(browser, address) as page:
        come_to_batches(page)
        expect(page.locator("#standing")).to_contain_text("Answers appear here")
        upload(page, tmp_path / "Reviews.csv", f"id,asked\n7,{MEMORY}\n8,{DECODING}\n9,{TRAINING}\n")
        expect(page.locator("#batches")).to_contain_text("3 questions. Which column holds them?")
        page.get_by_label("Column of the questions").click()
        page.get_by_role("option", name="asked").click()
        page.get_by_role("button", name="Answer these questions").click()
        stage = page.locator(".batch .stage")
        expect(stage).to_contain_text("Running: 0 of 3")
        model.let.release(1)
        expect(stage).to_contain_text("Running: 1 of 3")
        expect(page.locator(".counts .answered")).to_have_text("1 answered")
        expect(page.locator(".last tbody tr")).to_have_count(1)
        assert [row["id"] for row in downloaded(page)[1]] == ["7"]
        page.locator("#batch-actions").get_by_role("button", name="Stop").click()
        expect(stage).to_contain_text("Stops when this question is answered: 1 of 3")
        model.let.release(1)
        expect(stage).to_have_text("Stopped; what is answered is kept: 2 of 3")
        come_to(page, address)
        come_to_batches(page)
        expect(stage).to_have_text("Stopped; what is answered is kept: 2 of 3")
        page.get_by_role("button", name="Go on").click()
        model.let.release(1)
        expect(stage).to_have_text("Done: 3 of 3")
        expect(page.get_by_role("button", name="Go on")).to_have_count(0)
        name, rows = downloaded(page)
        assert name == "Reviews-answers.csv"
        assert [row["id"] for row in rows] == ["7", "8", "9"]
        assert rows[0]["answer"] == "LongCache reduces cache memory by 62%. [1]"
        assert len(model.prompts) == 3
        with opened(browser, address) as other:
            come_to_batches(other)
            expect(other.locator("#standing")).to_contain_text("Answers appear here")


def test_what_can_not_be_asked_is_told_in_one_line(browser: Browser, tmp_path: Path) -> None:
    with served(ScriptedModel(REPLY), data=tmp_path) as address, opened(browser, address) as page:
        come_to_batches(page)
        upload(page, tmp_path / "none.csv", "id,question\n")
        expect(page.locator("#batches .fault")).to_have_text(
            "none.csv holds no questions: there is no row below its header"
        )
        expect(page.get_by_role("button", name="Answer these questions")).to_have_count(0)
        page.get_by_role("button", name="Ask every paper").first.click()
        # Until it has opened there is one button of that name, and a second click would close it.
        expect(page.get_by_label("Questions, one a line")).to_be_visible()
        page.locator("#batches").get_by_role("button", name="Ask every paper").last.click()
        expect(
            page.get_by_text("write what is to be asked of every paper, one question a line")
        ).to_be_visible()


def test_every_paper_is_asked_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}}
    with served(ScriptedModel(REPLY), data=tmp_path) as address, opened(browser, address, **phone) as page:
        come_to_batches(page)
        page.get_by_role("button", name="Ask every paper").first.click()
        page.get_by_label("Questions, one a line").fill("What is costly?\nWhat is reduced?")
        page.locator("#batches").get_by_role("button", name="Ask every paper").last.click()
        expect(page.locator(".batch .stage")).to_have_text("Done: 6 of 6")
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_a_batch_is_seriously_hard_to_reach(browser: Browser, tmp_path: Path, scheme: str) -> None:
    view = {"viewport": {"width": 1400, "height": 900}, "color_scheme": scheme, "reduced_motion": "reduce"}
    with served(ScriptedModel(REPLY), data=tmp_path) as address, opened(browser, address, **view) as page:
        come_to_batches(page)
        assert serious(page) == []
        upload(page, tmp_path / "Reviews.csv", f"question\n{MEMORY}\n{TRAINING}\n")
        page.get_by_role("button", name="Answer these questions").click()
        expect(page.locator(".batch .stage")).to_have_text("Done: 2 of 2")
        assert serious(page) == []
