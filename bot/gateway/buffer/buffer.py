"""The buffer: takes writes in while there is room, moves them on, and lets a person decide what nobody can know."""

import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import JsonValue

from bot.errors import Conflict, Refused, StoreError
from bot.gateway.buffer.looking import can_be_looked_for
from bot.gateway.buffer.sealing import open_seal
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.buffer.store import Rows
from bot.gateway.buffer.tally import Place, Tally
from bot.gateway.buffer.writes import NewWrite, Write, entity_of
from bot.gateway.feed import GATEWAY, report
from bot.journal.sqlite import Database
from bot.ports import Clock

Full = Literal["size", "age"]
Decision = Literal["resend", "arrived", "drop"]

_DECIDABLE: dict[Decision, tuple[str, ...]] = {
    "resend": ("unknown", "rejected"),
    "arrived": ("unknown",),
    "drop": ("waiting", "unknown", "rejected"),
}
_DECIDED: dict[Decision, tuple[Place, str, str]] = {
    "resend": ("waiting", "write_resent", "is sent again"),
    "arrived": ("delivered", "write_arrived", "counts as delivered: it arrived"),
    "drop": ("dropped", "write_dropped", "is dropped and will never be sent"),
}
_NOT_YET = "settled_at = NULL, answer_status = NULL, answer = NULL"


