"""A real browser: Debian's Chromium, driven by Playwright; without one a visible skip, and in CI a failure."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Where the browser is. Skips the test where there is none, which counts as a failure in CI."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        says = "no Chromium on this machine (Debian: apt-get install chromium), so no page was looked at"
        if os.environ.get("CI"):  # noqa: TID251 - the gate is told apart by its environment
            pytest.fail(says)
        pytest.skip(says)
    return found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser of this test's own, since each test has an event loop of its own."""
    path = chromium()
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield found
        finally:
            await found.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of desktop size that fails its test where the page itself met a fault."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    shown = await context.new_page()
    shown.set_default_timeout(10_000)
    faults: list[str] = []
    shown.on("pageerror", lambda error: faults.append(str(error)))
    yield shown
    await context.close()
    assert faults == [], "the page's own scripts fell"
