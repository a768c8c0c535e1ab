"""A day of traffic on disk: a restart forgets nothing but the last minute, and the disk's trouble costs no count."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.gateway.traffic import Traffic
from bot.gateway.traffic_store import UPGRADE, TrafficStore
from bot.journal.sqlite import Database
from tests.clock import FakeClock
from tests.wound_clock import WoundClock

HOUR, DAY = 3600, 86400


class Kept:
    """A gateway's counting as far as it has to do with the disk."""

    def __init__(self, database: Database, clock: WoundClock | FakeClock) -> None:
        self.clock = clock
        self.traffic = Traffic()
        self.trouble: list[Exception] = []
        self.store = TrafficStore(database, self.traffic, clock, on_trouble=self.trouble.append)

    def note(self, lane: str = "default", what: str = "200", *, ms: float = 15.0) -> None:
        self.traffic.note(lane, "answered", what, now=self.clock.monotonic(), ms=ms)

    async def told(self, window_s: float = HOUR) -> Any:
        return await self.store.window(window_s)


@asynccontextmanager
async def process(path: Path, clock: WoundClock | FakeClock) -> AsyncIterator[Kept]:
    async with Database.open(path, schema=UPGRADE) as database:
        kept = Kept(database, clock)
        await kept.store.load()
        yield kept


def rows(path: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as other:
        return list(other.execute("SELECT lane, kind, what, place, count FROM traffic ORDER BY at, lane"))


async def test_what_was_saved_is_in_the_windows_after_a_restart(tmp_path: Path) -> None:
    clock = WoundClock()
    async with process(tmp_path / "g.db", clock) as kept:
        for _ in range(30):  # half an hour, a request a minute
            kept.note("asset-sync", "429")
            kept.note("critical", "200", ms=900.0)
            clock.wind(60)
            await kept.store.save()
        before = await kept.told()
        kept.note("critical", "500")  # the last minute, lost with the process
    async with process(tmp_path / "g.db", clock) as kept:
        assert await kept.told() == before
        assert before["lanes"] == {"asset-sync": {"429": 30}, "critical": {"200": 30}}
        assert before["latency"]["lanes"]["critical"]["p99_ms"] > 700
        assert (await kept.told(600))["total"] == 22  # the window's first minute is in it whole
        assert kept.traffic.ever() == {}  # counters begin anew


async def test_a_day_is_told_from_the_disk_and_what_is_older_is_deleted(tmp_path: Path) -> None:
    clock = WoundClock()
    async with process(tmp_path / "g.db", clock) as kept:
        for _ in range(30):  # hours
            kept.note("nightly")
            await kept.store.save()
            clock.wind(HOUR)
        kept.note("critical")
        found = await kept.told(DAY)
        assert found["lanes"] == {"critical": {"200": 1}, "nightly": {"200": 23}}
        assert found["window_s"] == DAY
        assert found["latency"]["p50_ms"] == 15.0
        assert (await kept.told(2 * HOUR))["total"] == 2
        await kept.store.save()
        assert sum(count for *_, count in rows(tmp_path / "g.db")) == 24
        assert await kept.told(DAY) == found  # saved or not, it is counted once


async def test_it_saves_once_a_minute_and_not_where_nothing_passed(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "g.db"
    async with process(path, clock) as kept, asyncio.TaskGroup() as group:
        saving = group.create_task(kept.store.run())
        await clock.until_parked()
        kept.note()
        kept.note()
        await clock.advance(59)
        assert rows(path) == []
        for _ in range(3):
            await clock.advance(60)
            await clock.until_parked()
            assert rows(path) == [("default", "answered", "200", 6, 2)]
        saving.cancel()


async def test_a_disk_that_refuses_is_told_and_the_counts_go_along_with_the_next(tmp_path: Path) -> None:
    clock, path = WoundClock(), tmp_path / "g.db"
    async with process(path, clock) as kept:
        kept.note()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await kept.store.save()
        other.execute("ROLLBACK")
        other.close()
        assert "another process has held its lock" in str(kept.trouble[0])
        assert (await kept.told(DAY))["total"] == 1
        kept.note()
        await kept.store.save()
        assert rows(path) == [("default", "answered", "200", 6, 2)]


async def test_a_save_that_is_cancelled_counts_nothing_twice(tmp_path: Path) -> None:
    clock, path = WoundClock(), tmp_path / "g.db"
    async with process(path, clock) as kept:
        for turns in range(12):
            kept.note()
            async with asyncio.TaskGroup() as group:
                saving = group.create_task(kept.store.save())
                for _ in range(turns):
                    await asyncio.sleep(0)
                saving.cancel()
        await kept.store.save()
        assert rows(path) == [("default", "answered", "200", 6, 12)]


async def test_a_second_of_two_processes_is_added_up(tmp_path: Path) -> None:
    clock, path = WoundClock(), tmp_path / "g.db"
    for _ in range(2):
        async with process(path, clock) as kept:
            kept.note()
            await kept.store.save()
    assert rows(path) == [("default", "answered", "200", 6, 2)]
