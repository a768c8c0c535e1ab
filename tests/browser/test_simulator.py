"""The flight simulator in a real browser: a whole outage by mouse, the same by keys, and Slack at its worst."""

import re

from playwright.async_api import Browser, Page, expect

from bot.demo.cockpit import page_of
from bot.demo.world import start_world
from tests.browser.flight import CARD, PATIENCE_MS, Flight, flying
from tests.browser.looking import asked_outside, no_violations


async def test_a_newcomer_flies_a_whole_outage_by_mouse(page: Page) -> None:
    async with flying(page) as flight:
        asked = asked_outside(page, flight.url)
        await page.reload()
        await no_violations(page)
        await page.get_by_role("switch", name="A job goes wild").click()
        steps = page.locator("#guide li")
        await expect(steps.nth(1)).to_have_class("done", timeout=PATIENCE_MS)

        card = await flight.triage()
        await expect(card).to_contain_text("SEV-2")
        await card.get_by_role("button", name=CARD).click()
        await expect(flight.dialog).to_contain_text("Limit the gateway to 1 request per second")
        await no_violations(page)
        await flight.dialog.get_by_role("button", name="Start it").click()
        await expect(page.locator("#traffic .mode")).to_contain_text("limited", timeout=PATIENCE_MS)
        await expect(page.locator("#traffic dt.k-429 + dd")).to_have_text("0.0", timeout=PATIENCE_MS)

        await page.get_by_role("button", name="10 times").click()
        await expect(card).to_contain_text("free of 429", timeout=PATIENCE_MS)
        await page.get_by_role("button", name="1 times").click()
        await page.get_by_role("switch", name="A job goes wild").click()
        await card.get_by_role("button", name=re.compile("^Undo")).click()
        await flight.dialog.locator("button.primary").click()
        await expect(page.locator("#traffic .mode")).to_contain_text(
            "passing everything", timeout=PATIENCE_MS
        )
        await flight.well()
        await flight.type("/mx verify")
        await flight.says("Recovery is proved")
        await flight.type("/mx resolve")
        await expect(card).to_contain_text(re.compile("resolved", re.IGNORECASE), timeout=PATIENCE_MS)
        await flight.type("/mx report")
        await expect(steps.last).to_have_class("done", timeout=PATIENCE_MS)
        await expect(page.get_by_role("heading", name="You flew one whole outage")).to_be_visible()

        await (
            page.locator("article", has=page.get_by_role("button", name="Acknowledge"))
            .or_(page.locator("article .answers"))
            .first.wait_for()
        )
        await page.locator("article .answers").first.click()
        thread = page.get_by_role("log", name="Thread")
        await thread.get_by_role("button", name="Read").first.click()
        await expect(thread.locator(".preview").first).to_contain_text("Root Cause")
        await no_violations(page)
        assert asked == []


async def test_the_same_by_keys_alone(page: Page) -> None:
    async with flying(page) as flight:
        keys = page.keyboard
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the composer")).to_be_focused()
        await keys.press("Enter")
        await expect(flight.composer).to_be_focused()
        flight.world.integration.start_storm(4.0)
        await keys.type("/mx tri")
        await expect(page.get_by_role("option", name="/mx triage")).to_be_visible()
        await keys.press("ArrowDown")
        await keys.press("Tab")
        await expect(flight.composer).to_have_value("/mx triage ")
        await keys.press("Enter")
        button = page.get_by_role("button", name=CARD)
        if not await _appears(flight):
            await flight.type("/mx triage")  # the storm had not reached the limit yet
        await expect(button).to_be_visible(timeout=PATIENCE_MS)
        await button.focus()
        await keys.press("Enter")
        await expect(flight.dialog).to_be_visible()
        await expect(flight.dialog.get_by_label("Requests per second")).to_be_focused()
        await keys.press("Escape")
        await expect(flight.dialog).to_have_count(0)
        await button.focus()
        await keys.press("Space")
        await expect(flight.dialog.get_by_label("Requests per second")).to_be_focused()
        await keys.press("ControlOrMeta+A")
        await keys.type("none")
        await keys.press("Enter")
        await expect(flight.dialog.locator(".error")).to_be_visible()
        await no_violations(page)
        await expect(flight.dialog.get_by_label("Requests per second")).to_be_focused()
        await keys.press("ControlOrMeta+A")
        await keys.type("2")
        await keys.press("Enter")
        await expect(flight.dialog).to_contain_text("Limit the gateway to 2 requests per second")
        await keys.press("Enter")  # the plan is another one now, and is shown before it is carried out
        await expect(flight.dialog).to_have_count(0, timeout=PATIENCE_MS)
        await expect(page.locator("#traffic .mode")).to_contain_text("limited", timeout=PATIENCE_MS)
        messages = page.get_by_role("log", name="Messages")
        await messages.focus()
        await keys.press("ArrowUp")
        await expect(messages.locator("article").last).to_be_focused()


