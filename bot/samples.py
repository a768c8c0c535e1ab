"""The samples of the monitor's rounds: a bounded table beside the timeline, for charts and for rounds in a row.

What a round brought is no fact; that an integration changed from well to bad is one. Losing this table loses charts
and the counts in a row, never an incident.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Self

from bot.domain.assessment import Severity, Verdict
from bot.domain.readings import Reading, Status
from bot.domain.watching import WatchState
from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database, Transaction
from bot.ports import Clock

ROWS = 1000
"""So many rounds of one integration are kept at most: three days at five minutes, eight hours at thirty seconds."""

PRUNE_EVERY = 50
"""An integration's old rounds are deleted with each so many new ones."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rounds (
  integration TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  severity TEXT,
  verdict TEXT NOT NULL,
  probes TEXT NOT NULL,
  rules TEXT NOT NULL,
  PRIMARY KEY (integration, at)
) WITHOUT ROWID;
"""
_LATEST = "SELECT * FROM rounds WHERE integration = ? ORDER BY at DESC LIMIT ?"
_SINCE = "SELECT * FROM rounds WHERE integration = ? AND at >= ? ORDER BY at"
_INSERT = "INSERT OR REPLACE INTO rounds"
_TOO_OLD = "DELETE FROM rounds WHERE integration = ? AND at < ?"
_TOO_MANY = """
DELETE FROM rounds WHERE integration = ?1 AND at <=
  (SELECT at FROM rounds WHERE integration = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)
"""
# Jumps from name to name along the key, instead of reading every row for the distinct ones.
_NEWEST = """
WITH RECURSIVE names(name) AS (
  SELECT min(integration) FROM rounds
  UNION ALL
  SELECT (SELECT min(integration) FROM rounds WHERE integration > name) FROM names WHERE name IS NOT NULL
)
SELECT name, (SELECT max(at) FROM rounds WHERE integration = name) FROM names WHERE name IS NOT NULL
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class Sampled(NamedTuple):
    """One probe of a round: what was asked, how it went, and its median time in milliseconds."""

    probe: str
    target: str
    status: Status
    ms: float | None


class Round(NamedTuple):
    """One round of the monitor: how the integration was, by this round alone."""

    integration: str
    at: datetime
    state: WatchState
    severity: Severity | None
    verdict: Verdict
    probes: tuple[Sampled, ...]
    rules: tuple[str, ...] = ()
    """Which rules found something, the gravest first."""


def sampled(readings: Iterable[Reading]) -> tuple[Sampled, ...]:
    """Readings without their words."""
    return tuple(Sampled(one.probe, one.target, one.status, one.ms) for one in readings)


class Samples:
    """The kept rounds, in the bot's database. Every method raises StoreError."""

    def __init__(self, database: Database, clock: Clock, *, keep_s: float, rows: int = ROWS) -> None:
        self._database = database
        self._clock = clock
        self._keep = timedelta(seconds=keep_s)
        self._rows = rows
        self._added: Counter[str] = Counter()
        self._group: GroupCommit[Round, None] = GroupCommit(self._commit)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, clock: Clock, keep_s: float, rows: int = ROWS
    ) -> "AsyncIterator[Self]":
        """The table in the database at ``path``."""
        async with Database.open(path, schema=_SCHEMA) as database:
            yield cls(database, clock, keep_s=keep_s, rows=rows)

    async def add(self, taken: Round) -> None:
        """Keep a round; rounds that end at the same time share one commit."""
        await self._group.submit(taken)

    async def newest(self) -> dict[str, datetime]:
        """When the latest kept round of each integration was."""
        return {str(name): _EPOCH + at * _TICK for name, at in await self._database.read(_NEWEST)}

    async def latest(self, integration: str, count: int) -> tuple[Round, ...]:
        """The latest rounds of an integration, newest first, at most so many."""
        return tuple(_round(*row) for row in await self._database.read(_LATEST, (integration, count)))

    async def since(self, integration: str, at: datetime) -> tuple[Round, ...]:
        """The rounds of an integration from this time on, oldest first."""
        return tuple(_round(*row) for row in await self._database.read(_SINCE, (integration, _ticks(at))))

    async def prune(self) -> None:
        """Delete what is too old of every integration, those too that are watched no longer."""
        async with self._database.write() as tx:
            for name, _ in await tx.read(_NEWEST):
                await self._prune(tx, name)

    async def _commit(self, rounds: list[Round]) -> list[Exception | None]:
        names = {one.integration for one in rounds}
        # Not Counter.update, which would add what is to be counted once.
        due = [name for name in names if self._added[name] % PRUNE_EVERY == 0]
        async with self._database.write() as tx:
            await tx.insert(_INSERT, [_row(one) for one in rounds])
            for name in due:
                await self._prune(tx, name)
        self._added.update(names)
        return [None] * len(rounds)

    async def _prune(self, tx: Transaction, name: str) -> None:
        await tx.execute(_TOO_OLD, (name, _ticks(self._clock.now() - self._keep)))
        await tx.execute(_TOO_MANY, (name, self._rows))


def _row(taken: Round) -> tuple[str | int | None, ...]:
    probes = json.dumps(taken.probes, separators=(",", ":"))
    severity = taken.severity and taken.severity.value
    return (
        taken.integration,
        _ticks(taken.at),
        taken.state,
        severity,
        taken.verdict,
        probes,
        " ".join(taken.rules),
    )


def _round(
    integration: str,
    at: int,
    state: WatchState,
    severity: str | None,
    verdict: Verdict,
    probes: str,
    rules: str,
) -> Round:
    return Round(
        integration=integration,
        at=_EPOCH + at * _TICK,
        state=state,
        severity=Severity(severity) if severity else None,
        verdict=verdict,
        probes=tuple(
            Sampled(probe, target, Status(status), ms) for probe, target, status, ms in json.loads(probes)
        ),
        rules=tuple(rules.split()),
    )


def _ticks(at: datetime) -> int:
    return (at - _EPOCH) // _TICK