class Buffer:
    """The writes of one file. Every method that changes something raises StoreError, and has then changed nothing."""

    def __init__(self, database: Database, rows: Rows, *, settings: BufferSettings, clock: Clock) -> None:
        self.rows = rows
        self._database = database
        self._settings = settings
        self._clock = clock
        self._no_room_for: int | None = None
        """The size for which the feed was told that there is no room."""

    @classmethod
    async def open(cls, database: Database, *, settings: BufferSettings, clock: Clock) -> "Buffer":
        """Take up what waits. What was being sent when the process ended is of unknown fate from here.

        Raises ConfigError (the key does not open what waits) and StoreError.
        """
        rows = Rows(database, await open_seal(database, settings.key))
        await rows.count()
        buffer = cls(database, rows, settings=settings, clock=clock)
        for write in await rows.sending():
            await buffer.unknown(write, "the gateway was stopped while this was being sent")
        await buffer.peek()  # whether all that waits stands behind parked ones
        return buffer

    @property
    def tally(self) -> Tally:
        """What is where."""
        return self.rows.tally

    def holds_up(self, method: str, target: str) -> bool:
        """Whether a new write must queue: behind those that wait, or behind a parked one of its own entity."""
        tally = self.tally
        return tally.moving or (bool(tally.blocked) and entity_of(method, target, alone="") in tally.blocked)

    def full(self, size: int = 0) -> Full | None:
        """Why one more write of this size may not come in."""
        tally = self.tally
        if tally.held_bytes + tally.arriving_bytes + size > self._settings.max_bytes:
            return "size"
        age = self._clock.now() - tally.oldest if tally.oldest is not None and tally.of("waiting") else None
        return "age" if age is not None and age > timedelta(seconds=self._settings.max_age_s) else None

    async def accept(self, new: NewWrite) -> None:
        """Keep a write: on the disk when this returns, behind all that came before. Raises StoreError."""
        self.tally.arriving += 1
        self.tally.arriving_bytes += new.size
        try:
            await self.rows.add(new)
        finally:
            self.tally.arriving -= 1
            self.tally.arriving_bytes -= new.size

    async def tell_full(self, full: Full | None, *, size: int = 0) -> None:
        """Write into the feed that there is no room for a write of this size, or room for it again: once each."""
        if (full is not None) == (self._no_room_for is not None):
            return
        if self._no_room_for is not None and self.full(self._no_room_for) is not None:
            return  # a smaller write found room: that is no end of it
        was, self._no_room_for = self._no_room_for, None if full is None else size
        says = "new writes are buffered again"
        if full == "size":
            limit = f"{self._settings.max_bytes / 2**20:g} MiB"
            says = f"no room for another {size} bytes within the limit of {limit}; new writes get 503 until some go out"
        elif full == "age":
            age = f"{self._settings.max_age_s / 3600:g} h"
            says = f"the oldest write waits for over {age}; new ones get 503 until it is gone"
        what = "buffer_has_room" if full is None else "buffer_full"
        try:
            async with self._database.write() as tx:
                await report(tx, self._clock.now(), actor=GATEWAY, what=what, says=says)
        except BaseException:
            self._no_room_for = was
            raise

    async def peek(self) -> Write | None:
        """The next write that could be sent. Where there is none though some wait, they wait for a person."""
        tally = self.tally
        if not tally.of("waiting") or tally.stuck:
            return None
        if (head := await self.rows.next_waiting(self._database)) is not None:
            return head
        async with self._database.write() as tx:  # with writers shut out, so that what it says is still so
            head = await self.rows.next_waiting(tx)
        if head is None and not (tally.arriving or tally.of("sending") or tally.of("unknown")):
            tally.stuck = True
        return head

    async def claim(self) -> Write | None:
        """The next write to send, noted on the disk as being sent before any byte of it is. Raises StoreError."""
        now, oldest = self._clock.now(), None
        async with self._database.write() as tx:
            write = await self.rows.next_waiting(tx)
            if write is not None:
                await self.rows.change(
                    tx,
                    write,
                    "sending",
                    change="attempts = attempts + 1, sent_at = ?",
                    values=(now.isoformat(),),
                )
                oldest = await self.rows.oldest(tx)
        if write is None:
            return None
        self._moved(write, "sending")
        self.tally.oldest = oldest or (self.tally.oldest if self.tally.of("waiting") else None)
        return replace(write, state="sending", attempts=write.attempts + 1, sent_at=now)

    async def waits_again(self, write: Write, says: str) -> None:
        """It was not sent, or MaintainX would not have it just now: it keeps its place."""
        await self._move(write, "waiting", "says = ?", (says,))

    async def settled(
        self,
        write: Write,
        place: Literal["delivered", "rejected"],
        *,
        status: int | None,
        answer: bytes,
        says: str,
    ) -> bool:
        """MaintainX has it, or refused it for good; its answer is kept. False where a person was first."""
        kept = self.rows.seal.close(answer, f"{write.id}/answer")
        values = (self._clock.now().isoformat(), status, kept, says)
        change = "settled_at = ?, answer_status = ?, answer = ?, says = ?"
        return await self._move(write, place, change, values)

    async def unknown(self, write: Write, says: str) -> None:
        """It may have arrived: it is looked for later, or parked where that cannot tell."""
        if not can_be_looked_for(write):
            await self.park(write, f"{says}, and MaintainX cannot be asked whether it arrived")
            return
        at = (write.sent_at or self._clock.now()) + timedelta(seconds=self._settings.settle_s)
        await self.look_later(write, says, at=at)

    async def look_later(self, write: Write, says: str, *, at: datetime) -> None:
        """Of unknown fate; it is looked for at that time."""
        await self._move(write, "unknown", "look_at = ?, says = ?", (at.timestamp(), says))

    async def park(self, write: Write, says: str) -> None:
        """Nobody can know what became of it: a person decides."""
        told = f"{write.method} {write.path}: {says}. Send it again, or say that it arrived"
        await self._move(write, "parked", "says = ?", (says,), told=(GATEWAY, "write_parked", told))

    async def tell_rejected(self, write: Write, says: str) -> None:
        """Write a refusal into the feed."""
        async with self._database.write() as tx:
            told = f"{write.method} {write.path}: {says}"
            await report(
                tx, self._clock.now(), actor=GATEWAY, what="write_rejected", says=told, buffer_id=write.id
            )

    async def decide(self, name: str, decision: Decision, *, actor: str, reason: str) -> Write:
        """A person's word about a write. Raises Refused (no such write) and Conflict (not in that state)."""
        write = await self.rows.one(name)
        if write is None:
            raise Refused(f"there is no write {name}; `mx buffer list` shows those that are kept")
        if write.state not in _DECIDABLE[decision]:
            able = " or ".join(_DECIDABLE[decision])
            raise Conflict(
                f"{name} is {write.state}, and {decision} is for what is {able}; see `mx buffer show {name}`"
            )
        place, what, done = _DECIDED[decision]
        because = f": {reason}" if reason else ""
        told = (actor, what, f"{write.method} {write.path} {done}{because}")
        says = f"{done}, says {actor}{because}"
        if decision == "resend":
            moved = await self._move(write, place, f"{_NOT_YET}, says = ?", (says,), told=told)
        else:
            at = self._clock.now().isoformat()
            moved = await self._move(write, place, "settled_at = ?, says = ?", (at, says), told=told)
        if not moved:
            raise Conflict(f"{name} has just changed; see `mx buffer show {name}`")
        with suppress(StoreError):  # what was decided stands
            await self.peek()  # what is left may all stand behind parked ones
        return await self.rows.one(name) or write

    async def forget(self) -> None:
        """Delete what was delivered or dropped longer ago than is kept."""
        before = (self._clock.now() - timedelta(seconds=self._settings.keep_s)).isoformat()
        for place in ("delivered", "dropped"):
            async with self._database.write() as tx:
                gone = await tx.execute(
                    "DELETE FROM buffered WHERE state = ? AND settled_at < ?", (place, before)
                )
            self.tally.forgotten(place, gone)

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        oldest = self.tally.oldest
        return {
            **self.tally.json(),
            "parked": self.tally.of("parked"),
            "oldest": oldest.isoformat() if oldest and self.tally.of("waiting") else None,
            "bytes": self.tally.held_bytes,
            "limit_bytes": self._settings.max_bytes,
            "full": self.full(),
            "encrypted": self.rows.seal.on,
        }

    async def _move(
        self,
        write: Write,
        place: Place,
        change: str,
        values: tuple[Any, ...],
        *,
        told: tuple[str, str, str] | None = None,
    ) -> bool:
        """Move one write, with a line in the feed; False where somebody else moved it meanwhile."""
        waits = "waiting" in (write.place, place)
        async with self._database.write() as tx:
            moved = await self.rows.change(tx, write, place, change=change, values=values)
            oldest = await self.rows.oldest(tx) if waits else None
            if moved and told is not None:
                actor, what, says = told
                await report(tx, self._clock.now(), actor=actor, what=what, says=says, buffer_id=write.id)
        if moved:
            self._moved(write, place)
        if waits:
            self.tally.oldest = oldest
        return moved

    def _moved(self, write: Write, place: Place) -> None:
        self.tally.moved(write.place, place, entity=write.entity, size=write.size)


def new_id() -> str:
    """The name of a write: ``mxb_`` and 16 random hexadecimal digits."""
    return f"mxb_{secrets.token_hex(8)}"