async def test_slack_at_its_worst_and_a_bot_that_goes_away(page: Page, browser: Browser) -> None:
    async with flying(page) as flight:
        world = flight.world
        world.integration.start_storm(4.0)
        await expect(page.locator("#traffic dt.k-429 + dd")).to_have_text(
            re.compile("[1-9]"), timeout=PATIENCE_MS
        )
        await page.locator("summary", has_text="Slack").click()
        await page.get_by_role("switch", name="Deliveries come again").click()
        await expect(page.get_by_role("switch", name="Deliveries come again")).to_be_checked()
        card = await flight.triage()
        await expect(page.locator("article").filter(has_text=CARD)).to_have_count(1)
        await card.get_by_role("button", name=CARD).click()
        await flight.dialog.get_by_role("button", name="Start it").click()
        await expect(card.get_by_role("button", name=re.compile("^Undo"))).to_be_visible(timeout=PATIENCE_MS)
        await page.get_by_role("button", name="Mend everything").click()

        # Somebody else's client still shows the card as it was: that button is a stale one.
        first = next(one for one in world.slack.messages(world.channel) if "SEV-2" in one.text)
        shown = next(index for index, one in enumerate(first.versions) if CARD in str(one.blocks))
        ben = world.people["Ben"]
        other = await browser.new_page()
        await other.goto(flight.url)
        sent = await other.evaluate(
            "body => fetch('/sim/act', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
            "body: JSON.stringify(body)}).then(answer => answer.json())",
            {
                "as": ben,
                "do": "click",
                "channel": world.channel,
                "ts": first.ts,
                "action": CARD,
                "version": shown,
            },
        )
        assert sent == {"ok": True, "error": None}
        await other.get_by_label("Acting as").select_option("Ben")
        await expect(other.locator("dialog.modal")).to_contain_text(
            "changed since the card was drawn", timeout=PATIENCE_MS
        )
        await other.close()

        bot = page.locator(".process", has_text="bot")
        await bot.get_by_role("button", name="Kill").click()
        await expect(bot.locator(".state")).to_have_text("stopped")
        await flight.type("/mx status")
        await expect(page.get_by_role("alert")).to_contain_text("dispatch_failed")
        await no_violations(page)
        await bot.get_by_role("button", name="Start").click()
        await expect(bot.locator(".state")).to_have_text("running", timeout=40_000)
        await flight.type("/mx status")
        await flight.says("Emergency rate limit")


async def test_on_a_phone_and_in_the_dark(browser: Browser) -> None:
    async with start_world() as world, page_of(world) as url:
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True, is_mobile=True
        )
        page = await context.new_page()
        flight = Flight(world, page, url)
        await flight.open()
        await no_violations(page)
        wide = "() => document.documentElement.scrollWidth - window.innerWidth"
        for part in ("Faults", "Traffic", "Workspace"):
            await page.get_by_role("navigation", name="Parts").get_by_role("button", name=part).tap()
            await no_violations(page)
            assert await page.evaluate(wide) <= 0, part
        assert (
            await page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
        )
        world.maintainx.refuse()
        card = await flight.triage()
        await card.get_by_role("button", name="Acknowledge").tap()
        await expect(card).to_contain_text("Ada", timeout=PATIENCE_MS)
        assert await page.evaluate(wide) <= 0
        await page.get_by_role("button", name="mx home").tap()
        await expect(page.get_by_role("heading", name="mx home")).to_be_visible()
        await no_violations(page)
        await context.close()


async def _appears(flight: Flight) -> bool:
    try:
        await expect(flight.page.get_by_role("button", name=CARD)).to_be_visible(timeout=6_000)
    except AssertionError:
        return False
    return True
