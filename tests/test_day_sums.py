"""The daily summaries over a real timeline: restarts, two processes at once, and where they are switched off."""

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.day_sums import DaySums
from bot.domain.notebook import DaySummed
from bot.timeline import Timeline
from tests.room import INCIDENT, open_incident, timeline_at
from tests.wound_clock import WoundClock

ZONE = ZoneInfo("UTC")


async def days(timeline: Timeline, incident: str = INCIDENT) -> list[str]:
    history = await timeline.history(incident)
    return [event.fact.day.isoformat() for event in history if isinstance(event.fact, DaySummed)]


async def test_two_processes_and_a_restart_write_one_a_day(tmp_path: Path) -> None:
    clock = WoundClock()  # Monday noon
    async with timeline_at(tmp_path / "mx.db", clock) as one, timeline_at(tmp_path / "mx.db", clock) as two:
        await open_incident(one, clock)
        both = [DaySums(each, clock, at=time(9), zone=ZONE) for each in (one, two)]
        for _ in range(3 * 24 * 4):
            clock.wind(900)
            for sums in both:
                await sums.step()
    async with timeline_at(tmp_path / "mx.db", clock) as again:
        await DaySums(again, clock, at=time(9), zone=ZONE).step()
        assert await days(again) == ["2026-11-24", "2026-11-25", "2026-11-26"]


async def test_each_open_incident_has_its_own_and_off_is_off(tmp_path: Path) -> None:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        await open_incident(timeline, clock, incident="mx-20261123-0002", integration="other")
        clock.wind(timedelta(hours=21, minutes=1).total_seconds())
        await DaySums(timeline, clock, at=None, zone=ZONE).step()
        assert await days(timeline) == []
        await DaySums(timeline, clock, at=time(9), zone=ZONE).step()
        assert await days(timeline) == await days(timeline, "mx-20261123-0002") == ["2026-11-24"]
