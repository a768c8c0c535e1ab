"""App Home and a hand-over in the simulator's page, by mouse, with the real bot behind it."""

from playwright.async_api import Page, expect

from tests.browser.flight import CARD, PATIENCE_MS, flying
from tests.browser.looking import no_violations


async def test_what_is_on_is_handed_over_from_the_cards_dots_and_shows_in_app_home(page: Page) -> None:
    async with flying(page) as flight:
        await page.get_by_role("switch", name="A job goes wild").click()
        await expect(page.locator("#guide li").nth(1)).to_have_class("done", timeout=PATIENCE_MS)
        card = await flight.triage()
        await card.get_by_role("button", name=CARD).click()
        await flight.dialog.get_by_role("button", name="Start it").click()
        await expect(card).to_contain_text("On:", timeout=PATIENCE_MS)

        await card.get_by_role("button", name="More").click()
        entry = card.get_by_role("menuitem", name="Hand over…")
        await expect(entry).to_be_in_viewport(ratio=0.9)
        await entry.click()
        await expect(flight.dialog).to_contain_text("They take over:", timeout=PATIENCE_MS)
        await no_violations(page)
        people = await flight.dialog.locator("select option").all_inner_texts()
        me = await page.get_by_label("Acting as").locator("option:checked").inner_text()
        other = next(one for one in people if one.startswith("@") and one != f"@{me}")
        await flight.dialog.locator("select").select_option(label=other)
        await flight.dialog.get_by_role("button", name="Hand it over").click()
        await expect(card).to_contain_text(f"Who has it: {other}", timeout=PATIENCE_MS)
        await flight.says(f"{other} you have mx-")

        await page.get_by_role("button", name="mx home").click()
        home = page.locator(".home")
        await expect(home).to_contain_text("One incident is open", timeout=PATIENCE_MS)
        await expect(home).to_contain_text(f"Who has it: {other}")
        await expect(home).to_contain_text("On: gateway at 1 request per second")
        await no_violations(page)
        await home.get_by_role("button", name="Note…").click()
        await flight.dialog.locator("textarea").fill("The vendor calls back at 10.\nTicket 4711")
        await flight.dialog.get_by_role("button", name="Note it").click()
        await expect(flight.dialog).to_have_count(0)
        await home.get_by_role("button", name="Undo: Emergency rate limit").click()
        await expect(flight.dialog.get_by_role("button", name="Take it back")).to_be_visible(
            timeout=PATIENCE_MS
        )
