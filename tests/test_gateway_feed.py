"""The gateway's feed becomes facts: once each, without what the runner itself did and tells of."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.change import recent
from bot.domain.incident import Incident
from bot.domain.watching import VendorReported
from bot.gateway_client import GatewayClient
from bot.gateway_feed import GatewayFeed
from bot.incidents import Incidents
from bot.playbook import by_kind, shipped
from bot.runner import Runner
from bot.steps import step_kinds
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import ANN, BEN, EVE, INCIDENT, numbered, open_incident, prove, timeline_at
from tests.wound_clock import WoundClock


@dataclass
class Room:
    """An incident in which the rate limit is on, put there by the runner."""

    timeline: Timeline
    gateway: GatewayStandIn
    client: GatewayClient
    clock: WoundClock

    def feed(self) -> GatewayFeed:
        return GatewayFeed(self.timeline, self.client, clock=self.clock)

    async def read_all(self, feed: GatewayFeed | None = None) -> None:
        feed = feed or self.feed()
        while await feed.read():
            pass

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def news(self) -> list[e.LeaseEnded | e.GatewayReported]:
        history = await self.timeline.history(INCIDENT)
        return [event.fact for event in history if isinstance(event.fact, e.LeaseEnded | e.GatewayReported)]

    async def carry_out(self) -> None:
        self.clock.on_tick = lambda _: self.gateway.traffic(200)
        steps = by_kind(step_kinds(self.client, self.clock))
        runner = Runner(self.timeline, self.clock, playbooks=shipped(steps), steps=steps, epoch=lambda: 0)
        while await runner.advance():
            pass
        self.clock.on_tick = lambda _: None

    @property
    def incidents(self) -> Incidents:
        steps = by_kind(step_kinds(self.client, self.clock))
        return Incidents(self.timeline, self.clock, playbooks=shipped(steps), new_id=numbered("run"))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = WoundClock()
    async with (
        timeline_at(tmp_path / "mx.db", clock) as timeline,
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as client,
    ):
        made = Room(timeline, gateway, client, clock)
        await open_incident(timeline, clock)
        gateway.traffic(429)
        await made.incidents.request_run("default", "rate-limited", actor=ANN)
        await made.carry_out()
        assert [lease.id for lease in (await made.incident()).leases] == ["run-1"]
        yield made


async def test_what_the_runner_did_is_not_told_twice(room: Room) -> None:
    await room.read_all()
    assert await room.news() == []


async def test_an_expiry_ends_the_lease_once_however_often_it_is_read(room: Room) -> None:
    room.gateway.leases.clear()
    room.gateway.note("lease_expired", actor="gateway", lease="run-1", says="1 request per second ran out")
    await room.read_all()
    await room.read_all()  # another life of the bot reads the feed from its start
    (ended,) = await room.news()
    assert isinstance(ended, e.LeaseEnded)
    assert (ended.lease, ended.cause) == ("run-1", "expired")
    assert ended.says == "At the gateway: lease expired (run-1) by gateway: 1 request per second ran out"
    assert (await room.incident()).leases == ()
    assert (await room.timeline.history(INCIDENT))[-1].actor == "gateway"


async def test_changes_by_hand_are_told_with_who_made_them(room: Room) -> None:
    room.clock.wind(5)
    room.gateway.note("lease_started", actor=EVE, lease="manual", says="0.5 requests per second")
    room.gateway.note("lease_deleted", actor=EVE, lease="run-1", says="is over")
    await room.read_all()
    first, second = await room.news()
    assert isinstance(first, e.GatewayReported)
    assert first.says == f"At the gateway: lease started (manual) by {EVE}: 0.5 requests per second"
    assert isinstance(second, e.LeaseEnded)
    assert (second.lease, second.cause) == ("run-1", "deleted")
    assert (await room.incident()).leases == ()


async def test_a_lease_that_somebody_else_replaced_is_no_longer_the_runs(room: Room) -> None:
    room.gateway.note("lease_replaced", actor=EVE, lease="run-1", says="9 requests per second")
    await room.read_all()
    (ended,) = await room.news()
    assert isinstance(ended, e.LeaseEnded)
    assert ended.cause == "replaced"


async def test_an_undo_by_the_runner_is_not_told_twice(room: Room) -> None:
    await room.incidents.request_undo("default", "rate-limited", actor=BEN)
    await room.carry_out()
    assert room.gateway.log[-1]["what"] == "lease_deleted"
    await room.read_all()
    assert await room.news() == []


async def test_what_happened_before_the_incident_or_without_one_is_nobodys(room: Room) -> None:
    at = (room.clock.now() - timedelta(days=1)).isoformat()
    room.gateway.log[0] = {
        "n": 1,
        "at": at,
        "actor": EVE,
        "what": "lease_started",
        "lease": "manual",
        "says": "old",
    }
    await prove(room.timeline, room.clock)
    await room.incidents.resolve("default", actor=ANN, anyway_reason="over night")
    room.clock.wind(60)
    room.gateway.note("lease_started", actor=EVE, lease="manual", says="after the incident")
    await room.read_all()
    assert await room.news() == []


async def test_a_write_that_is_dropped_after_the_incident_stands_on_its_timeline_once(room: Room) -> None:
    await prove(room.timeline, room.clock)
    await room.incidents.resolve("default", actor=ANN, anyway_reason="over night")
    room.clock.wind(3600)
    room.gateway.note("write_dropped", actor="cli:me@here", buffer_id="mxb_7", says="ordered twice")
    await room.read_all()
    await room.read_all()  # another life of the bot reads the feed from its start
    (told,) = await room.news()
    assert isinstance(told, e.GatewayReported)
    assert told.says == "At the gateway: write dropped (mxb_7) by cli:me@here: ordered twice"


async def test_a_write_that_is_dropped_a_day_later_stands_at_the_desk_once(room: Room) -> None:
    await prove(room.timeline, room.clock)
    await room.incidents.resolve("default", actor=ANN, anyway_reason="over night")
    room.clock.wind(25 * 3600)
    room.gateway.note("write_dropped", actor="cli:me@here", buffer_id="mxb_7", says="ordered twice")
    await room.read_all()
    await room.read_all()
    assert await room.news() == []
    (told,) = await room.timeline.history(e.desk("default"))
    assert isinstance(told.fact, e.GatewayReported)
    assert (told.actor, told.fact.what) == ("cli:me@here", "write_dropped")


async def changes(room: Room, stream: str) -> list[tuple[str, str]]:
    """Who told which change at MaintainX, in the order of the timeline."""
    history = await room.timeline.history(stream)
    return [(event.actor, event.fact.says) for event in history if isinstance(event.fact, VendorReported)]


async def test_a_change_at_maintainx_stands_at_the_desk_and_on_the_open_incident_once(room: Room) -> None:
    told = ("maintainx", "user 7 revoked an API token")
    room.gateway.vendor("API_TOKEN_REVOKED", told[1], ago_s=240)
    await room.read_all()
    await room.read_all()  # another life of the bot reads the feed from its start
    assert await changes(room, e.desk("default")) == [told]
    assert await changes(room, INCIDENT) == [told]
    [change] = (await room.incident()).changes
    assert change.at == room.clock.now() - timedelta(seconds=240), "when it happened, before the incident"
    assert (change.event, change.delivery) == ("API_TOKEN_REVOKED", "mxd_1")


async def test_late_and_out_of_order_changes_keep_their_own_times(room: Room) -> None:
    room.gateway.vendor("USER_REMOVED", "user 7 removed user 9", delivery="mxd_2", ago_s=60)
    room.gateway.vendor("API_TOKEN_REVOKED", "user 7 revoked an API token", delivery="mxd_1", ago_s=900)
    room.gateway.vendor("ROLE_UPDATED", "user 7 changed role 3", delivery="mxd_0", ago_s=2 * 86400)
    await room.read_all()
    assert [says for _, says in await changes(room, INCIDENT)] == [
        "user 7 removed user 9",
        "user 7 revoked an API token",
    ], "what was changed days ago belongs to the desk alone"
    assert len(await changes(room, e.desk("default"))) == 3
    now = room.clock.now()
    book = await room.timeline.book()
    assert [one.event for one in recent(book.changes("default"), now)] == [
        "API_TOKEN_REVOKED",
        "USER_REMOVED",
    ]


async def test_without_an_open_incident_a_change_is_the_desks(room: Room) -> None:
    await prove(room.timeline, room.clock)
    await room.incidents.resolve("default", actor=ANN, anyway_reason="over night")
    room.clock.wind(60)
    room.gateway.vendor("WEBHOOK_ARCHIVED", "user 7 archived webhook 9")
    await room.read_all()
    assert await changes(room, INCIDENT) == []
    assert await changes(room, e.desk("default")) == [("maintainx", "user 7 archived webhook 9")]
    await open_incident(room.timeline, room.clock, incident="mx-20261123-0002")
    await room.read_all()  # another life of the bot: the incident that was opened since has it too, once
    await room.read_all()
    assert len(await changes(room, "mx-20261123-0002")) == 1


async def test_a_gateway_whose_file_was_replaced_has_no_leases_any_more(room: Room) -> None:
    feed = room.feed()
    await room.read_all(feed)
    room.gateway.leases.clear()
    room.gateway.log.clear()
    room.gateway.instance = "stand-in-2"
    await room.read_all(feed)
    (ended,) = await room.news()
    assert isinstance(ended, e.LeaseEnded)
    assert ended.cause == "deleted"
    assert "does not have this lease" in ended.says


async def test_a_lease_that_the_gateway_never_took_ends_with_its_time(room: Room) -> None:
    feed = room.feed()
    await room.read_all(feed)
    room.gateway.leases.clear()
    await room.read_all(feed)
    assert await room.news() == []  # its end may still be on the way
    room.clock.wind(3700)
    await room.read_all(feed)
    (ended,) = await room.news()
    assert isinstance(ended, e.LeaseEnded)
    assert ended.cause == "expired"


async def test_a_gateway_that_is_away_is_asked_again(room: Room) -> None:
    class EnoughError(Exception):
        """The test has seen what it waited for."""

    waits: list[float] = []

    def tick(seconds: float) -> None:
        waits.append(seconds)
        room.gateway.broken = None
        if len(waits) == 3:
            raise EnoughError

    room.clock.on_tick = tick
    room.gateway.broken = 503
    with pytest.raises(EnoughError):
        await room.feed().run()
    assert waits == [5.0, 2.0, 2.0]
