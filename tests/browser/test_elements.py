"""Every element of Block Kit in the simulator's page, pressed and filled in by a person, with a Bolt app behind it."""

import asyncio
from collections.abc import Callable

from playwright.async_api import Locator, Page, expect

from tests.browser.kitchen import Json, Kitchen, cooking
from tests.browser.looking import no_violations

QUICK_MS = 5_000


async def _heard(kitchen: Kitchen, action: str, *, look: Callable[[Json], object] = bool) -> Json:
    """What the app heard of this action last, once it did."""
    async with asyncio.timeout(5):
        while not [value for value in kitchen.values(action) if look(value)]:  # noqa: ASYNC110 - Bolt tells nobody
            await asyncio.sleep(0.05)
    return kitchen.values(action)[-1]


async def _message(page: Page, kitchen: Kitchen) -> Locator:
    """The message with everything in it."""
    await page.goto(kitchen.url)
    await page.locator("#composer").fill("/mx all")
    await page.locator("#composer").press("Enter")
    await expect(page.locator("article.ephemeral")).to_contain_text("you said all")
    found = page.locator("article").filter(has_text="Everything")
    await expect(found).to_be_visible()
    return found


def _in(place: Locator, block: str, action: str) -> Locator:
    return place.locator(f'[data-action="{block}/{action}"]')


async def _tick(control: Locator, *names: str) -> None:
    """Open a menu of several, tick these and leave it by Escape."""
    box = control.locator("..")
    async with asyncio.timeout(
        5
    ):  # the message may be drawn anew under the first click, with what was chosen before
        while not await box.get_by_label(names[0]).is_visible():
            await control.click()
    for name in names:
        await box.get_by_label(name).check()
    await control.press("Escape")


async def test_whatever_can_be_chosen_in_a_message_reaches_the_app(page: Page) -> None:
    async with cooking() as kitchen:
        message = await _message(page, kitchen)

        def control(action: str) -> Locator:
            return _in(message, "controls", action)

        await no_violations(page)
        await control("static_select").select_option("assets")
        assert (await _heard(kitchen, "static_select"))["value"] == "assets"
        await _tick(control("multi_static_select"), "Assets", "Orders")
        assert [one["value"] for one in await _heard(kitchen, "multi_static_select")] == ["assets", "orders"]
        await expect(control("multi_static_select")).to_have_text("Assets, Orders")
        await control("users_select").select_option(label="@Ben")
        assert kitchen.slack.name_of(await _heard(kitchen, "users_select")) == "Ben"
        await _tick(control("multi_users_select"), "@Ada", "@Ben")
        assert len(await _heard(kitchen, "multi_users_select")) == 2
        for kind in ("channels_select", "conversations_select"):
            await control(kind).select_option(label="#incidents")
            assert await _heard(kitchen, kind) == kitchen.channel
        for kind, typed in (("datepicker", "2026-12-01"), ("timepicker", "10:30")):
            await control(kind).fill(typed)
            assert await _heard(kitchen, kind, look=typed.__eq__) == typed
        await control("datetimepicker").fill("2026-12-01T10:30")
        assert await _heard(kitchen, "datetimepicker") > 1_700_000_000
        await control("checkboxes").get_by_label("Orders").check()
        assert [one["value"] for one in await _heard(kitchen, "checkboxes")] == ["orders"]
        await control("radio_buttons").get_by_label("Assets").check()
        assert (await _heard(kitchen, "radio_buttons"))["value"] == "assets"


async def test_menus_whose_options_the_app_brings(page: Page) -> None:
    async with cooking() as kitchen:
        message = await _message(page, kitchen)
        single = _in(message, "controls", "external_select")
        await single.fill("pump")
        await expect(message.locator('datalist option[value="Pump-found"]')).to_have_count(1)
        await single.fill("Pump-found")
        assert (await _heard(kitchen, "external_select"))["value"] == "pump-found"

        several = _in(message, "controls", "multi_external_select")
        box = several.locator("..")
        await several.click()
        for typed in ("pump", "line"):
            await box.get_by_role("textbox").fill(typed)
            await box.get_by_label(f"{typed.capitalize()}-found").check()
        await no_violations(page)
        await several.press("Escape")
        found = await _heard(kitchen, "multi_external_select")
        assert [one["value"] for one in found] == ["pump-found", "line-found"]
        await expect(several).to_have_text("Pump-found, Line-found")


async def test_buttons_ask_first_where_the_app_wants_that(page: Page) -> None:
    async with cooking() as kitchen:
        message = await _message(page, kitchen)
        danger = message.get_by_role("button", name="Danger")
        await danger.click()
        dialog = page.get_by_role("dialog", name="Sure?")
        await expect(dialog).to_contain_text("It stops the line.")
        await no_violations(page)
        await dialog.get_by_role("button", name="No").click()
        await expect(danger).to_be_focused()
        await message.get_by_role("button", name="Plain").click()
        await _heard(kitchen, "plain", look=lambda _value: True)
        assert kitchen.values("danger") == []
        await danger.click()
        await dialog.get_by_role("button", name="Stop it").click()
        await _heard(kitchen, "danger", look=lambda _value: True)
        await message.get_by_role("button", name="More").click()
        await message.get_by_role("menuitem", name="Orders").click()
        assert (await _heard(kitchen, "overflow"))["value"] == "orders"
        await expect(message.get_by_role("button", name="More")).to_be_focused()
        await expect(message.get_by_role("link", name="Linked")).to_have_attribute(
            "href", "https://example.com/"
        )


