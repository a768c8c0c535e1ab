"""`/mx drill`: the bot flies a drill beside production, and nothing of it is an incident, a page or a figure there."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import Draft, desk
from bot.drills import Drills
from bot.timeline import Timeline
from tests.stories.world import QuickClock, World, started


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


async def test_a_teams_own_drill_is_started_by_its_folder(tmp_path: Path) -> None:
    """A child that tells its own arguments: the folder comes with them, wherever the database lies."""
    clock = SystemClock()
    posted: list[DrillStarted | DrillFinished] = []

    async def tell(_channel: str | None, fact: DrillStarted | DrillFinished) -> None:
        posted.append(fact)

    script = "import json, sys; print(json.dumps({'event': 'finished', 'ended': 'time', 'says': ' '.join(sys.argv)}))"
    async with Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str) as timeline:
        wanted = DrillRequested(request="d-1", integration="default", drill="night-shift")
        await timeline.append(Draft(stream=desk("default"), actor="slack:U1", at=clock.now(), fact=wanted))
        drills = Drills(
            timeline,
            clock,
            tell=tell,
            folder=tmp_path,
            own=tmp_path / "own",
            command=(sys.executable, "-c", script),
        )
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            loop = group.create_task(drills.follow())
            while not posted:  # noqa: ASYNC110 - the fold is looked at
                await asyncio.sleep(0.02)
            loop.cancel()
    assert posted[0].says.endswith(f"night-shift --events --own {tmp_path / 'own'}")


async def test_who_may_not_act_may_not_start_one(tmp_path: Path) -> None:
    async with plant(tmp_path) as (world, _):
        guest = world.slack.add_user("Guest", role="guest")
        world.slack.state.channels[world.channel].members.append(guest)
        assert "start drills" in await world.mx("drill rate-limit", user=guest)
        assert not [one for one in await world.facts() if isinstance(one.fact, DrillRequested)]


STARTED = {"event": "started", "url": "http://127.0.0.1:1/"}
FINISHED = {"event": "finished", "ended": "time", "score": 40, "says": "40", "lines": ["a"]}


async def test_a_drill_whose_process_cannot_be_started_is_told_as_failed(tmp_path: Path) -> None:
    clock = SystemClock()
    posted: list[DrillStarted | DrillFinished] = []

    async def tell(_channel: str | None, fact: DrillStarted | DrillFinished) -> None:
        posted.append(fact)

    async with Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str) as timeline:
        wanted = DrillRequested(request="d-1", integration="default", drill="rate-limit")
        await timeline.append(Draft(stream=desk("default"), actor="slack:U1", at=clock.now(), fact=wanted))
        drills = Drills(timeline, clock, tell=tell, folder=tmp_path, command=("/nowhere/python",))
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            loop = group.create_task(drills.follow())
            while not posted:  # noqa: ASYNC110 - the follower tells when it is over
                await asyncio.sleep(0.02)
            loop.cancel()
    assert [
        (one.outcome, "No such file" in one.says) for one in posted if isinstance(one, DrillFinished)
    ] == [("failed", True)]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("import sys; sys.exit(3)", "failed"),
        ("print('not JSON', flush=True)", "failed"),
        (f"import json; print(json.dumps({STARTED})); print(json.dumps({FINISHED}))", "done"),
    ],
    ids=["it falls", "it says nothing of use", "it ends"],
)
async def test_whatever_its_process_does_the_drill_comes_to_an_end(
    tmp_path: Path, script: str, outcome: str
) -> None:
    clock = SystemClock()
    posted: list[DrillStarted | DrillFinished] = []

    async def tell(_channel: str | None, fact: DrillStarted | DrillFinished) -> None:
        posted.append(fact)

    async with Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str) as timeline:
        wanted = DrillRequested(request="d-1", integration="default", drill="rate-limit")
        await timeline.append(Draft(stream=desk("default"), actor="slack:U1", at=clock.now(), fact=wanted))
        drills = Drills(timeline, clock, tell=tell, folder=tmp_path, command=(sys.executable, "-c", script))
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            loop = group.create_task(drills.follow())
            while (await timeline.book()).pending_drills() or not posted:  # noqa: ASYNC110 - the fold is looked at
                await asyncio.sleep(0.02)
            loop.cancel()
        assert (await timeline.book()).desk("default").drill is None
    last = posted[-1]
    assert isinstance(last, DrillFinished)
    assert last.outcome == outcome


async def test_a_stopped_drill_is_given_real_time_to_tell_its_score(tmp_path: Path) -> None:
    """The bot's clock may run quicker than the drill's processes end."""
    clock = QuickClock()
    posted: list[DrillStarted | DrillFinished] = []

    async def tell(_channel: str | None, fact: DrillStarted | DrillFinished) -> None:
        posted.append(fact)

    told_last = {"event": "finished", "ended": "stopped", "says": "12 of 100 points", "score": 12}
    script = (
        f"import json, sys, time; print(json.dumps({STARTED}), flush=True); sys.stdin.read(); time.sleep(3.5); "
        f"print(json.dumps({told_last}))"
    )
    async with Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str) as timeline:
        stream = desk("default")
        wanted = DrillRequested(request="d-1", integration="default", drill="rate-limit")
        await timeline.append(Draft(stream=stream, actor="slack:U1", at=clock.now(), fact=wanted))
        drills = Drills(timeline, clock, tell=tell, folder=tmp_path, command=(sys.executable, "-c", script))
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            loop = group.create_task(drills.follow())
            while not posted:  # noqa: ASYNC110 - the follower tells that it runs
                await asyncio.sleep(0.02)
            enough = DrillFinished(
                request="d-1",
                drill="rate-limit",
                outcome="stopped",
                score=None,
                says="Drill rate-limit was stopped",
            )
            await timeline.append(Draft(stream=stream, actor="slack:U1", at=clock.now(), fact=enough))
            while len(posted) < 2:  # noqa: ASYNC110 - the follower tells when it is over
                await asyncio.sleep(0.02)
            loop.cancel()
    assert [(one.outcome, one.score) for one in posted if isinstance(one, DrillFinished)] == [("stopped", 12)]
