"""The simulator's workspace in a real browser with no bot behind it: what people write, and what an app's text may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from playwright.async_api import Browser, Page, expect

from bot.demo.browser.app import browser_app
from bot.demo.slack.workspace import SlackWorkspace
from tests.browser.looking import no_violations


@asynccontextmanager
async def _workspace() -> AsyncIterator[tuple[SlackWorkspace, str, str]]:
    """A workspace of Ada and Ben, its channel, and the address of its page."""
    async with SlackWorkspace.start() as slack:
        channel = slack.create_channel("incidents", [slack.add_user("Ada"), slack.add_user("Ben")])
        runner = web.AppRunner(browser_app(slack), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield slack, channel, f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


async def test_a_message_is_answered_edited_reacted_to_and_deleted(page: Page) -> None:
    async with _workspace() as (_slack, _channel, url):
        await page.goto(url)
        composer = page.locator("#composer")
        await composer.fill("is 1 < 2 @ben?")
        await composer.press("Enter")
        said = page.get_by_role("log", name="Messages").locator("article")
        await expect(said).to_contain_text("is 1 < 2 @Ben?")
        menu = said.get_by_role("button", name="What to do with this message")
        await menu.click()
        await no_violations(page)
        await page.get_by_role("menuitem", name="Edit").click()
        field = page.get_by_role("dialog").get_by_label("Message")
        await expect(field).to_have_value("is 1 < 2 @ben?")
        await field.press("Enter")
        await expect(said).to_contain_text("is 1 < 2 @Ben?")
        await menu.click()
        await page.get_by_role("menuitem", name="React with 👀 eyes").click()
        await expect(said.get_by_role("button", name="eyes, 1: Ada")).to_have_attribute(
            "aria-pressed", "true"
        )
        await menu.click()
        await page.get_by_role("menuitem", name="Reply in thread").click()
        reply = page.locator("#reply")
        await expect(reply).to_be_focused()
        await reply.fill("yes")
        await reply.press("Enter")
        await expect(page.get_by_role("log", name="Thread").locator("article")).to_have_count(2)
        await no_violations(page)
        await page.get_by_label("Close the thread").click()
        await expect(said.get_by_role("button", name="1 reply")).to_be_visible()
        await menu.click()
        await page.get_by_role("menuitem", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(said).to_contain_text("This message was deleted.")
        await expect(menu).to_have_count(0)
        await composer.fill("and this?")
        await composer.press("Enter")
        await expect(said).to_have_count(2)
        await menu.click()
        await page.get_by_role("menuitem", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(said).to_have_count(1)


async def test_ones_own_words_are_seen_others_are_told_of_and_a_draft_stays_where_it_was_begun(
    page: Page,
) -> None:
    async with _workspace() as (slack, channel, url):
        ada, ben = (one.id for one in slack.state.people.values() if one.name in {"Ada", "Ben"})
        slack.create_channel("elsewhere", [ada, ben])
        for number in range(40):
            slack.say(ben, channel, f"line {number}")
        await page.goto(url)
        log = page.get_by_role("log", name="Messages")
        newer = page.get_by_role("button", name="New messages")
        await expect(log.locator("article").last).to_be_in_viewport()
        await log.locator("article").last.get_by_role("button", name="What to do with this message").click()
        for item in await page.get_by_role("menuitem").all():
            await item.hover(timeout=2000)  # raises where the log's edge hides it
        await page.keyboard.press("Escape")
        await log.evaluate("log => { log.scrollTop = 0 }")
        slack.say(ben, channel, "and one more")
        await expect(newer).to_be_visible()
        await no_violations(page)
        await newer.click()
        await expect(log.locator("article").last).to_be_in_viewport()
        await expect(newer).to_be_hidden()
        await log.evaluate("log => { log.scrollTop = 0 }")
        composer = page.locator("#composer")
        await composer.fill("mine")
        await composer.press("Enter")
        await expect(log.locator("article").filter(has_text="mine")).to_be_in_viewport()
        await composer.fill("/nosuch thing")
        await composer.press("Enter")
        await expect(page.get_by_role("alert")).not_to_be_empty()
        await expect(composer).to_have_value("/nosuch thing")
        await page.get_by_role("button", name="elsewhere").click()
        await expect(composer).to_have_value("")
        await page.get_by_role("button", name="incidents").click()
        await expect(composer).to_have_value("/nosuch thing")


async def test_a_reload_keeps_the_person(page: Page) -> None:
    async with _workspace() as (_slack, _channel, url):
        await page.goto(url)
        person = page.get_by_label("Acting as")
        await person.select_option("Ben")
        await page.reload()
        await expect(person.locator("option:checked")).to_have_text("Ben")


async def test_beside_a_local_time_stands_the_one_that_mx_writes(browser: Browser) -> None:
    async with _workspace() as (slack, channel, url):
        context = await browser.new_context(timezone_id="Asia/Tokyo")
        page = await context.new_page()
        ada = next(one.id for one in slack.state.people.values() if one.name == "Ada")
        slack.say(ada, channel, "morning")
        await page.goto(url)
        await expect(page.locator("article time")).to_contain_text("UTC")
        await context.close()
