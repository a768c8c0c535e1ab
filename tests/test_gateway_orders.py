"""What people asked of the gateway is carried out once, whatever dies in between, and always answered."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.order import GatewayAnswered
from bot.errors import Conflict
from bot.gateway_client import GatewayClient
from bot.gateway_feed import GatewayFeed
from bot.gateway_orders import Orders
from bot.ordering import Ordering
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at
from tests.wound_clock import WoundClock


@dataclass
class Room:
    """An open incident, and a gateway that holds writes."""

    timeline: Timeline
    gateway: GatewayStandIn
    client: GatewayClient
    clock: WoundClock
    refreshed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ask = Ordering(self.timeline, self.clock, new_id=numbered("order"))

    def orders(self) -> Orders:
        async def after() -> None:
            self.refreshed.append("now")

        return Orders(self.timeline, self.client, clock=self.clock, epoch=lambda: 0, after=after)

    async def carry_out(self) -> list[tuple[bool, str]]:
        orders = self.orders()
        while await orders.advance():
            pass
        return await self.answers()

    async def answers(self) -> list[tuple[bool, str]]:
        history = await self.timeline.history(INCIDENT)
        return [(f.ok, f.says) for event in history if isinstance(f := event.fact, GatewayAnswered)]

    def asked(self, method: str) -> int:
        return sum(call.startswith(method) for call in self.gateway.calls)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = WoundClock()
    async with (
        timeline_at(tmp_path / "mx.db", clock) as timeline,
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        await open_incident(timeline, clock)
        yield Room(timeline, gateway, client, clock)


async def test_a_replay_is_started_held_gone_on_with_and_given_up(room: Room) -> None:
    room.gateway.buffer.take(3)
    for action, says in (
        ("start", "The replay is running: 0 of 3 done: 3 left, 40 a minute, about 4 s to go."),
        ("pause", "The replay is held: 0 of 3 done: 3 left."),
        ("resume", "The replay goes on: 0 of 3 done: 3 left, 40 a minute, about 4 s to go."),
        ("cancel", "The replay is given up: 0 of 3 done: 3 left."),
    ):
        await room.ask.replay("default", action, actor=ANN)  # type: ignore[arg-type] # one of the four
        assert (await room.carry_out())[-1] == (True, says)
    assert [event["actor"] for event in room.gateway.log] == [ANN] * 4
    assert len(room.refreshed) == 4


async def test_an_order_whose_end_was_not_written_down_is_settled_by_looking(room: Room) -> None:
    room.gateway.buffer.take(3)
    await room.ask.replay("default", "start", actor=ANN)
    # It was carried out, and the process died before the answer's fact.
    await room.client.control_replay("start", owner=ANN, reason="r")
    assert await room.carry_out() == [
        (
            True,
            f"The replay is running already, started by {ANN}: 0 of 3 done: 3 left, 40 a minute, about 4 s to go.",
        )
    ]
    assert [event["what"] for event in room.gateway.log] == ["replay_started"]


async def test_a_lost_answer_is_settled_by_looking(room: Room) -> None:
    room.gateway.buffer.take(3)
    await room.ask.replay("default", "start", actor=ANN)
    room.gateway.drop_answer_of = "POST"
    ((ok, says),) = await room.carry_out()
    assert (ok, "running already" in says) == (True, True)
    assert room.asked("POST /-/replay") == 1


async def test_a_write_is_sent_again_once_even_where_its_fate_is_unknown_again(room: Room) -> None:
    (write,) = room.gateway.buffer.take(state="unknown")
    room.clock.wind(10)
    await room.ask.decide("default", write, "resend", actor=ANN)
    room.clock.wind(5)
    # It was sent again and broke off again, and the process died before the answer's fact.
    room.gateway.buffer.writes[write] |= {"sent_at": room.clock.now().isoformat(), "attempts": 2}
    ((ok, says),) = await room.carry_out()
    assert (ok, says) == (
        True,
        f"{write} (PATCH /v1/workorders/1 of 12:00 UTC) was sent again at 12:00 UTC; its fate is unknown again.",
    )
    assert room.asked("POST") == 0


async def test_the_second_decision_on_a_write_changes_nothing_and_says_who_was_first(room: Room) -> None:
    (write,) = room.gateway.buffer.take(state="unknown")
    await room.ask.decide("default", write, "resend", actor=ANN)
    await room.carry_out()
    await room.ask.decide("default", write, "arrived", actor=BEN)
    first, second = await room.carry_out()
    assert first[0]
    assert second == (
        False,
        f"{write} (PATCH /v1/workorders/1 of 12:00 UTC) is waiting already: {ANN} had it sent again at 12:00 UTC.",
    )
    assert room.asked("POST") == 1


async def test_an_old_order_of_a_process_that_is_gone_is_not_carried_out(room: Room) -> None:
    room.gateway.buffer.take(3)
    await room.ask.replay("default", "start", actor=ANN)
    room.clock.wind(120)
    ((ok, says),) = await room.carry_out()
    assert not ok
    assert says.startswith("mx was away when this was asked for at 12:00 UTC")
    assert room.gateway.log == []


async def test_a_gateway_that_is_away_is_asked_a_few_times_and_then_told(room: Room) -> None:
    await room.ask.replay("default", "start", actor=ANN)
    room.gateway.broken = 503
    ((ok, says),) = await room.carry_out()
    assert not ok
    assert "it answered 503" in says
    assert room.asked("GET /-/replay") == 3


async def test_a_refusal_of_the_gateway_is_the_answer(room: Room) -> None:
    room.gateway.buffer.take(1)
    room.gateway.buffer.refuses = "no MaintainX key is configured; set MAINTAINX_API_KEY"
    await room.ask.replay("default", "start", actor=ANN)
    await room.ask.decide("default", "mxb_none", "arrived", actor=ANN)
    (_, no_key), (_, no_write) = await room.carry_out()
    assert "no MaintainX key is configured" in no_key
    assert "there is no such write in the buffer" in no_write


async def test_a_process_that_leads_no_longer_does_nothing(room: Room) -> None:
    room.gateway.buffer.take(1)
    await room.ask.replay("default", "start", actor=ANN)
    await room.timeline.next_epoch()
    with pytest.raises(Conflict, match="another process of mx leads now"):
        await room.orders().advance()
    assert room.gateway.calls == []


async def test_the_feed_does_not_tell_again_what_the_order_tells(room: Room) -> None:
    (parked,) = room.gateway.buffer.take(state="unknown")
    room.gateway.buffer.take(1)
    await room.ask.replay("default", "start", actor=ANN)
    await room.ask.decide("default", parked, "arrived", actor=BEN)
    await room.carry_out()
    room.gateway.buffer.deliver(1)
    await room.client.decide("mxb_0002", "drop", owner="cli:me@here", reason="not wanted")
    feed = GatewayFeed(room.timeline, room.client, clock=room.clock)
    while await feed.read():
        pass
    history = await room.timeline.history(INCIDENT)
    told = [event.fact.what for event in history if isinstance(event.fact, e.GatewayReported)]
    assert told == ["replay_finished", "write_dropped"]
