"""The inbox: deliveries on the disk before they are acknowledged, each once, until the integration has them."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.errors import Conflict, Refused
from bot.gateway.buffer.sealing import Seal
from bot.gateway.feed import GATEWAY, report
from bot.gateway.webhooks.deliveries import DECISIONS, ROW_BYTES, Decision, Delivery, NewDelivery, State
from bot.gateway.webhooks.settings import WebhookSettings
from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database, Transaction
from bot.ports import Clock

MAINTAINX = "maintainx"
"""The actor of what MaintainX tells of itself."""
_HELD = ("waiting", "kept")

_COLUMNS = (
    "seq, id, event, entity, at, polled, state, content_type, body, size, sealed, signed_with, received_at,"
    " waits_since, attempts, tried_at, answer_status, answer, says"
)
_INTO = (
    "INSERT OR IGNORE INTO delivery (id, same, event, entity, at, polled, content_type, body, size, sealed,"
    " signed_with, received_at, waits_since)"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The delivery that stands for what came; ``duplicate``: it was there already."""

    id: str
    duplicate: bool


class Inbox:
    """The deliveries of one file. Every method raises StoreError, and has then changed nothing."""

    def __init__(self, database: Database, settings: WebhookSettings, *, seal: Seal, clock: Clock) -> None:
        self.arrived = asyncio.Event()
        """Set when one more waits; whoever waits for it clears it."""
        self.counts: dict[State, int] = {}
        """How many are in each state."""
        self.held_bytes = 0
        """What waits and what is kept, which the limit is about."""
        self.last_received: datetime | None = None
        """When MaintainX last sent a delivery that was taken, a duplicate too."""
        self.signed_with: dict[str, int] = {}
        """Which secret each event was last signed with."""
        self._database = database
        self._settings = settings
        self._seal = seal
        self._clock = clock
        self._told_full = False
        self._inserts: GroupCommit[NewDelivery, Taken] = GroupCommit(self._insert)

    @classmethod
    async def open(
        cls, database: Database, settings: WebhookSettings, *, seal: Seal, clock: Clock
    ) -> "Inbox":
        """Take up what waits."""
        inbox = cls(database, settings, seal=seal, clock=clock)
        await inbox._count()
        for event, number, _, received_at in await database.read(
            "SELECT event, signed_with, max(seq), received_at FROM delivery WHERE polled = 0 GROUP BY event"
        ):
            inbox._heard(str(event), int(number), datetime.fromisoformat(received_at))
        return inbox

    @property
    def full(self) -> bool:
        """Whether no more may come in until something went out."""
        return self.held_bytes >= self._settings.max_bytes

    async def take(self, new: NewDelivery) -> Taken:
        """Keep a delivery: on the disk when this returns, behind all that came before."""
        taken = await self._inserts.submit(new)
        self._heard(new.event, new.signed_with, new.received_at)
        return taken

    async def take_polled(self, news: Sequence[NewDelivery]) -> int:
        """Keep what polling found, in this order, in one commit; how many of them are new."""
        return sum(not taken.duplicate for taken in await self._insert(news) if isinstance(taken, Taken))

    async def told(self, entities: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
        """Of these entities, what was told already: the event and the time of each delivery."""
        marks = ", ".join("?" * len(entities))
        found: dict[str, set[tuple[str, str]]] = {}
        rows = await self._database.read(
            f"SELECT entity, event, at FROM delivery WHERE entity IN ({marks})",  # noqa: S608 - our own names
            entities,
        )
        for entity, event, at in rows:
            found.setdefault(str(entity), set()).add((str(event), str(at)))
        return found

    async def tell_full(self) -> None:
        """Write into the feed that there is no room, or room again: once each."""
        if self.full == self._told_full:
            return
        self._told_full = self.full
        held = f"{self._settings.max_bytes / 2**20:g} MiB of webhooks wait or are kept"
        says = f"{held}; MaintainX gets 503 for new ones" if self.full else "webhooks are taken again"
        await self.tell("inbox_full" if self.full else "inbox_has_room", says)

    async def tell(self, what: str, says: str, *, actor: str = GATEWAY) -> None:
        """Write a line into the feed."""
        async with self._database.write() as tx:
            await report(tx, self._clock.now(), actor=actor, what=what, says=says)

    async def next(self, but: Collection[str]) -> Delivery | None:
        """The first that waits, of those whose entity is none of these; it is the first of its entity, too."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM delivery INDEXED BY delivery_line WHERE state = 'waiting'"  # noqa: S608 - our own names
            f" AND entity NOT IN ({', '.join('?' * len(but))}) ORDER BY seq LIMIT 1",
            tuple(but),
        )
        return self._delivery(rows[0]) if rows else None

    async def page(self, *, states: Sequence[State], before: int, limit: int) -> tuple[Delivery, ...]:
        """Deliveries in these states, the newest first, older than number ``before``."""
        marks = ", ".join("?" * len(states))
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM delivery WHERE state IN ({marks}) AND seq < ? ORDER BY seq DESC LIMIT ?",  # noqa: S608 - our own names
            (*states, before, limit),
        )
        return tuple(self._delivery(row) for row in rows)

    async def again(self, one: Delivery, *, status: int | None, says: str) -> None:
        """It was tried and keeps its place."""
        now = self._clock.now().isoformat()
        change = "attempts = attempts + 1, tried_at = ?, answer_status = ?, answer = NULL, says = ?"
        await self._move(one, "waiting", change, (now, status, says))

    async def settled(
        self,
        one: Delivery,
        state: Literal["delivered", "kept"],
        *,
        status: int | None,
        answer: bytes,
        says: str,
    ) -> None:
        """The integration has it, after which its body is forgotten; or it is kept for a person."""
        now = self._clock.now().isoformat()
        change = (
            "attempts = attempts + 1, tried_at = ?, settled_at = ?, answer_status = ?, answer = ?, says = ?"
        )
        change += ", body = x''" if state == "delivered" else ""
        kept = self._seal.close(answer, f"{one.id}/answer") if one.sealed else answer
        await self._move(one, state, change, (now, now, status, kept, says))

    async def decide(self, name: str, decision: Decision, *, actor: str, reason: str) -> int:
        """A person's word about one kept delivery, or about all of them (``kept``); how many it was about.

        Raises Refused (no such delivery) and Conflict (not in that state).
        """
        where, value = ("state = ?", "kept") if name == "kept" else ("id = ?", name)
        by = DECISIONS[decision]
        now = self._clock.now()
        says = f"{by.done}, says {actor}" + (f": {reason}" if reason else "")
        async with self._database.write() as tx:
            rows = await tx.read(
                f"SELECT state, count(*), sum(size) FROM delivery WHERE {where} GROUP BY state",  # noqa: S608 - our own words
                (value,),
            )
            if not rows:
                raise Refused(
                    f"there is no delivery {name[:60]!a}; GET /-/deliveries shows those that are known"
                )
            [(state, count, size)] = rows  # an id is one delivery, and all that are kept are in one state
            if state not in by.able:
                raise Conflict(f"{name} is {state}, and {decision} is for what is {' or '.join(by.able)}")
            await tx.execute(
                f"UPDATE delivery SET {by.change}, says = ? WHERE {where}",  # noqa: S608 - our own words
                (now.isoformat(), says, value),
            )
            told = f"{count} webhook{'' if count == 1 else 's'} {says}"
            await report(tx, now, actor=actor, what=by.what, says=told)
        self._moved(state, by.to, count=count, size=size)
        return int(count)

    async def forget(self) -> None:
        """Delete what was delivered or dropped longer ago than is remembered."""
        before = (self._clock.now() - timedelta(seconds=self._settings.keep_s)).isoformat()
        states: tuple[State, ...] = ("delivered", "dropped")
        for state in states:
            async with self._database.write() as tx:
                gone = await tx.execute(
                    "DELETE FROM delivery WHERE state = ? AND settled_at < ?", (state, before)
                )
            self.counts[state] = self.counts.get(state, 0) - gone

    def _heard(self, event: str, signed_with: int, at: datetime) -> None:
        self.signed_with[event] = signed_with
        self.last_received = max(at, self.last_received or at)

    async def _insert(self, news: Sequence[NewDelivery]) -> list[Taken | Exception]:
        async with self._database.write() as tx:
            await tx.insert(_INTO, [self._row(new) for new in news])
            there = await self._there(tx, [new.same for new in news])
            for new in news:
                if new.change and there[new.same] == new.id:
                    await self._tell_change(tx, new)
        taken: list[Taken | Exception] = []
        for new in news:
            duplicate = there[new.same] != new.id
            taken.append(Taken(there[new.same], duplicate))
            if not duplicate:
                self._moved(None, "waiting", count=1, size=len(new.body))
        return taken

    async def _tell_change(self, tx: Transaction, new: NewDelivery) -> None:
        """A line in the feed, in the delivery's own transaction: there is one exactly where there is the other."""
        happened = datetime.fromisoformat(new.at) if new.at else new.received_at
        await report(
            tx,
            min(happened, new.received_at),  # a clock that is ahead does not put it into the future
            actor=MAINTAINX,
            what="vendor_change",
            says=new.change,
            delivery=new.id,
            event=new.event,
        )

    async def _there(self, tx: Transaction, sames: Sequence[str]) -> dict[str, str]:
        """Which delivery stands for each of these now."""
        marks = ", ".join("?" * len(sames))
        rows = await tx.read(f"SELECT same, id FROM delivery WHERE same IN ({marks})", sames)  # noqa: S608 - our own names
        return {str(same): str(name) for same, name in rows}

    def _row(self, new: NewDelivery) -> tuple[Any, ...]:
        at = new.received_at.isoformat()
        body = self._seal.close(new.body, new.id)
        return (
            *(new.id, new.same, new.event, new.entity, new.at, int(new.polled), new.content_type, body),
            *(len(new.body), int(self._seal.on), new.signed_with, at, at),
        )

    async def _move(self, one: Delivery, to: State, change: str, values: Sequence[Any]) -> None:
        """Move a waiting delivery, unless a person dropped it meanwhile."""
        async with self._database.write() as tx:
            sql = f"UPDATE delivery SET state = ?, {change} WHERE seq = ? AND state = 'waiting'"  # noqa: S608 - our own words
            moved = await tx.execute(sql, (to, *values, one.seq))
        if moved:
            self._moved("waiting", to, count=1, size=one.size)

    def _moved(self, was: State | None, to: State, *, count: int, size: int) -> None:
        for state, step in ((was, -1), (to, 1)):
            if state is not None:
                self.counts[state] = self.counts.get(state, 0) + step * count
                if state in _HELD:
                    self.held_bytes += step * (size + count * ROW_BYTES)
        if to == "waiting":
            self.arrived.set()

    async def _count(self) -> None:
        for state, count, size in await self._database.read(
            "SELECT state, count(*), sum(size) FROM delivery GROUP BY state"
        ):
            self._moved(None, state, count=count, size=size)

    def _delivery(self, row: tuple[Any, ...]) -> Delivery:
        sealed = bool(row[10])
        answer = self._seal.open(bytes(row[17]), f"{row[1]}/answer", sealed=sealed) if row[17] else None
        return Delivery(
            seq=row[0],
            id=row[1],
            event=row[2],
            entity=row[3],
            at=row[4],
            polled=bool(row[5]),
            state=row[6],
            content_type=row[7],
            body=self._seal.open(bytes(row[8]), row[1], sealed=sealed) if row[8] else b"",
            size=row[9],
            sealed=sealed,
            signed_with=row[11],
            received_at=datetime.fromisoformat(row[12]),
            waits_since=datetime.fromisoformat(row[13]),
            attempts=row[14],
            tried_at=row[15],
            answer_status=row[16],
            answer=answer,
            says=row[18],
        )
