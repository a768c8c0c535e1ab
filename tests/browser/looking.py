"""What every page is held to: axe-core finds nothing in it, and it asks nothing of the internet."""

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped] # it ships no types
from playwright.async_api import Page


async def no_violations(page: Page) -> None:
    """Fails with axe-core's own report where it finds what keeps people out."""
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def asked_outside(page: Page, own: str) -> list[str]:
    """Addresses that the page asks of others than ``own``, from this line on; ``data:`` and ``blob:`` stay inside."""
    found: list[str] = []
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((own, "data:", "blob:", "about:")) else found.append(request.url)
        ),
    )
    return found
