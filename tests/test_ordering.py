"""Asking the gateway's buffer: one request stands, the second person is told who was first, nothing useless is written."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.backlog import ReplayProgress
from bot.domain.look import Look
from bot.domain.order import GatewayAnswered
from bot.errors import Refused
from bot.ordering import Ordering
from bot.timeline import Timeline
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at, write
from tests.wound_clock import WoundClock


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
async def timeline(tmp_path: Path, clock: WoundClock) -> AsyncIterator[Timeline]:
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        yield timeline


@pytest.fixture
def ordering(timeline: Timeline, clock: WoundClock) -> Ordering:
    return Ordering(timeline, clock, new_id=numbered("order"))


async def test_of_two_people_at_once_one_asks_and_the_other_hears_who(
    ordering: Ordering, timeline: Timeline
) -> None:
    both = await asyncio.gather(
        ordering.replay("default", "start", actor=ANN),
        ordering.replay("default", "start", actor=BEN),
        return_exceptions=True,
    )
    (refusal,) = [one for one in both if isinstance(one, Refused)]
    found = (await timeline.book()).incident(INCIDENT)
    assert found is not None
    (order,) = found.orders
    assert str(refusal).startswith(f"{order.actor} asked for the replay at 12:00 UTC")


async def test_a_repeated_delivery_asks_once(ordering: Ordering, timeline: Timeline) -> None:
    first = await ordering.decide("default", "mxb_1", "resend", actor=ANN, key="d-1")
    again = await ordering.decide("default", "mxb_1", "resend", actor=ANN, key="d-1")
    assert first.event == again.event
    assert [one.id for one in (await timeline.book()).ordering()] == [INCIDENT]


async def test_an_answered_order_no_longer_stands_in_the_way(
    ordering: Ordering, timeline: Timeline, clock: WoundClock
) -> None:
    await ordering.decide("default", "mxb_1", "resend", actor=ANN)
    await ordering.decide("default", "mxb_2", "arrived", actor=BEN)
    with pytest.raises(Refused, match=f"mxb_1: {ANN} had it sent again at 12:00 UTC"):
        await ordering.decide("default", "mxb_1", "arrived", actor=BEN)
    await write(timeline, clock, GatewayAnswered(request="order-1", ok=True, says="done"))
    await ordering.decide("default", "mxb_1", "arrived", actor=BEN)


async def test_what_a_recent_look_makes_useless_is_refused_before_it_is_written(
    ordering: Ordering, timeline: Timeline, clock: WoundClock
) -> None:
    head = (await timeline.book()).head
    running = Look(at=clock.now(), replay=ReplayProgress(state="running", total=3, left=3, by=ANN))
    with pytest.raises(Refused, match=f"running already, started by {ANN}"):
        await ordering.replay("default", "start", actor=BEN, look=running)
    with pytest.raises(Refused, match="There is no open incident for other"):
        await ordering.replay("other", "start", actor=BEN)
    assert (await timeline.book()).head == head
