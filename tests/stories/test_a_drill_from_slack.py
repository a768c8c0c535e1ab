"""`/mx drill`: the bot flies a drill beside production, and nothing of it is an incident, a page or a figure there."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from tests.stories.world import World, started


@asynccontextmanager
async def plant(folder: Path) -> AsyncIterator[tuple[World, FakePagerDuty]]:
    async with FakePagerDuty.start() as pagerduty, started(folder) as world, world.gateway():
        world.env |= {"PAGERDUTY_ROUTING_KEY": ROUTING_KEY, "PAGERDUTY_EVENTS_URL": pagerduty.url}
        async with world.bot():
            yield world, pagerduty


async def told(world: World, words: str) -> str:
    """What the channel reads, once it has these words."""

    def look() -> str | None:
        texts = [world.text(one) for one in world.slack.messages(world.channel)]
        return next((text for text in texts if words in text), None)

    found = await world.slack.until(look, timeout_s=60, what=f"{words!r} in the channel")
    assert found is not None
    return found


async def test_a_drill_runs_beside_production_and_leaves_three_facts_there(tmp_path: Path) -> None:
    async with plant(tmp_path) as (world, pagerduty):
        before = await world.mx("stats")
        assert "/mx drill vendor-outage" in await world.mx("drill")
        assert "There is no drill nightmare" in await world.mx("drill nightmare")
        assert "No drill runs" in await world.mx("drill stop")
        assert "starts in a world of its own" in await world.mx("drill rate-limit")
        text = await told(world, "DRILL")
        url = re.search(r"http://127\.0\.0\.1:(\d+)/", text)
        assert url is not None
        assert f"ssh -L {url[1]}:127.0.0.1:{url[1]}" in text
        async with aiohttp.ClientSession() as web, web.get(url[0]) as page:
            assert page.status == 200
        assert "one at a time" in await world.mx("drill rate-limit")
        assert "is stopped" in await world.mx("drill stop")
        await told(world, "was stopped")
        async with asyncio.timeout(30):
            while await _listens(url[0]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        facts = [one.fact for one in await world.facts()]
        assert [
            type(one) for one in facts if isinstance(one, DrillRequested | DrillStarted | DrillFinished)
        ] == [
            DrillRequested,
            DrillStarted,
            DrillFinished,
        ]
        assert not world.cards()
        assert pagerduty.alerts == []
        assert await world.mx("stats") == before


async def _listens(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as web, web.get(url):
            return True
    except aiohttp.ClientError:
        return False


async def test_who_may_not_act_may_not_start_one(tmp_path: Path) -> None:
    async with plant(tmp_path) as (world, _):
        guest = world.slack.add_user("Guest", role="guest")
        world.slack.state.channels[world.channel].members.append(guest)
        assert "start drills" in await world.mx("drill rate-limit", user=guest)
        assert not [one for one in await world.facts() if isinstance(one.fact, DrillRequested)]
