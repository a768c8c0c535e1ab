"""Gaps open by themselves on a real timeline, once each, over restarts and while the gateway is away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.events import Assessed, Draft, IncidentOpened, Resolved
from bot.domain.gap import Gap
from bot.domain.integration import Integration
from bot.domain.readings import Reading
from bot.domain.watching import GapsAccepted, GapsOpened
from bot.gap_watch import GapWatch
from bot.gateway_client import GatewayClient
from bot.timeline import Timeline
from tests.domain.made import INTEGRATION, api, judged
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import INCIDENT, timeline_at, write
from tests.wound_clock import WoundClock

DOWN, UP = api("/workorders", 503, 503), api("/workorders", 200, 200)
WORKORDERS = INTEGRATION.model_copy(update={"endpoints": ("/workorders",)})


@dataclass
class Room:
    """A timeline with an incident, and a gateway whose word is a test's."""

    timeline: Timeline
    gateway: GatewayStandIn
    client: GatewayClient
    clock: WoundClock
    integrations: dict[str, Integration]

    def watch(self, *, served: str = "default") -> GapWatch:
        """A new one is what a restarted bot has."""
        return GapWatch(
            self.timeline, self.client, clock=self.clock, integrations=self.integrations, served=served
        )

    async def opened(
        self, reading: Reading, *, integration: str = "default", incident: str = INCIDENT
    ) -> None:
        opened = IncidentOpened(
            integration=integration, requested_by="slack:U1", requested_at=self.clock.now()
        )
        await write(self.timeline, self.clock, opened, incident=incident)
        await self.looks(reading, incident=incident)

    async def looks(self, reading: Reading, *, incident: str = INCIDENT) -> None:
        found = judged([reading], integration=WORKORDERS).model_copy(update={"at": self.clock.now()})
        await write(self.timeline, self.clock, Assessed(assessment=found), incident=incident)

    def sees(self, **good: datetime) -> None:
        self.gateway.last_good = {"/workorders": {name: at.isoformat() for name, at in good.items()}}

    async def facts(self, incident: str = INCIDENT) -> list[GapsOpened]:
        history = await self.timeline.history(incident)
        return [event.fact for event in history if isinstance(event.fact, GapsOpened)]

    async def gaps(self, incident: str = INCIDENT) -> tuple[Gap, ...]:
        found = (await self.timeline.book()).incident(incident)
        assert found is not None
        return found.gaps


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = WoundClock()
    async with (
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
        timeline_at(tmp_path / "mx.db", clock) as timeline,
    ):
        yield Room(timeline, gateway, client, clock, {"default": WORKORDERS})


async def test_from_the_first_failed_round_to_the_first_good_answer_and_nothing_twice(room: Room) -> None:
    good = room.clock.now() - timedelta(minutes=2)
    room.sees(**{"in": good, "out": good})
    await room.opened(DOWN)
    await room.watch().step()
    assert [(gap.direction, gap.since) for gap in await room.gaps()] == [
        ("in", good - timedelta(minutes=5)),
        ("out", good - timedelta(minutes=5)),
    ]
    await room.watch().step()  # a restart
    room.clock.wind(3000)
    await room.watch().step()
    assert len(await room.facts()) == 1

    again = room.clock.now()
    await room.looks(UP)
    room.sees(**{"in": again, "out": good})
    await room.watch().step()
    await room.watch().step()
    assert [(gap.direction, gap.until) for gap in await room.gaps()] == [("in", again), ("out", None)]
    assert len(await room.facts()) == 2


async def test_two_bots_that_look_at_once_open_it_once(room: Room) -> None:
    await room.opened(DOWN)
    [first, second] = room.watch(), room.watch()
    await first.step()
    await second.step()
    assert len(await room.facts()) == 1


async def test_a_gateway_that_is_away_keeps_no_gap_waiting_and_widens_it_later(room: Room) -> None:
    room.gateway.broken = 503
    await room.opened(DOWN)
    await room.watch().step()
    [only] = await room.gaps()
    assert "the gateway knows of no good answer before it" in only.says
    room.gateway.broken = None
    room.sees(**{"in": room.clock.now() - timedelta(hours=1)})
    await room.watch().step()
    [wider] = await room.gaps()
    assert (wider.id, wider.since) == (only.id, only.since - timedelta(hours=1))
    await room.watch().step()
    assert len(await room.facts()) == 2


async def test_the_gateway_is_evidence_for_the_integration_that_it_serves_alone(room: Room) -> None:
    room.integrations["other"] = WORKORDERS.model_copy(update={"name": "other"})
    room.sees(**{"in": room.clock.now() + timedelta(seconds=1)})  # it comes, for the one that is served
    await room.opened(DOWN)
    await room.opened(DOWN, integration="other", incident="mx-20261123-0002")
    await room.watch().step()
    assert await room.gaps() == ()
    assert len(await room.gaps("mx-20261123-0002")) == 1


async def test_what_is_over_unknown_or_accepted_is_left_alone(room: Room) -> None:
    await room.opened(DOWN)
    await room.watch().step()
    [only] = await room.gaps()
    await write(room.timeline, room.clock, GapsAccepted(gaps=(only.id,), reason="by hand"), actor="slack:U1")
    await room.watch().step()
    assert await room.gaps() == ()
    await write(room.timeline, room.clock, Resolved())
    await room.opened(DOWN, integration="gone", incident="mx-20261123-0002")
    asked = len(room.gateway.calls)
    await room.watch().step()
    assert await room.gaps("mx-20261123-0002") == ()
    assert len(room.gateway.calls) == asked, "where nothing may be missing the gateway is not asked"


async def test_a_fact_that_comes_between_is_looked_at_first(room: Room) -> None:
    """While the gateway is asked, somebody accepts the gap: what was decided on the older state is not written."""
    await room.opened(DOWN)
    await room.watch().step()
    [only] = await room.gaps()
    accepted = Draft(
        stream=INCIDENT,
        actor="slack:U1",
        at=room.clock.now(),
        fact=GapsAccepted(gaps=(only.id,), reason="by hand"),
    )

    class Slow:
        """A gateway that answers late."""

        def __getattr__(self, name: str) -> object:
            return getattr(room.client, name)

        async def status(self, *, window_s: float | None = None) -> object:
            await room.timeline.append(accepted)
            return await room.client.status(window_s=window_s)

    room.sees(**{"in": room.clock.now() - timedelta(hours=1)})
    slow: GatewayClient = Slow()  # type: ignore[assignment] # it passes everything else on
    await GapWatch(
        room.timeline, slow, clock=room.clock, integrations=room.integrations, served="default"
    ).step()
    assert await room.gaps() == ()
    assert len(await room.facts()) == 1


async def test_a_restart_knows_since_when_each_collection_fails(tmp_path: Path) -> None:
    """Of older assessments the readings are passed over at a start; how each collection answered is not."""
    clock = WoundClock()
    began = clock.now()

    async def looks(timeline: Timeline, *readings: Reading) -> None:
        found = judged(list(readings)).model_copy(update={"at": clock.now()})
        await write(timeline, clock, Assessed(assessment=found))
        clock.wind(600)

    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await write(timeline, clock, IncidentOpened(integration="default"))
        await looks(timeline, UP, api("/assets", 500))
        await looks(timeline, DOWN, api("/assets", 500))
        await looks(timeline, DOWN, api("/assets", 200))
        before = (await timeline.book()).incidents()[0].seen
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        after = (await timeline.book()).incidents()[0].seen
    assert before == after
    assert after["/workorders"] == (began, began + timedelta(seconds=600), False)
    assert after["/assets"].bad_since is None
