"""Makes the pictures of the page again: `python docs/screenshots.py`, with the extra dev and chromium."""

from __future__ import annotations

from pathlib import Path

from assistant.api import default_index
from assistant.settings import Settings
from eval.evaluator import Harness
from eval.paging import browser_or_default, opened, served

DOCS = Path(__file__).parent
QUESTION = "By how much does LongGen cut KV cache memory?"


def main() -> None:
    """Ask, look into the library, evaluate, and take a picture of each."""
    settings = Settings.load()
    with (
        served(default_index(settings), settings, Harness()) as address,
        opened(browser_or_default(), address, viewport={"width": 1280, "height": 800}) as page,
    ):
        page.locator("#ask textarea").fill(QUESTION)
        page.locator("#ask textarea").press("Enter")
        page.locator(".exchange:not(.live) .answer a.cite").first.click()
        page.locator("mark.shown").wait_for()
        page.screenshot(path=DOCS / "page-answer.png")
        page.get_by_role("tab", name="Library").click()
        page.locator("#library .card").first.wait_for()
        page.screenshot(path=DOCS / "page-library.png")
        page.get_by_role("tab", name="Evaluate").click()
        page.get_by_role("button", name="Evaluate").click()
        page.locator("#report table").wait_for(timeout=3_600_000)
        page.screenshot(path=DOCS / "page-evaluate.png")


if __name__ == "__main__":
    main()
