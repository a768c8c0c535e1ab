"""The checks of the pages can fail: a bad page is found out."""

import pytest
from playwright.async_api import Page

from tests.browser.looking import asked_outside, no_violations

GOOD = "<!doctype html><html lang=en><title>Good</title><main><h1>Good</h1><p>Words.</p></main></html>"
BAD = GOOD.replace("<p>", "<img src='data:,'><input><p style='color:#ccc'>")


async def test_axe_finds_nothing_on_a_good_page_and_something_on_a_bad_one(page: Page) -> None:
    await page.set_content(GOOD)
    await no_violations(page)
    await page.set_content(BAD)
    with pytest.raises(AssertionError, match="image-alt"):
        await no_violations(page)


async def test_a_page_that_asks_the_internet_is_found_out(page: Page) -> None:
    asked = asked_outside(page, "http://127.0.0.1:9")
    await page.set_content(GOOD.replace("<p>", "<img alt=x src='http://127.0.0.1:1/x.png'><p>"))
    assert asked == ["http://127.0.0.1:1/x.png"]
