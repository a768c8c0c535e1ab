"""Two people click the same button in Slack: one run, and the second is told who was first."""

import asyncio
from pathlib import Path

from bot.demo.maintainx import Fault
from bot.demo.slack.render import render_view
from tests.stories.world import whole

ENABLE = "Enable emergency rate limit"


async def test_two_people_click(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage")
        await world.card(ENABLE)
        for user in (world.ann, world.ben):
            await world.press(ENABLE, user=user, send=False)
        sent = await asyncio.gather(
            *(
                world.slack.submit_view(user, world.slack.views(user)[-1].id)
                for user in (world.ann, world.ben)
            )
        )
        assert [one.error for one in sent] == [None, None]
        (run,) = [run for run in (await world.incident()).runs if run.mode == "apply"]
        first = run.requested_by.removeprefix("slack:")
        second = world.ben if first == world.ann else world.ann
        (left,) = world.slack.views(second)
        assert f"@{first} started it at" in "\n".join(render_view(left, width=10_000))
        assert world.slack.views(first) == ()
        await world.card("On: ", f"by @{first}")


async def test_a_delivery_that_slack_repeats_acts_once(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        world.maintainx.break_(Fault("limited"))
        world.slack.mischief.repeat = 2
        await world.mx("triage")
        await world.card(ENABLE)
        await world.press(ENABLE)
        await world.slack.settled()
        await world.card("On: ")
        kinds = [event.fact.kind for event in await world.facts()]
        assert kinds.count("triage_requested") == 1
        assert kinds.count("run_requested") == 1
        assert kinds.count("incident_opened") == 1
        assert len(world.cards()) == 1
