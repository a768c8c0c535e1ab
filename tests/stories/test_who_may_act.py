"""Named responders act and everybody else is told who can; the group changes, Slack goes away, and nobody is pinged."""

from pathlib import Path

from bot.demo.maintainx import Fault
from bot.demo.slack.pings import notifications
from bot.domain.events import RunRequested
from tests.stories.world import World, configure, started

ENABLE = "Enable emergency rate limit"


def name_the_group(world: World) -> str:
    """Ben is on call, and whoever is on call responds."""
    group = world.slack.add_group("on-call", [world.ben])
    configure(world.folder, bot=f'online_urls = []\nresponders = ["{group}"]')
    return group


async def requested(world: World) -> list[str]:
    return [event.actor for event in await world.facts() if isinstance(event.fact, RunRequested)]


async def test_the_group_on_call_responds_until_it_changes_hands(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        group = name_the_group(world)
        world.maintainx.break_(Fault("limited"))
        async with world.bot():
            await world.mx("triage")
            card = await world.card(ENABLE, without=("may act",))
            said = await world.mx("run rate-limited")
            assert said.startswith("Only responders may run playbooks: the group On-Call.")
            await world.slack.click(world.ann, world.channel, card.ts, ENABLE)
            await world.heard("Only responders may run playbooks: the group On-Call.")
            assert await requested(world) == []
            world.slack.state.change_group(group, [world.ann])
            world.clock.wind(300)
            await world.press(ENABLE)
            assert await requested(world) == [f"slack:{world.ann}"]
            assert (await world.mx("stop", user=world.ben)).startswith("Only responders may stop runs")
        told = [ping for message in world.slack.state.messages for ping in notifications(message)]
        assert set(told) <= {f"<@{world.ann}>"}
