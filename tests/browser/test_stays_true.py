"""The simulator's page stays true to the workspace: a new simulator, deleted messages, days, files that are pages."""

from playwright.async_api import Page, expect

from bot.demo.browser.app import browser_app
from bot.demo.slack.records import Version
from bot.demo.slack.workspace import SlackWorkspace
from tests.browser.kitchen import cooking, serving
from tests.browser.looking import no_violations

DAY_S = 86_400


async def test_another_simulator_at_the_same_address_is_told_and_followed(page: Page) -> None:
    async with SlackWorkspace.start() as slack:
        slack.say(ada := slack.add_user("Ada"), slack.create_channel("incidents", [ada]), "the old world")
        async with serving(browser_app(slack)) as url:
            await page.goto(url)
            await expect(page.locator("article")).to_contain_text("the old world")
    await expect(page.locator("#link")).to_contain_text("does not answer")
    async with SlackWorkspace.start() as slack:
        slack.state.new_id("X")  # nobody here has an id that the old one knew
        slack.say(zoe := slack.add_user("Zoe"), slack.create_channel("other", [zoe]), "the new world")
        async with serving(browser_app(slack), port=int(url.rstrip("/").rpartition(":")[2])):
            await expect(page.locator("article")).to_contain_text("the new world")
            await expect(page.get_by_role("alert")).to_contain_text("started again")
            await expect(page.locator("#link")).to_be_empty()


async def test_a_page_that_was_gone_for_a_while_goes_on_where_it_was(page: Page) -> None:
    async with SlackWorkspace.start() as slack:
        channel = slack.create_channel("incidents", [ada := slack.add_user("Ada")])
        await page.route("**/sim/stream*", lambda route: route.abort())
        async with serving(browser_app(slack)) as url:
            await page.goto(url)
            await expect(page.locator("#link")).to_contain_text("does not answer")
            slack.say(ada, channel, "said meanwhile")
            await page.unroute("**/sim/stream*")
            await expect(page.locator("article")).to_contain_text("said meanwhile")
            await expect(page.locator("#link")).to_be_empty()
            await expect(page.get_by_role("alert")).to_be_empty()


async def test_the_answers_to_a_deleted_message_can_still_be_read(page: Page) -> None:
    async with cooking() as kitchen:
        slack, channel = kitchen.slack, kitchen.channel
        ada, ben = (one.id for one in slack.state.people.values() if one.role != "bot")
        head = slack.say(ada, channel, "a secret word")
        answer = slack.say(ben, channel, "an answer", thread_ts=head.ts)
        await page.goto(kitchen.url)
        await expect(page.locator("article")).to_contain_text("a secret word")
        await slack.remove(ada, channel, head.ts)
        shown = page.get_by_role("log", name="Messages").locator("article")
        await expect(shown).to_contain_text("This message was deleted.")
        assert "secret" not in await page.evaluate(
            f"() => fetch('/sim/workspace?as={ada}').then(answer => answer.text())"
        )
        await shown.get_by_role("button", name="1 reply").click()
        await expect(page.get_by_role("log", name="Thread")).to_contain_text("an answer")
        await no_violations(page)
        await slack.remove(ben, channel, answer.ts)
        await expect(shown).to_have_count(0)


async def test_each_day_has_a_line_of_its_own(page: Page) -> None:
    async with cooking() as kitchen:
        slack, now = kitchen.slack, kitchen.slack.state.now()
        slack.state.now = lambda: now
        ada = next(one.id for one in slack.state.people.values() if one.role != "bot")
        slack.say(ada, kitchen.channel, "on one day")
        slack.say(ada, kitchen.channel, "and a word more")
        slack.state.now = lambda: now + DAY_S
        slack.say(ada, kitchen.channel, "on the next")
        await page.goto(kitchen.url)
        await expect(page.locator(".day")).to_have_count(2)
        await expect(page.locator(".day + article")).to_have_count(2)
        await no_violations(page)


async def test_a_file_that_is_a_page_is_opened_without_power(page: Page) -> None:
    async with cooking() as kitchen:
        slack = kitchen.slack
        ada = next(one.id for one in slack.state.people.values() if one.role != "bot")
        content = (
            b"<!doctype html><title>Report</title><style>h1 { color: rgb(1, 2, 3) }</style><h1>What happened</h1>"
            b"<img src='/static/icon.svg' alt=''><script>document.title = 'taken over'</script>"
        )
        await slack.attach(ada, kitchen.channel, "report.html", content)
        await page.goto(kitchen.url)
        async with page.expect_popup() as opening:
            await page.get_by_role("link", name="Open").click()
        opened = await opening.value
        await expect(opened.get_by_role("heading", name="What happened")).to_have_css("color", "rgb(1, 2, 3)")
        assert await opened.title() == "Report"
        picture = opened.locator("img")
        assert await picture.evaluate("one => [one.complete, one.naturalWidth]") == [True, 0]


async def test_the_older_form_of_an_apps_message_can_be_read(page: Page) -> None:
    async with cooking() as kitchen:
        old = {
            "title": "Build 7",
            "title_link": "javascript:alert(1)",
            "text": "is *red*",
            "fields": [{"title": "Branch", "value": "main"}],
        }
        kitchen.slack.state.post(kitchen.channel, Version(text="", attachments=(old,)))
        await page.goto(kitchen.url)
        shown = page.locator(".attachment")
        await expect(shown.locator("strong", has_text="red")).to_be_visible()
        await expect(shown).to_contain_text("Branch")
        await expect(shown.get_by_text("Build 7")).not_to_have_attribute("href", "javascript:alert(1)")