async def test_text_of_every_kind_is_shown_as_slack_shows_it(page: Page) -> None:
    async with cooking() as kitchen:
        message = await _message(page, kitchen)
        for tag, words in (
            ("strong", "bold"),
            ("em", "italic"),
            ("s", "struck"),
            ("code", "code"),
            ("blockquote", "quoted"),
        ):
            await expect(message.locator(".b-text").locator(tag).first).to_contain_text(words)
        await expect(message.locator("pre").last).to_have_text("<b>not bold</b>")
        await expect(message.locator(".b-rich li").last).to_contain_text("2026")
        await expect(message.locator(".b-markdown th").first).to_have_text("a")
        await expect(message.locator(".b-markdown td").last).to_have_text("2")
        await expect(message.get_by_text("Picture: a picture")).to_be_visible()
        await expect(message.locator(".b-text time")).to_have_css("font-size", "15px")


async def test_a_form_shows_its_faults_then_is_sent_and_the_focus_is_back(page: Page) -> None:
    async with cooking() as kitchen:
        message = await _message(page, kitchen)
        opener = message.get_by_role("button", name="Open the form")
        await opener.focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="A form")
        await expect(dialog.get_by_label("The plain text input")).to_be_focused()
        await no_violations(page)
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog.get_by_text("Please complete this required field.")).to_have_count(2)
        await no_violations(page)

        def control(action: str) -> Locator:
            return _in(dialog, f"in-{action}", action)

        await control("plain_text_input").fill("two\nlines")
        await control("number_input").fill("3")
        await control("external_select").fill("pump")
        await expect(dialog.locator('datalist option[value="Pump-found"]')).to_have_count(1)
        await control("external_select").fill("Pump-found")
        await _tick(control("multi_static_select"), "Assets")
        await control("checkboxes").get_by_label("Orders").check()
        kitchen.answer = {
            "response_action": "errors",
            "errors": {"in-number_input": "Three is too many"},
        }
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog.get_by_text("Three is too many")).to_be_visible()
        await expect(control("number_input")).to_have_attribute("aria-invalid", "true")
        await expect(control("plain_text_input")).to_have_value("two\nlines")
        kitchen.answer = None
        await control("number_input").fill("2")
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog).to_have_count(0)
        await expect(opener).to_be_focused()
        sent = (await _heard(kitchen, "submitted"))["in-number_input"]["number_input"]
        assert sent["value"] == "2"
        last = kitchen.values("submitted")[-1]
        assert last["in-plain_text_input"]["plain_text_input"]["value"] == "two\nlines"
        assert last["in-external_select"]["external_select"]["selected_option"]["value"] == "pump-found"
        many = last["in-multi_static_select"]["multi_static_select"]["selected_options"]
        assert [one["value"] for one in many] == ["assets"]
        boxes = last["in-checkboxes"]["checkboxes"]["selected_options"]
        assert [one["value"] for one in boxes] == ["orders"]


async def test_a_form_on_top_of_a_form_leaves_what_was_typed_below(page: Page) -> None:
    async with cooking() as kitchen:
        message = await _message(page, kitchen)
        await message.get_by_role("button", name="Open the form").click()
        below = page.get_by_role("dialog", name="A form")
        await below.get_by_label("The plain text input").fill("kept")
        await below.get_by_role("button", name="Deeper").click()
        above = page.get_by_role("dialog", name="Deeper")
        await expect(above).to_contain_text("on top of 1 more")
        await page.keyboard.press("Escape")
        await expect(below.get_by_label("The plain text input")).to_have_value("kept")
        await page.keyboard.press("Escape")
        await expect(below).to_have_count(0)
        await expect(message.get_by_role("button", name="Open the form")).to_be_focused()


async def test_shortcuts_of_a_message_and_of_the_whole_workspace(page: Page) -> None:
    async with cooking() as kitchen:
        ada = next(one.id for one in kitchen.slack.state.people.values() if one.name == "Ada")
        kitchen.slack.say(ada, kitchen.channel, "the pump is loud")
        await page.goto(kitchen.url)
        said = page.locator("article")
        await said.get_by_role("button", name="What to do with this message").click()
        await page.get_by_role("menuitem", name="Put on the timeline").click()
        assert await _heard(kitchen, "note") == "the pump is loud"
        await page.get_by_role("button", name="Start something new").click()
        await expect(page.get_by_role("dialog", name="New")).to_be_visible(timeout=QUICK_MS)
