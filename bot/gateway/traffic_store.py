"""A day of traffic on disk, saved once a minute: what a restart must not forget, and what is older than an hour."""

import asyncio
from collections.abc import Callable
from itertools import groupby
from typing import cast

from pydantic import JsonValue

from bot.errors import StoreError
from bot.gateway.fates import Key, Kind
from bot.gateway.traffic import HOUR_S, Traffic
from bot.gateway.traffic_view import view
from bot.journal.ending import to_the_end
from bot.journal.sqlite import Database
from bot.ports import Clock

UPGRADE = """
CREATE TABLE IF NOT EXISTS traffic (
    at INTEGER NOT NULL,
    lane TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    place INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (at, lane, kind, what, place)
) WITHOUT ROWID;
"""
"""``at``: the Unix second by which it was counted; ``place``: the latency's among ``BOUNDS_MS``, -1 untimed."""

DAY_S = 86400
_EVERY_S = 60.0


class TrafficStore:
    """Saves what ``Traffic`` counts; nothing of it is on a request's way."""

    def __init__(
        self, database: Database, traffic: Traffic, clock: Clock, *, on_trouble: Callable[[Exception], None]
    ) -> None:
        self._database = database
        self._traffic = traffic
        self._clock = clock
        self._on_trouble = on_trouble
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Take up what was counted in the hour before the restart. Raises StoreError."""
        now, monotonic = self._unix(), self._clock.monotonic()
        rows = await self._database.read(
            "SELECT at, lane, kind, what, place, count FROM traffic WHERE at > ? AND at <= ? ORDER BY at",
            (now - HOUR_S, now),
        )
        for at, minute in groupby(rows, key=lambda row: int(row[0])):
            counts = {_key(row[1:5]): int(row[5]) for row in minute}
            self._traffic.restore(counts, at=monotonic - (now - at))

    async def run(self) -> None:
        """Save once a minute, for ever."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.save()

    async def save(self) -> None:
        """Put on disk what was counted since the last time; what the disk refuses is told and kept for the next."""
        async with self._lock:
            await to_the_end(self._save())

    async def window(self, window_s: float) -> dict[str, JsonValue]:
        """The JSON of the last ``window_s`` seconds; above an hour to the minute, and from the disk. Raises StoreError."""
        if window_s <= HOUR_S:
            return self._traffic.window(window_s, now=self._clock.monotonic())
        async with self._lock:
            counts = self._traffic.unsaved()
            rows = await self._database.read(
                "SELECT lane, kind, what, place, SUM(count) FROM traffic WHERE at > ?"
                " GROUP BY lane, kind, what, place",
                (self._unix() - window_s,),
            )
        for row in rows:
            key = _key(row[:4])
            counts[key] = counts.get(key, 0) + int(row[4])
        return view(counts, window_s)

    async def _save(self) -> None:
        now, counts = self._unix(), self._traffic.take_unsaved()
        if not counts:
            return
        try:
            async with self._database.write() as tx:
                await tx.execute("DELETE FROM traffic WHERE at <= ?", (now - DAY_S,))
                await tx.executemany(
                    "INSERT INTO traffic VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (at, lane, kind, what, place) DO UPDATE SET count = count + excluded.count",
                    [(now, *key, count) for key, count in counts.items()],
                )
        except StoreError as error:
            self._traffic.give_back(counts)
            self._on_trouble(error)

    def _unix(self) -> int:
        return int(self._clock.now().timestamp())


def _key(row: tuple[str, str, str, int]) -> Key:
    lane, kind, what, place = row
    return lane, cast(Kind, kind), what, place
