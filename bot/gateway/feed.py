"""The event feed: every change at the gateway with its actor, numbered, append-only; the bot makes facts of it."""

import secrets
from datetime import datetime

from pydantic import JsonValue

from bot.journal.sqlite import Database, Transaction

FEED = """
CREATE TABLE IF NOT EXISTS feed (instance TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    lease TEXT NOT NULL,
    says TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS event_stays BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'the event feed is append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_is_kept BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'the event feed is append-only'); END;
"""

UPGRADE = """
ALTER TABLE event ADD COLUMN delivery TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN event TEXT NOT NULL DEFAULT '';
"""
"""For what MaintainX's audit webhooks tell: the delivery's id, and MaintainX's name of the event."""

GATEWAY = "gateway"
"""The actor of what the gateway does by itself."""
_PAGE = 500


class Feed:
    """The feed of one file. ``instance`` names its numbering: a new file is a new feed."""

    def __init__(self, database: Database, instance: str) -> None:
        self.instance = instance
        self._database = database

    @classmethod
    async def open(cls, database: Database) -> "Feed":
        """The feed of this file. Raises StoreError."""
        async with database.write() as tx:
            found = await tx.read("SELECT instance FROM feed")
            if not found:
                found = [(secrets.token_hex(8),)]
                await tx.execute("INSERT INTO feed (instance) VALUES (?)", found[0])
        return cls(database, str(found[0][0]))

    async def page(self, after: int) -> dict[str, JsonValue]:
        """One page: every change since number ``after``, as the contract shows it. Raises StoreError."""
        names = ("n", "at", "actor", "what", "lease", "says", "buffer_id", "delivery", "event")
        rows = await self._database.read(
            f"SELECT {', '.join(names)} FROM event WHERE n > ? ORDER BY n LIMIT ?",  # noqa: S608 - our own names
            (after, _PAGE),
        )
        events: list[JsonValue] = [dict(zip(names, row, strict=True)) for row in rows]
        return {"instance": self.instance, "events": events, "next": rows[-1][0] if rows else after}


async def report(
    tx: Transaction,
    at: datetime,
    *,
    actor: str,
    what: str,
    says: str,
    lease: str = "",
    buffer_id: str = "",
    delivery: str = "",
    event: str = "",
) -> None:
    """Write one change down, in the transaction that makes it. Raises StoreError."""
    await tx.execute(
        "INSERT INTO event (at, actor, what, lease, says, buffer_id, delivery, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (at.isoformat(), actor, what, lease, says, buffer_id, delivery, event),
    )
