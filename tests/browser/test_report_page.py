"""The report's page in a real browser: alone on a disk, in light and dark, on a phone and on paper."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.looking import asked_outside, no_violations
from tests.test_picture import lane, paged
from tests.test_report_facts import full, written


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The page of an incident with everything in it, as a file."""
    file = tmp_path / "report.html"
    file.write_text(written(paged(full(), 2, "p1"), lane(30)).html, "utf-8")
    return file.as_uri()


async def test_it_needs_nothing_beside_it_and_keeps_nobody_out(page: Page, address: str) -> None:
    outside = asked_outside(page, "file:")
    await page.goto(address)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Incident report mx-20261123-7f3a")
    await expect(page.get_by_role("img", name="mx-20261123-7f3a, default: SEV-2, resolved")).to_be_visible()
    await expect(page.locator(".blank")).to_have_count(6)
    assert outside == []
    await no_violations(page)


async def test_in_the_dark_the_picture_is_dark_too(browser: Browser, address: str) -> None:
    page = await browser.new_page(color_scheme="dark")
    await page.goto(address)
    fill = await page.locator(".mx-picture .paper").evaluate("one => getComputedStyle(one).fill")
    assert fill == "rgb(20, 23, 26)"
    await no_violations(page)


async def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, address: str) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    await page.goto(address)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await no_violations(page)


async def test_it_prints(page: Page, address: str) -> None:
    await page.goto(address)
    paper = await page.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    await page.emulate_media(media="print")
    assert await page.locator("figure svg").evaluate("one => one.getBoundingClientRect().width") > 500
