"""The rows of the buffer: written in groups before they are acknowledged, claimed in order, settled once."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.gateway.buffer.sealing import Seal
from bot.gateway.buffer.tally import Place, Tally
from bot.gateway.buffer.writes import NewWrite, State, Write, entity_of
from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database, Transaction

OPEN = "('waiting', 'sending', 'unknown')"
"""States of writes that are not settled, as the partial index names them."""

_COLUMNS = (
    "seq, id, state, parked, entity, method, target, headers, body, size, sealed, organisation, lane, received_at,"
    " attempts, sent_at, answer_status, answer, says"
)
_LISTED = _COLUMNS.replace(" body,", " x'' AS body,")
"""Without the bodies: a page of them is as much as the buffer may hold."""
_INTO = (
    "INSERT INTO buffered (id, entity, method, target, headers, body, size, sealed, organisation, caller, lane,"
    " received_at)"
)
_NEXT = (
    f"SELECT {_COLUMNS} FROM buffered AS w WHERE state = 'waiting' AND NOT EXISTS"  # noqa: S608 - our own names
    " (SELECT 1 FROM buffered AS e WHERE e.entity = w.entity AND e.seq < w.seq"
    f" AND e.state IN {OPEN}) AND w.entity NOT IN (SELECT entity FROM buffered WHERE state = 'sending')"
    " ORDER BY seq LIMIT 1"
)


class Rows:
    """Reads and writes the table, and counts along. Every method raises StoreError."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self.seal = seal
        self.tally = Tally()
        self._database = database
        self._inserts = GroupCommit(self._insert)

    async def add(self, new: NewWrite) -> None:
        """On the disk when this returns, behind everything that was added before."""
        await self._inserts.submit(new)

    async def _insert(self, news: list[NewWrite]) -> list[Exception | None]:
        entities = [entity_of(new.method, new.target, alone=new.id) for new in news]
        async with self._database.write() as tx:
            rows = [self._row(new, entity) for new, entity in zip(news, entities, strict=True)]
            await tx.insert(_INTO, rows)
        for new, entity in zip(news, entities, strict=True):
            self.tally.added(entity=entity, size=new.size, at=new.received_at)
        return [None] * len(news)

    def _row(self, new: NewWrite, entity: str) -> tuple[Any, ...]:
        return (
            new.id,
            entity,
            new.method,
            new.target,
            json.dumps(new.headers),
            self.seal.close(new.body, new.id),
            new.size,
            int(self.seal.on),
            new.organisation,
            new.caller,
            new.lane,
            new.received_at.isoformat(),
        )

    async def next_waiting(self, source: Database | Transaction) -> Write | None:
        """The first waiting write that no earlier one of its entity holds up."""
        return self._one(await source.read(_NEXT))

    async def next_to_look_for(self, now: float, busy: Iterable[str]) -> Write | None:
        """The first of unknown fate whose time to be looked for has come, and which nobody looks for yet."""
        rows = await self._database.read(
            "SELECT id FROM buffered WHERE state = 'unknown' AND parked = 0 AND look_at <= ? ORDER BY seq LIMIT 64",
            (now,),
        )
        name = next((str(row[0]) for row in rows if row[0] not in busy), None)
        found = await self.one(name) if name is not None else None
        return found if found is not None and found.place == "unknown" else None

    async def next_look_at(self) -> float | None:
        """When the next one is to be looked for, in seconds since 1970."""
        [(at,)] = await self._database.read(
            "SELECT min(look_at) FROM buffered WHERE state = 'unknown' AND parked = 0"
        )
        return None if at is None else float(at)

    async def one(self, name: str) -> Write | None:
        """The write of that id."""
        return self._one(
            await self._database.read(f"SELECT {_COLUMNS} FROM buffered WHERE id = ?", (name,))  # noqa: S608 - our own names
        )

    async def page(self, *, states: Sequence[State], after: int, limit: int) -> tuple[Write, ...]:
        """Writes in these states in the order of their arrival, behind number ``after``."""
        marks = ", ".join("?" * len(states))
        rows = await self._database.read(
            f"SELECT {_LISTED} FROM buffered WHERE state IN ({marks}) AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608 - our own names
            (*states, after, limit),
        )
        return tuple(self._write(row) for row in rows)

    async def last_answer(self, entity: str, *, before: int) -> bytes | None:
        """What MaintainX answered to the write before this one of the same entity."""
        rows = await self._database.read(
            "SELECT id, answer, sealed FROM buffered WHERE entity = ? AND seq < ? AND state = 'delivered'"
            " ORDER BY seq DESC LIMIT 1",
            (entity, before),
        )
        if not rows or rows[0][1] is None:
            return None
        return self.seal.open(bytes(rows[0][1]), f"{rows[0][0]}/answer", sealed=bool(rows[0][2]))

    async def sending(self) -> tuple[Write, ...]:
        """What was being sent when the process before this one ended."""
        rows = await self._database.read(
            f"SELECT {_COLUMNS} FROM buffered WHERE state = 'sending' ORDER BY seq"  # noqa: S608 - our own names
        )
        return tuple(self._write(row) for row in rows)

    async def change(
        self, tx: Transaction, write: Write, to: Place, *, change: str, values: Sequence[Any]
    ) -> bool:
        """Move one write, by the columns that ``change`` sets; False where somebody else moved it meanwhile.

        ``moved`` must be called once the transaction has ended well.
        """
        sql = (
            f"UPDATE buffered SET state = ?, parked = ?, {change}"  # noqa: S608 - our own words
            # It may have been sent again since: what was found out about the time before says nothing of that.
            " WHERE seq = ? AND state = ? AND parked = ? AND attempts = ?"
        )
        state = "unknown" if to == "parked" else to
        was = (write.seq, write.state, int(write.parked), write.attempts)
        return await tx.execute(sql, (state, int(to == "parked"), *values, *was)) == 1

    async def count(self) -> None:
        """Count everything anew: at the start."""
        rows = await self._database.read("SELECT state, count(*), sum(size) FROM buffered GROUP BY state")
        parked = await self._database.read(
            "SELECT entity, count(*) FROM buffered WHERE state = 'unknown' AND parked = 1 GROUP BY entity"
        )
        places: dict[Place, int] = {row[0]: int(row[1]) for row in rows}
        places["parked"] = sum(int(count) for _, count in parked)
        places["unknown"] = places.get("unknown", 0) - places["parked"]
        self.tally = Tally(
            places,
            held_bytes=sum(int(row[2]) for row in rows if row[0] in ("waiting", "sending", "unknown")),
            oldest=await self.oldest(self._database),
            blocked={str(entity): int(count) for entity, count in parked},
        )

    async def oldest(self, source: Database | Transaction) -> datetime | None:
        """When the oldest waiting write came."""
        rows = await source.read(
            "SELECT received_at FROM buffered WHERE state = 'waiting' ORDER BY seq LIMIT 1"
        )
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def _one(self, rows: Sequence[tuple[Any, ...]]) -> Write | None:
        return self._write(rows[0]) if rows else None

    def _write(self, row: tuple[Any, ...]) -> Write:
        sealed = bool(row[10])
        answer = (
            None if row[17] is None else self.seal.open(bytes(row[17]), f"{row[1]}/answer", sealed=sealed)
        )
        return Write(
            seq=row[0],
            id=row[1],
            state=row[2],
            parked=bool(row[3]),
            entity=row[4],
            method=row[5],
            target=row[6],
            headers=tuple((name, value) for name, value in json.loads(row[7])),
            body=self.seal.open(bytes(row[8]), row[1], sealed=sealed),
            size=row[9],
            organisation=row[11],
            lane=row[12],
            received_at=datetime.fromisoformat(row[13]),
            attempts=row[14],
            sent_at=datetime.fromisoformat(row[15]) if row[15] else None,
            answer_status=row[16],
            answer=answer,
            says=row[18],
        )
