"""What axe finds wrong with the page, light, dark and on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from pages import IN_BROWSER, MEMORY, ask, opened, serious, settled
from playwright.sync_api import Browser, expect

pytestmark = IN_BROWSER

DESKTOP = {"viewport": {"width": 1400, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.mark.parametrize(
    "view",
    [{**DESKTOP, "color_scheme": "light"}, {**DESKTOP, "color_scheme": "dark"}, PHONE],
    ids=["light", "dark", "phone"],
)
def test_nothing_is_seriously_hard_to_reach(browser: Browser, address: str, view: dict[str, Any]) -> None:
    with opened(browser, address, reduced_motion="reduce", **view) as page:
        expect(page.locator(".suggestions")).to_be_visible()
        assert serious(page) == []
        ask(page, MEMORY)
        settled(page)
        ask(page, "And how long does its training take?")
        expect(page.locator(".exchange")).to_have_count(2)
        settled(page)
        page.locator(".answer a.cite").last.click()
        page.get_by_role("button", name="Edit question").click()
        assert serious(page) == []
        page.get_by_role("tab", name="Library").click()
        expect(page.locator("#library .card")).to_have_count(3)
        assert serious(page) == []
