"""The clocks over a real timeline: restarts, two processes, and a person who is quicker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.clocks import Clocks
from bot.domain import events as e
from bot.domain.calendar import Calendar
from bot.domain.oncall import AckLapsed, AckReminded, ResponseReminded, SnoozeEnded
from bot.domain.reminders import Duty
from bot.domain.response import due, quiet
from bot.incidents import Incidents
from bot.timeline import Timeline
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at, write
from tests.wound_clock import WoundClock

DUTY = Duty(Calendar(ZoneInfo("UTC")), timedelta(hours=1))


class Process:
    """One life of the bot: its timeline, its clocks, and what people ask of it."""

    def __init__(self, timeline: Timeline, clock: WoundClock) -> None:
        self.timeline, self.clock = timeline, clock
        self.clocks = Clocks(timeline, clock, duty=DUTY)
        self.incidents = Incidents(
            timeline, clock, playbooks={}, new_id=numbered("id"), lapses=DUTY.lapses, zone=DUTY.zone
        )

    async def wind(self, minutes: float, *, every: float = 1.0) -> None:
        """Let so many minutes pass, with a look each so many."""
        for _ in range(round(minutes / every)):
            self.clock.wind(every * 60)
            await self.clocks.step()

    async def told(self) -> list[str]:
        """What the clocks have written so far."""
        kinds = (ResponseReminded, AckReminded, AckLapsed, SnoozeEnded)
        return [
            one.fact.stage if isinstance(one.fact, ResponseReminded) else one.fact.kind
            for one in await self.timeline.history(INCIDENT)
            if isinstance(one.fact, kinds)
        ]


@asynccontextmanager
async def process(folder: Path, clock: WoundClock) -> AsyncIterator[Process]:
    async with timeline_at(folder / "mx.db", clock) as timeline:
        yield Process(timeline, clock)


async def test_a_night_with_a_restart_between_any_two_facts_tells_each_thing_once(tmp_path: Path) -> None:
    clock = WoundClock()
    async with process(tmp_path, clock) as first:
        await open_incident(first.timeline, clock)
        await first.wind(44)
        assert await first.told() == []
        await first.wind(1)
        assert await first.told() == ["before"]
    async with process(tmp_path, clock) as second:
        await second.wind(14)
        assert await second.told() == ["before"]
        await second.wind(1)
    async with process(tmp_path, clock) as third:
        await third.wind(20)
        assert await third.told() == ["before", "missed"]
        says = (await third.incidents.acknowledge("default", actor=ANN)).says
        assert (
            says == f"You have {INCIDENT} now. It holds until 14:20 UTC, and longer with every sign of you."
        )
        await third.wind(45)
        assert (await third.told())[2:] == ["ack_reminded"]
    async with process(tmp_path, clock) as fourth:
        await fourth.wind(14)
        assert (await fourth.told())[3:] == []
        again = await fourth.incidents.acknowledge("default", actor=ANN)
        assert f"You have {INCIDENT}, since 13:20 UTC, and that is confirmed." in again.says
        assert "It holds until 15:19 UTC" in again.says
        assert again.event is not None
        await fourth.wind(44)
        assert (await fourth.told())[3:] == []
        await fourth.wind(1)
    async with process(tmp_path, clock) as fifth:
        await fifth.wind(15)
        assert (await fifth.told())[3:] == ["ack_reminded", "ack_lapsed"]
        found = (await fifth.timeline.book()).incident(INCIDENT)
        assert found is not None
        assert found.acknowledged_by is None
        assert due(found, DUTY.calendar) == clock.now() + timedelta(hours=1)


async def test_a_bot_that_was_off_over_everything_tells_the_miss_alone(tmp_path: Path) -> None:
    clock = WoundClock()
    async with process(tmp_path, clock) as first:
        await open_incident(first.timeline, clock)
    clock.wind(5 * 3600)
    async with process(tmp_path, clock) as second:
        await second.wind(3)
        assert await second.told() == ["missed"]


async def test_two_processes_that_both_think_they_lead_tell_it_once(tmp_path: Path) -> None:
    clock = WoundClock()
    async with process(tmp_path, clock) as one, process(tmp_path, clock) as other:
        await open_incident(one.timeline, clock)
        for _ in range(130):
            await one.wind(0.5, every=0.5)
            await other.clocks.step()
        assert await one.told() == ["before", "missed"]


async def test_a_person_who_is_quicker_than_the_reminder_is_not_told_that_nobody_has_it(
    tmp_path: Path,
) -> None:
    clock = WoundClock()

    class Slow(Timeline):
        """Somebody takes the incident after the clocks have looked and before they write."""

        async def append(self, *drafts: e.Draft) -> tuple[e.Event, ...]:
            if isinstance(drafts[0].fact, ResponseReminded):
                await write(other.timeline, clock, e.Acknowledged(), actor=BEN)
            return await super().append(*drafts)

    async with (
        Slow.open(tmp_path / "mx.db", clock=clock, scrub=str) as slow,
        process(tmp_path, clock) as other,
    ):
        late = Process(slow, clock)
        await open_incident(other.timeline, clock)
        await late.wind(50)
        assert await other.told() == []
        await late.wind(50)
        assert await other.told() == ["ack_reminded"]


async def test_quiet_that_ends_while_nobody_looks_is_said_once_and_whoever_has_it_is_asked_as_ever(
    tmp_path: Path,
) -> None:
    clock = WoundClock()
    async with process(tmp_path, clock) as bot:
        await open_incident(bot.timeline, clock)
        done = await bot.incidents.snooze("default", "30m", reason="on the phone", actor=ANN)
        assert done.says == (
            f"You have {INCIDENT}, and it is quiet until 12:30 UTC: no reminder and no page, unless it becomes worse "
            "than SEV-2. To end it sooner: /mx snooze off"
        )
    clock.wind(10 * 3600)
    async with process(tmp_path, clock) as after:
        await after.clocks.step()
        assert await after.told() == ["snooze_ended"]  # its own end is news enough; then it holds for an hour
        await after.wind(60)
        assert await after.told() == ["snooze_ended", "ack_reminded", "ack_lapsed"]
        found = (await after.timeline.book()).incident(INCIDENT)
        assert found is not None
        assert quiet(found, clock.now()) == ""
