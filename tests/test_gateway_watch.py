"""The look at the gateway: taken while somebody may want to know, kept in memory, honest about a gateway that is away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.events import Resolved
from bot.gateway_client import GatewayClient
from bot.gateway_watch import EVERY_S, Watch
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import ANN, open_incident, timeline_at, write
from tests.wound_clock import WoundClock


class EnoughError(Exception):
    """The test has seen what it waited for."""


@dataclass
class Room:
    """A timeline without an incident, and a gateway."""

    timeline: Timeline
    gateway: GatewayStandIn
    clock: WoundClock
    watch: Watch

    async def follow(self, seconds: float) -> None:
        """Let the follower run for so long."""
        end = self.clock.now() + timedelta(seconds=seconds)

        def tick(_: float) -> None:
            if self.clock.now() >= end:
                raise EnoughError

        self.clock.on_tick = tick
        with pytest.raises(EnoughError):
            await self.watch.follow()

    def asked(self, what: str) -> int:
        return sum(call.startswith(what) for call in self.gateway.calls)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = WoundClock()
    async with (
        timeline_at(tmp_path / "mx.db", clock) as timeline,
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        yield Room(timeline, gateway, clock, Watch(timeline, client, clock=clock, integration="default"))


async def test_it_looks_while_an_incident_is_open_and_else_not_at_all(room: Room) -> None:
    await room.follow(20)
    assert room.gateway.calls == []
    await open_incident(room.timeline, room.clock)
    await room.follow(20)
    assert room.asked("GET /-/status") == 20 / EVERY_S
    await write(room.timeline, room.clock, Resolved(reason="over"), actor=ANN)
    room.gateway.calls.clear()
    await room.follow(20)
    assert room.gateway.calls == []


async def test_the_gateway_of_one_integration_is_shown_for_no_other(room: Room) -> None:
    await room.watch.refresh()
    assert room.watch.latest("default") is not None
    assert room.watch.latest("west") is None
    assert await room.watch.fresh("west", within_s=1) is None


async def test_the_first_parked_ones_are_seen_and_those_that_can_be_looked_for_are_not(room: Room) -> None:
    room.gateway.buffer.take(2, state="unknown", parked=False)
    parked = room.gateway.buffer.take(5, state="unknown")
    look = await room.watch.refresh()
    assert [one.buffer_id for one in look.parked] == parked[:3]
    assert look.buffer.parked == 5


async def test_the_dry_run_is_asked_anew_when_more_waits_and_not_at_every_look(room: Room) -> None:
    room.gateway.buffer.take(137)
    looks = [await room.watch.refresh() for _ in range(5)]
    assert looks[-1].planned == "137 writes, oldest 12:00 UTC, about 3 minutes at 40 a minute"
    assert room.asked("POST /-/replay") == 1
    room.gateway.buffer.take(1)
    assert (await room.watch.refresh()).planned.startswith("138 writes")
    assert [event["what"] for event in room.gateway.log] == []


async def test_a_gateway_that_goes_away_leaves_the_last_look_with_its_time_and_the_trouble(
    room: Room,
) -> None:
    room.gateway.buffer.take(3)
    seen = await room.watch.refresh()
    room.clock.wind(60)
    room.gateway.broken = 503
    away = await room.watch.refresh()
    assert (away.at, away.buffer) == (seen.at, seen.buffer)
    assert "it answered 503" in away.trouble
    room.gateway.broken = None
    assert (await room.watch.refresh()).trouble == ""


async def test_an_asker_waits_only_so_long_and_an_old_look_refuses_nobody(room: Room) -> None:
    await room.watch.refresh()
    assert room.watch.recent("default") is not None
    room.clock.wind(6)
    assert room.watch.recent("default") is None
    room.gateway.hold_answer_of = "GET"
    look = await room.watch.fresh("default", within_s=0.2)
    assert look is not None
    assert look.trouble == "the gateway did not answer within 0.2 s"
