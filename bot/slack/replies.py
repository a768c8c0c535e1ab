"""Private answers that come later: response URLs, kept beside the timeline and never in it, for half an hour.

A response URL is a capability: whoever has it may write to the person five times. So a fact holds only its key.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from bot.journal.sqlite import Database
from bot.ports import Clock

LIFE = timedelta(minutes=29)
"""Slack takes answers for 30 minutes; the last one is left to the network."""
USES = 5

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
  key TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  uses INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shown (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
"""


class Replies:
    """The kept response URLs, and what the followers of the Slack edge have shown, in the bot's database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._fresh: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, clock: Clock) -> AsyncIterator[Self]:
        """The table in the database at ``path``. Raises StoreError."""
        async with Database.open(path, schema=_SCHEMA) as database:
            yield cls(database, clock)

    def remember(self, url: str) -> str:
        """The key under which a fact may name this response URL; ``keep`` writes it down, off the asker's path."""
        key = f"reply-{secrets.token_hex(8)}"
        self._fresh[key] = url
        return key

    async def keep(self, key: str) -> None:
        """Write a remembered response URL down, so that a restart still has it. Raises StoreError."""
        url = self._fresh.get(key)
        if url is None:
            return
        now = self._clock.now()
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM replies WHERE expires_at <= ?", (_text(now),))
            await tx.execute(
                "INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?)", (key, url, _text(now + LIFE), USES)
            )
        self._fresh.pop(key, None)

    async def take(self, key: str) -> str | None:
        """The URL for one use; None where it is used up or too old. Raises StoreError."""
        await self.keep(key)
        async with self._database.write() as tx:
            rows = await tx.read(
                "SELECT url FROM replies WHERE key = ? AND uses > 0 AND expires_at > ?",
                (key, _text(self._clock.now())),
            )
            await tx.execute("UPDATE replies SET uses = uses - 1 WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    async def shown(self, name: str) -> str | None:
        """What a follower noted under this name. Raises StoreError."""
        rows = await self._database.read("SELECT value FROM shown WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    async def all_shown(self, prefix: str) -> dict[str, str]:
        """Everything noted under names that begin so. Raises StoreError."""
        rows = await self._database.read(
            "SELECT name, value FROM shown WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)
        )
        return {str(name): str(value) for name, value in rows}

    async def note(self, name: str, value: str) -> None:
        """Note what was shown, so that a restart does not show it again. Raises StoreError."""
        async with self._database.write() as tx:
            await tx.execute("INSERT OR REPLACE INTO shown VALUES (?, ?)", (name, value))

    async def forget(self, names: Sequence[str]) -> None:
        """What was noted under these names matters no more. Raises StoreError."""
        async with self._database.write() as tx:
            for name in names:
                await tx.execute("DELETE FROM shown WHERE name = ?", (name,))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
