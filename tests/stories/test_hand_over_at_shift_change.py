"""A change of shift: a mitigation is on, the next one is given the incident with all of it, and the morning sums it up."""

from datetime import timedelta
from pathlib import Path

from bot.demo.maintainx import Fault
from bot.demo.slack.records import Message, View
from bot.demo.slack.render import render_view
from tests.stories.world import PATIENCE_S, World, configure, started

HOUR = 3600.0


def posts(world: World) -> list[Message]:
    """What the channel was told, without the card."""
    found = world.slack.messages(world.channel)
    return [one for one in found if (one.now.metadata or {}).get("event_type") == "mx_post"]


async def form(world: World, line: str, *, user: str) -> View:
    """The form behind a line of the card's three dots."""
    (card,) = world.cards()
    click = await world.slack.choose(user, world.channel, card.ts, "more", line)
    assert (click.status, click.error) == (200, None)
    return await world.slack.dialog(user)


async def send(world: World, user: str, dialog: View, values: dict[str, str]) -> None:
    """Send a form in; it closes."""
    sent = await world.slack.submit_view(user, dialog.id, values)
    assert (sent.error, dict(sent.errors), sent.view) == (None, {}, None)


async def home(world: World, user: str, *words: str) -> str:
    """This person's App Home, once it has all these words."""

    def look() -> str | None:
        view = world.slack.home(user)
        text = "\n".join(render_view(view, width=10_000)) if view else ""
        return text if all(word in text for word in words) else None

    found = await world.slack.until(look, timeout_s=PATIENCE_S, what=f"a home with {words}")
    assert found is not None
    return found


async def test_the_next_one_knows_what_is_on_and_the_morning_sums_it_up_once(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        summary = (world.clock.now() + timedelta(hours=5)).strftime("%H:%M")
        configure(tmp_path, bot=f'online_urls = []\nack_lapses_s = 0\nsummary_at = "{summary}"')
        world.maintainx.break_(Fault("limited"))
        async with world.bot():
            for person in (world.ann, world.ben):
                await world.slack.open_home(person)
                await home(world, person, "No incident is open")
            await world.mx("triage")
            await world.card("SEV-2")
            for person in (world.ann, world.ben):
                await home(world, person, "One incident is open", "Who has it: nobody yet · respond by")
            await world.slack.click_home(world.ann, "Acknowledge")
            await world.card(f"Who has it: @{world.ann}")
            await world.press("Enable emergency rate limit")
            await world.card("On: ", "Playbook rate-limited: ", without=("rate-limited: running",))
            await send(
                world, world.ann, await form(world, "Note…", user=world.ann), {"value": "ticket\n4711"}
            )

            dialog = await form(world, "Hand over…", user=world.ann)
            assert "(rate-limited), until" in "\n".join(render_view(dialog, width=10_000))
            await send(world, world.ann, dialog, {"Who has it from here?": world.ben})
            await world.card(f"Who has it: @{world.ben}")
            post = await world.until(lambda: posts(world)[-1:], "the post about it")
            said = world.text(post[0])
            assert f"@{world.ben} you have" in said
            assert "(rate-limited), until" in said
            assert f"handed over by @{world.ann}" in said
            await home(world, world.ben, f"Who has it: @{world.ben}", "Undo: Emergency rate limit", "On: ")
            heard = len(posts(world))

        world.clock.wind(5 * HOUR)
        async with world.bot():
            await world.until(
                lambda: [one for one in posts(world) if "has been open for 5 hours" in one.text],
                "the summary of the day",
            )
            told = world.text(posts(world)[-1])
            assert "Severity: SEV-2 since" in told
            assert f"@{world.ben} has it, since" in told
            assert "1 playbook run" in told
            assert "1 note, 1 hand-over" in told
            await home(world, world.ben, "open for 5 hours")

        async with world.bot():
            await world.slack.click_home(world.ben, "Severity…")
            dialog = await world.slack.dialog(world.ben)
            why = {"How bad is it?": "SEV-3", "Why? It stands in the report.": "only reports are late"}
            await send(world, world.ben, dialog, why)
            await world.card("SEV-3", "only reports are late")
            await home(world, world.ann, "SEV-3")
        kinds = [event.fact.kind for event in await world.facts()]
        assert [kinds.count(kind) for kind in ("day_summed", "handed_over", "note_added")] == [1, 1, 1]
        assert len([one for one in posts(world)[heard:] if "has been open" in one.text]) == 1
