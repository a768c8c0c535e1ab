"""What a picture needs is kept while it lasts: minute by minute, over restarts, and for good."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.events import Assessed, Draft, IncidentOpened, Resolved
from bot.domain.readings import Status
from bot.domain.swimlane import MOST_COUNTS, Counted, Stretch, joined, with_counted
from bot.gateway_client import GatewayClient
from bot.lane_keeping import LaneKeeper
from bot.lanes import Lanes
from bot.samples import Round, Sampled, Samples
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.test_report import found
from tests.wound_clock import START, WoundClock

INCIDENT = "mx-20261123-7f3a"


@dataclass(frozen=True, slots=True)
class Scene:
    """One integration, its gateway, and what is kept."""

    clock: WoundClock
    timeline: Timeline
    lanes: Lanes
    samples: Samples
    gateway: GatewayStandIn
    client: GatewayClient

    def keeper(self) -> LaneKeeper:
        """As a started leader has it."""
        return LaneKeeper(
            self.timeline, self.lanes, self.samples, self.client, clock=self.clock, served="default"
        )

    async def round(self, status: Status) -> None:
        """One round of the monitor."""
        probes = (Sampled("api", "/workorders", status, 12.0),)
        bad = status is not Status.OK
        await self.samples.add(
            Round("default", self.clock.now(), "bad" if bad else "well", None, "us", probes)
        )

    async def write(self, fact: IncidentOpened | Assessed | Resolved) -> None:
        await self.timeline.append(Draft(stream=INCIDENT, actor="mx", at=self.clock.now(), fact=fact))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = WoundClock()
    file = tmp_path / "mx.db"
    async with (
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
        Timeline.open(file, clock=clock, scrub=str) as timeline,
        Samples.open(file, clock=clock, keep_s=3600) as samples,
        Lanes.open(file) as lanes,
    ):
        yield Scene(clock, timeline, lanes, samples, gateway, client)


async def test_traffic_is_counted_once_and_lanes_go_on_over_a_restart_until_it_is_over(scene: Scene) -> None:
    await scene.write(IncidentOpened(integration="default"))
    keeper = scene.keeper()
    for minute in range(10):
        await scene.round(Status.FAILING if minute < 5 else Status.OK)
        scene.clock.wind(1)
        scene.gateway.traffic(429 if minute < 5 else 200, times=7)
        scene.clock.wind(59)
        if minute == 6:
            keeper = scene.keeper()
        await keeper.step()
    await scene.write(Resolved())
    await keeper.step()
    kept = await scene.lanes.of(INCIDENT)
    assert kept is not None
    assert kept.closed
    assert [(one.status, one.since, one.until) for one in kept.lane.stretches] == [
        (Status.FAILING, START, START + timedelta(minutes=5)),
        (Status.OK, START + timedelta(minutes=5), START + timedelta(minutes=10)),
    ]
    assert sum(one.limited for one in kept.lane.traffic) == 35
    assert sum(one.ok for one in kept.lane.traffic) == 35
    assert kept.lane.traffic[0].since == START


async def test_a_gateway_that_was_away_is_asked_for_the_missed_time_too(scene: Scene) -> None:
    await scene.write(IncidentOpened(integration="default"))
    keeper = scene.keeper()
    scene.gateway.broken = 503
    scene.clock.wind(1)
    scene.gateway.traffic(503, times=4)
    scene.clock.wind(59)
    await keeper.step()
    scene.gateway.broken = None
    scene.gateway.traffic(200, times=5)
    scene.clock.wind(60)
    await keeper.step()
    kept = await scene.lanes.of(INCIDENT)
    assert kept is not None
    (counted,) = kept.lane.traffic
    assert (counted.seconds, counted.server, counted.ok, counted.total) == (120, 4, 5, 9)


async def test_without_rounds_the_assessments_of_the_timeline_tell(scene: Scene) -> None:
    await scene.write(IncidentOpened(integration="other"))
    await scene.write(Assessed(assessment=found().model_copy(update={"at": scene.clock.now()})))
    scene.clock.wind(60)
    lane = await scene.keeper().keep((await scene.timeline.book()).incidents()[0])
    assert [(one.probe, one.target) for one in lane.stretches] == [("traffic", "gateway")]
    assert lane.traffic == ()  # another integration's requests pass that gateway


def test_too_many_counts_are_added_up_and_none_is_lost() -> None:
    counts: tuple[Counted, ...] = ()
    for minute in range(1000):
        at = START + timedelta(minutes=minute)
        counts = with_counted(counts, Counted(at, at + timedelta(minutes=1), ok=1, server=2))
    assert len(counts) <= MOST_COUNTS
    assert (sum(one.ok for one in counts), sum(one.failed for one in counts)) == (1000, 2000)
    assert all(a.until == b.since for a, b in itertools.pairwise(counts))


def test_a_stretch_too_short_for_a_rate_belongs_to_the_one_before_it() -> None:
    minute = Counted(START, START + timedelta(minutes=1), ok=60)
    blink = Counted(minute.until, minute.until + timedelta(seconds=2), ok=20)
    assert with_counted((minute,), blink) == (Counted(START, blink.until, ok=80),)


def test_what_is_seen_later_of_a_time_replaces_what_was_thought() -> None:
    thought = Stretch("api", "/users", Status.OK, START, START + timedelta(minutes=12))
    seen = Stretch(
        "api", "/users", Status.FAILING, START + timedelta(minutes=1), START + timedelta(minutes=2)
    )
    assert joined([thought], [seen]) == (thought._replace(until=seen.since), seen)
