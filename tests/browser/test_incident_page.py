"""The incident's page in a real browser: opened by its link, kept true, filtered, printed, on a phone, in the dark."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from bot.domain import events as e
from bot.domain.showing import CardPosted
from tests.browser.looking import asked_outside, no_violations
from tests.facts import INCIDENT
from tests.web.pages_scene import ANN, BEN, PagesScene, pages_scene

PATIENCE_MS = 10_000


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PagesScene]:
    async with pages_scene(tmp_path) as scene:
        await scene.story()
        yield scene


async def opened(page: Page, scene: PagesScene) -> None:
    """Open the page by its link, and wait until it is live."""
    await page.goto(scene.links.incident(INCIDENT) or "")
    await expect(page.locator("#live-says")).to_have_text("Live", timeout=PATIENCE_MS)


async def numbers(page: Page) -> list[int]:
    """The lines that can be seen, from the top."""
    found = await page.locator(".line:visible").evaluate_all("all => all.map(one => +one.dataset.number)")
    return [int(one) for one in found]


async def test_the_link_opens_the_page_and_leaves_no_key_behind(page: Page, scene: PagesScene) -> None:
    outside = asked_outside(page, scene.url)
    await opened(page, scene)
    assert page.url == f"{scene.url}/incidents/{INCIDENT}"
    assert await page.evaluate("document.cookie") == "", "no script reads the cookie"
    await expect(page).to_have_title("SEV-2: 429 on every endpoint")
    await expect(page.get_by_role("heading", level=1)).to_have_text("429 on every endpoint")
    await expect(page.locator("#timeline .line")).to_have_count(14)
    await expect(page.locator("svg.mx-picture")).to_be_visible()
    assert outside == []
    await no_violations(page)


async def test_whoever_has_no_link_is_told_what_to_type(page: Page, scene: PagesScene) -> None:
    answer = await page.goto(f"{scene.url}/incidents/{INCIDENT}")
    assert answer is not None
    assert answer.status == 403
    await expect(page.get_by_role("heading", level=1)).to_have_text("This page needs a fresh link")
    await expect(page.get_by_text("/mx status")).to_be_visible()
    await no_violations(page)


async def test_it_is_complete_without_a_script_and_its_filters_work(
    browser: Browser, scene: PagesScene
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(scene.links.incident(INCIDENT) or "")
    await expect(page.locator("#timeline .line")).to_have_count(14)
    await page.get_by_role("checkbox", name="Probes").uncheck()
    await expect(page.locator(".line:visible")).to_have_count(11)
    await context.close()


async def test_a_fact_appears_without_a_reload(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    await page.evaluate("window.sameDocument = true")
    await scene.write(e.NoteAdded(text="it is the vendor's side"), actor=BEN)
    first = page.locator("#timeline .line").first
    await expect(first).to_contain_text("it is the vendor's side", timeout=PATIENCE_MS)
    await expect(first).to_contain_text("Ben Bo")
    await expect(page.locator("#said")).to_contain_text("it is the vendor's side")
    await scene.write(e.Resolved(reason="429s stopped"), actor=ANN)
    await expect(page.locator(".top .state")).to_have_text("Resolved", timeout=PATIENCE_MS)
    await expect(page).to_have_title("Resolved, SEV-2: 429 on every endpoint")
    assert await page.evaluate("window.sameDocument") is True
    await no_violations(page)


async def test_a_restart_of_the_bot_loses_the_page_nothing(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    await page.evaluate("window.sameDocument = true")
    await scene.stop()
    await expect(page.locator("#live-says")).to_have_text("Connecting again…", timeout=PATIENCE_MS)
    await scene.write(e.NoteAdded(text="written while it was away"), actor=ANN)
    await scene.start()
    await scene.write(e.NoteAdded(text="written after that"), actor=ANN)
    await expect(page.locator("#live-says")).to_have_text("Live", timeout=PATIENCE_MS)
    await expect(page.locator("#line-16")).to_contain_text("written after that", timeout=PATIENCE_MS)
    await expect(page.locator("#line-15")).to_contain_text("written while it was away")
    assert await numbers(page) == [*range(16, 0, -1)], "each once, in order"
    assert await page.evaluate("window.sameDocument") is True


async def test_a_redaction_hides_the_line_on_the_page_that_is_open(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    await expect(page.locator("#line-6")).to_contain_text("nightly asset sync")
    await scene.write(e.Redacted(version=6, reason="a name"), actor=ANN)
    await expect(page.locator("#line-6")).to_contain_text("Redacted", timeout=PATIENCE_MS)
    assert "nightly asset sync" not in await page.content()
    assert (await numbers(page))[:2] == [15, 14]


async def test_the_filters_by_mouse_are_remembered_in_the_address(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    for name in ("Mitigations", "Pages and clocks", "Probes", "mx itself"):
        await page.get_by_role("checkbox", name=name).click()
    assert await numbers(page) == [13, 6, 5]
    await expect(page.locator("#count")).to_have_text("3 of 14 lines are shown.")
    assert page.url.endswith("#show=people")
    await page.reload()
    assert await numbers(page) == [13, 6, 5]
    await scene.write(CardPosted(channel="C0123", message="1.2"), e.Acknowledged(), actor=BEN)
    await expect(page.locator("#count")).to_have_text("4 of 16 lines are shown.", timeout=PATIENCE_MS)
    await page.get_by_role("checkbox", name="People").click()
    await expect(page.get_by_text("No line of these sorts.")).to_be_visible()
    await no_violations(page)


async def test_the_filters_by_keyboard_alone(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("To the timeline")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("checkbox", name="People")).to_be_focused()
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    assert await page.get_by_role("checkbox", name="Pages and clocks").is_checked() is False
    assert await numbers(page) == [12, 11, 10, 9, 8, 7, 2, 1]
    assert page.url.endswith("#show=mitigations,probes,mx")


async def test_on_paper_the_timeline_is_whole_from_its_beginning_and_has_no_controls(
    page: Page, scene: PagesScene
) -> None:
    await opened(page, scene)
    await page.get_by_role("checkbox", name="Probes").click()
    await page.emulate_media(media="print", color_scheme="dark")
    lines = page.locator(".line")
    tops = await lines.evaluate_all(
        "all => all.map(one => [one.getBoundingClientRect().top, +one.dataset.number])"
    )
    assert [number for _, number in sorted(tops)] == [*range(1, 15)]
    for gone in ("nav", "#filters", ".skip"):
        await expect(page.locator(gone).first).to_be_hidden()
    colors = "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    assert await page.locator("body").evaluate(colors) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    await no_violations(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_it_fits_and_can_be_read_on_a_phone_and_in_the_dark(
    page: Page, scene: PagesScene, scheme: str, width: int
) -> None:
    await scene.write(
        e.NoteAdded(text="x" * 400), e.NoteAdded(text="https://example.test/" + "y" * 300), actor=ANN
    )
    await page.set_viewport_size({"width": width, "height": 844})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await opened(page, scene)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await no_violations(page)
    await page.goto(scene.links.list() or "")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await no_violations(page)


async def test_from_the_list_to_an_incident_and_back(page: Page, scene: PagesScene) -> None:
    await page.goto(scene.links.list() or "")
    assert page.url == f"{scene.url}/incidents"
    await page.get_by_role("combobox", name="Severity").select_option("SEV-2")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_role("link", name="429 on every endpoint").click()
    await expect(page.locator("#live-says")).to_have_text("Live", timeout=PATIENCE_MS)
    await page.get_by_role("link", name="All incidents").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Incidents")


async def test_a_link_that_ends_while_the_page_is_open_is_told(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    await scene.stop()
    scene.clock.wind(8 * 86400)
    await scene.start()
    await expect(page.locator("#live-says")).to_contain_text("type /mx status in Slack", timeout=PATIENCE_MS)
    await no_violations(page)


async def test_how_far_away_a_time_is_follows_the_clock_of_mx(page: Page, scene: PagesScene) -> None:
    await opened(page, scene)
    ends = page.locator(".clock", has_text="Next mitigation ends")
    await expect(ends).to_contain_text("in 59 min")
    scene.clock.wind(600)
    await scene.write(e.NoteAdded(text="ten minutes later"))
    await expect(ends).to_contain_text("in 49 min", timeout=PATIENCE_MS)
