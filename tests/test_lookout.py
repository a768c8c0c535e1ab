"""One look at the process: the store is read and written, each reason is named, and figures stay while something is away."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.backlog import Backlog
from bot.domain.events import Draft
from bot.domain.look import Look as GatewayLook
from bot.domain.oncall import PageRequested
from bot.journal.sqlite import Database
from bot.lookout import Lookout
from bot.meter import Meter
from bot.scrub import Scrubber
from bot.supervisor import Supervisor
from bot.timeline import Timeline, schema
from bot.web.pages import families
from bot.web.state import Look
from tests.facts import NINE, assessment
from tests.wound_clock import WoundClock

PAGE = PageRequested(
    page="p-1", action="trigger", level=1, dedup="d", cause="opened", severity=Severity.SEV1, says="SEV-1"
)


class Rig:
    """A lookout over a real timeline, in a process whose loops are none."""

    def __init__(self, timeline: Timeline, clock: WoundClock) -> None:
        self.timeline = timeline
        self.clock = clock
        self.meter = Meter()
        self.missing: list[str] = []
        self.gateway: GatewayLook | None = None
        self.lookout = Lookout(
            timeline,
            self.meter,
            Supervisor(clock, scrub=str),
            clock,
            leads=lambda: True,
            missing=lambda: self.missing,
            gateway=lambda: self.gateway,
        )

    async def write(self, stream: str, *facts: e.AnyFact, minutes: float = 0) -> None:
        at = NINE + timedelta(minutes=minutes)
        await self.timeline.append(*(Draft(stream=stream, actor="mx", at=at, fact=fact) for fact in facts))

    async def values(self) -> dict[tuple[str, ...], float]:
        return of(await self.lookout.look())


def of(look: Look) -> dict[tuple[str, ...], float]:
    return {
        (family.name + sample.suffix, *sample.labels.values()): sample.value
        for family in families(look)
        for sample in family.samples()
    }


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = WoundClock(NINE)
    async with Timeline.open(tmp_path / "mx.db", clock=clock, scrub=Scrubber()) as timeline:
        yield Rig(timeline, clock)


async def test_what_the_timeline_says_is_told_and_drills_are_not(rig: Rig) -> None:
    found = e.Assessed(assessment=assessment(Severity.SEV1))
    await rig.write("mx-1", e.IncidentOpened(integration="a"), found)
    await rig.write("mx-2", e.IncidentOpened(integration="b", drill=True), found)
    await rig.write("mx-1", PAGE)
    await rig.write("mx-1", e.Acknowledged(), minutes=4)
    rig.clock.wind(600)
    values = await rig.values()
    assert values["mx_timeline_events_total",] == 6
    assert values["mx_incidents_opened_total", "SEV-1"] == 1
    assert values["mx_open_incidents", "SEV-1"] == 2
    assert values["mx_time_to_acknowledge_seconds_sum", "SEV-1"] == 240
    assert values["mx_followers_behind", "page"] == 1
    assert values["mx_followers_lag_seconds", "page"] == 600
    assert ("mx_time_to_resolve_seconds_count", "SEV-1") not in values
    await rig.write("mx-1", e.Resolved(), minutes=30)
    await rig.write("mx-1", e.Reopened(reason="back"), minutes=31)
    await rig.write("mx-1", e.Resolved(), minutes=90)
    values = await rig.values()
    assert values["mx_time_to_resolve_seconds_sum", "SEV-1"] == 1800
    assert values["mx_time_to_resolve_seconds_count", "SEV-1"] == 1
    assert values["mx_incidents_opened_total", "SEV-1"] == 1


async def test_a_store_that_takes_no_write_makes_it_unready_and_leaves_the_figures(
    rig: Rig, tmp_path: Path
) -> None:
    assert (await rig.lookout.look()).faults == ()
    async with Database.open(tmp_path / "mx.db", schema=schema()) as other, other.write():
        assert (await rig.lookout.look()).faults == (), "a write was proved a moment ago"
        rig.clock.wind(5)
        look = await rig.lookout.look()
    (fault,) = look.faults
    assert fault.startswith("the timeline's store: writing ")
    assert "held its lock" in fault
    assert "fuser" in fault, "it says what to do"
    assert of(look)["mx_ready",] == 0
    assert of(look)["mx_timeline_events_total",] == 0
    assert (await rig.lookout.look()).faults == ()


async def test_a_store_that_cannot_be_read_leaves_what_the_process_knows_itself(
    rig: Rig, tmp_path: Path
) -> None:
    rig.meter.slack_calls.add("chat.update", "ok")
    await rig.write("mx-1", e.IncidentOpened(integration="a"))
    async with Database.open(tmp_path / "mx.db", schema=schema()) as other, other.write() as tx:
        await tx.execute("DROP TRIGGER facts_are_not_deleted")
        await tx.execute("DELETE FROM facts")
    look = await rig.lookout.look()
    assert "was replaced or changed" in look.faults[0]
    values = of(look)
    assert values["mx_slack_calls_total", "chat.update", "ok"] == 1
    assert ("mx_timeline_events_total",) not in values


async def test_what_is_missing_is_named_and_an_outsider_that_is_away_is_not(rig: Rig) -> None:
    rig.gateway = GatewayLook(
        at=NINE, mode="buffering", buffer=Backlog(waiting=3, parked=1), trouble="no answer"
    )
    rig.meter.gateway_up.set(0)
    rig.meter.pages.add("1", "trigger", "failed")
    rig.meter.pings.add("failed")
    look = await rig.lookout.look()
    assert look.faults == ()
    values = of(look)
    assert values["mx_gateway_mode", "buffering"] == 1
    assert values["mx_gateway_buffered_writes", "waiting"] == 3
    assert values["mx_gateway_buffered_writes", "parked"] == 1
    assert values["mx_gateway_looked_timestamp_seconds",] == NINE.timestamp()
    assert values["mx_gateway_up",] == 0
    rig.missing = ["asking Slack who the bot is: invalid_auth"]
    assert (await rig.lookout.look()).faults == ("asking Slack who the bot is: invalid_auth",)


async def test_a_second_look_walks_what_has_moved_alone_and_counts_nothing_twice(rig: Rig) -> None:
    for number in range(20):
        found = e.Assessed(assessment=assessment(Severity.SEV2))
        await rig.write(f"mx-{number}", e.IncidentOpened(integration=f"i{number}"), found)
    first = await rig.values()
    assert first["mx_incidents_opened_total", "SEV-2"] == 20
    assert await rig.values() == first
    await rig.write("mx-3", e.NoteAdded(text="x"))
    again = await rig.values()
    assert again["mx_incidents_opened_total", "SEV-2"] == 20
