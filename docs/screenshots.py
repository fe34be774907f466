"""Makes the pictures of the page again: `python docs/screenshots.py`, with the extra dev and chromium."""

from __future__ import annotations

from pathlib import Path

from assistant.api import default_index
from assistant.settings import Settings
from eval.paging import browser_or_default, opened, served

DOCS = Path(__file__).parent
QUESTION = "By how much does LongGen cut KV cache memory?"


def main() -> None:
    """Ask, judge the answer, look into the library, and take a picture of each."""
    settings = Settings.load()
    with (
        served(default_index(settings), settings) as address,
        opened(browser_or_default(), address) as page,
    ):
        page.locator("#ask textarea").fill(QUESTION)
        page.locator("#ask textarea").press("Enter")
        page.locator(".exchange:not(.live) .answer a.cite").first.click()
        page.locator("mark.shown").wait_for()
        page.screenshot(path=DOCS / "page-answer.png")
        page.get_by_role("button", name="Not right").click()
        page.locator(".correction").get_by_label("During inference, LongGen reduces").check()
        page.screenshot(path=DOCS / "page-gold.png")
        page.get_by_role("tab", name="Library").click()
        page.get_by_label("Search the papers").fill("token merging")
        page.locator("#library .card", has_text="Token Merging").first.wait_for()
        page.screenshot(path=DOCS / "page-library.png")


if __name__ == "__main__":
    main()
