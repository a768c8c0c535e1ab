"""Two people click the same button in Slack: one run, and the second is told who was first."""

import asyncio
from pathlib import Path

from bot.demo.maintainx import Fault
from tests.stories.world import whole

ENABLE = "Enable emergency rate limit"


async def test_two_people_click(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage")
        card = await world.card(ENABLE)
        clicks = await asyncio.gather(
            *(
                world.slack.click_stale(user, world.channel, card.ts, ENABLE, version=0)
                for user in (world.ann, world.ben)
            )
        )
        assert [click.error for click in clicks] == [None, None]
        (run,) = [run for run in (await world.incident()).runs if run.mode == "apply"]
        first = run.requested_by.removeprefix("slack:")
        second = world.ben if first == world.ann else world.ann
        assert f"@{first} started it at" in await world.heard("started it at", user=second)
        await world.card("On: ", f"by @{first}")
        told = [world.text(message) for message in world.slack.ephemerals(first, world.channel)]
        assert not any("started it" in text for text in told)


async def test_a_delivery_that_slack_repeats_acts_once(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        world.maintainx.break_(Fault("limited"))
        world.slack.mischief.repeat = 2
        await world.mx("triage")
        card = await world.card(ENABLE)
        await world.slack.click(world.ann, world.channel, card.ts, ENABLE)
        await world.slack.settled()
        await world.card("On: ")
        kinds = [event.fact.kind for event in await world.facts()]
        assert kinds.count("triage_requested") == 1
        assert kinds.count("run_requested") == 1
        assert kinds.count("incident_opened") == 1
        assert len(world.cards()) == 1
