"""What the picture of an incident needs, kept beside the timeline for as long as the incident is: stretches and counts.

The monitor's rounds and the gateway's counts are gone after a day or two; this is what remains of them. Losing it
loses detail in a picture, never an incident.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from bot.domain.readings import Status
from bot.domain.swimlane import Counted, Stretch, Swimlane
from bot.journal.sqlite import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lanes (
  incident TEXT PRIMARY KEY,
  looked_at REAL NOT NULL,
  closed INTEGER NOT NULL,
  stretches TEXT NOT NULL,
  traffic TEXT NOT NULL
) WITHOUT ROWID;
"""


class Kept(NamedTuple):
    """The lanes of an incident, until when they were looked at, and whether nothing more will come."""

    lane: Swimlane
    looked_at: datetime
    closed: bool


class Lanes:
    """The kept lanes, in the bot's database. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> "AsyncIterator[Self]":
        """The table in the database at ``path``."""
        async with Database.open(path, schema=_SCHEMA) as database:
            yield cls(database)

    async def of(self, incident: str) -> Kept | None:
        """What is kept of an incident."""
        rows = await self._database.read(
            "SELECT looked_at, closed, stretches, traffic FROM lanes WHERE incident = ?", (incident,)
        )
        for looked_at, closed, stretches, traffic in rows:
            lane = Swimlane(
                tuple(
                    Stretch(probe, target, Status(status), _at(since), _at(until))
                    for probe, target, status, since, until in json.loads(stretches)
                ),
                tuple(
                    Counted(_at(since), _at(until), *counts) for since, until, *counts in json.loads(traffic)
                ),
            )
            return Kept(lane, _at(looked_at), bool(closed))
        return None

    async def keep(self, incident: str, kept: Kept) -> None:
        """Keep this in place of what was kept of the incident before."""
        stretches = [
            (one.probe, one.target, one.status, one.since.timestamp(), one.until.timestamp())
            for one in kept.lane.stretches
        ]
        traffic = [(one.since.timestamp(), one.until.timestamp(), *one[2:]) for one in kept.lane.traffic]
        async with self._database.write() as tx:
            await tx.execute(
                "INSERT OR REPLACE INTO lanes VALUES (?, ?, ?, ?, ?)",
                (
                    incident,
                    kept.looked_at.timestamp(),
                    int(kept.closed),
                    json.dumps(stretches, separators=(",", ":")),
                    json.dumps(traffic, separators=(",", ":")),
                ),
            )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
