"""The timeline: the append-only record of everything, the only memory of mx."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bot.domain.appending import Answers, Append, Batch
from bot.domain.book import Book
from bot.domain.chain import Head, Row, Walk
from bot.domain.events import Draft, Event, Redacted, StepStarted
from bot.domain.stored import Scrub, event, for_the_fold, hidden, prepared
from bot.errors import Conflict, StoreError
from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database, RuleError, Transaction
from bot.ports import Clock

_COLUMNS = "seq, stream, version, kind, actor, at, recorded_at, key, data, hash"
_AFTER = f"SELECT {_COLUMNS} FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - our own columns
_STREAM = f"SELECT {_COLUMNS} FROM facts WHERE stream = ? ORDER BY version"  # noqa: S608
_KEYS = f"SELECT {_COLUMNS} FROM facts WHERE key IN "  # noqa: S608
INSERT = f"INSERT INTO facts ({_COLUMNS})"
_EPOCH = "SELECT epoch FROM leader"
_HEAD = "SELECT coalesce(max(seq), 0) FROM facts"
_PAGE = 2000
_KEYS_AT_ONCE = 500
_BEFORE_ALL = -(2**63)
_POLL_S = 0.25
"""How often a waiting reader looks for what other processes have written."""

Read = Callable[[str, Sequence[Any]], Awaitable[list[tuple[Any, ...]]]]


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the chain holds; where not, ``seq`` and ``fault`` name the first fact that is not as written."""

    ok: bool
    head_seq: int
    head_hash: str
    fault: str | None = None
    seq: int | None = None


class Timeline:
    """Append, history, follow, verify. Several processes may hold one open on the same file."""

    def __init__(self, database: Database, *, clock: Clock, scrub: Scrub) -> None:
        self._database = database
        self._clock = clock
        self._scrub = scrub
        self._book = Book()
        self._shown = Book()
        self._group = GroupCommit(self._commit)
        self._moved = asyncio.Event()
        self._folding = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, clock: Clock, scrub: Scrub) -> "AsyncIterator[Timeline]":
        """The timeline in the file at ``path``, which is made where it is new. Raises StoreError."""
        async with Database.open(path, schema=schema()) as database:
            yield cls(database, clock=clock, scrub=scrub)

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Write all the drafts, or none; their events in order.

        Where a draft's key is known, nothing is written and the events of the known keys are returned. Raises
        Conflict where a stream is not at the version that its draft expects, an incident would be opened twice,
        or a step is started by a leader of an earlier term; StoreError where the database did not take it.
        """
        if not drafts:
            return ()
        if len(drafts) > 1:
            keys = [draft.key for draft in drafts if draft.key is not None]
            if len(keys) != len(set(keys)):
                raise ValueError("one key twice in one append: each draft has its own")
        ready = tuple([prepared(draft, self._scrub) for draft in drafts])
        if self._book.head.seq == 0:
            await (
                self._catch_up()
            )  # the first fold takes seconds on a long timeline: not under the write lock
        return await self._group.submit(ready)

    async def book(self) -> Book:
        """What the timeline says now, other processes' facts included; this copy does not move on."""
        await self._catch_up()
        if self._shown.head != self._book.head:
            self._shown = self._book.copy()
        return self._shown

    async def history(self, stream: str) -> tuple[Event, ...]:
        """Every event of a stream, with the text of redacted ones hidden."""
        rows = await self._database.read(_STREAM, (stream,))
        return hidden(event(Row(*row)) for row in rows)

    async def since(self, after: int) -> tuple[Event, ...]:
        """The facts after this number, oldest first, at most 2,000 of them; redacted words are still in them."""
        return tuple(event(row) for row in await self._page(after))

    async def changed(self, after: int, *, timeout_s: float) -> int:
        """Wait until there is a fact after this number, or the time is over; the last fact's number."""
        await self._clock.sleep(0)  # whoever waits here has come round: the supervisor's pulse sees that
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while True:
            moved = self._moved
            [(head,)] = await self._database.read(_HEAD)
            left = end - loop.time()
            if head > after or left <= 0:
                return int(head)
            try:
                async with asyncio.timeout(min(left, _POLL_S)):
                    await moved.wait()
            except TimeoutError:
                continue

    async def verify(self, *, printed: Head | None = None) -> Verification:
        """Check the hash of every fact, and that the chain still holds the head that was printed, if one is given.

        A cut tail shows only against a printed head (of which the hash's first characters are enough) or the one
        that this process remembers.
        """
        walk = Walk()
        remembered = [head for head in (self._book.head, printed) if head is not None and head.seq > 0]
        met: dict[int, str] = {}
        after = _BEFORE_ALL
        while page := await self._page(after):
            if not walk.along(page):
                rows = await self._database.read(_AFTER, (min(page[0].seq - 1, walk.head.seq), -1))
                fault = walk.fault([row for row in map(Row._make, rows) if not 0 < row.seq <= walk.head.seq])
                return _verification(walk.head, fault.says, fault.seq)
            met |= {row.seq: row.hash for row in page if any(row.seq == head.seq for head in remembered)}
            after = walk.head.seq
        for head in remembered:
            if head.seq > walk.head.seq:
                says = f"the facts after fact {walk.head.seq} were cut off: the head was fact {head.seq}"
                return _verification(walk.head, says, walk.head.seq + 1)
            if not met[head.seq].startswith(head.hash):
                says = f"fact {head.seq} is not the one whose hash was printed: it or earlier facts were written anew"
                return _verification(walk.head, says, head.seq)
        return _verification(walk.head)

    async def touch(self) -> None:
        """See that a write reaches the disk, without a fact of it. Raises StoreError."""
        async with self._database.write() as tx:
            await tx.execute("UPDATE leader SET epoch = epoch")

    async def epoch(self) -> int:
        """The term of the process that leads, or led last; 0 where none ever has."""
        [(epoch,)] = await self._database.read(_EPOCH)
        return int(epoch)

    async def next_epoch(self) -> int:
        """Begin a new term: from here, no leader of an earlier one can start a step. For the holder of the lock."""
        async with self._database.write() as tx:
            await tx.execute("UPDATE leader SET epoch = epoch + 1")
            [(epoch,)] = await tx.read(_EPOCH)
        return int(epoch)

    async def _commit(self, appends: list[Append]) -> list[tuple[Event, ...] | Exception]:
        """Write a group: first as if nobody else had written, since the schema refuses it where somebody has."""
        committed = None if self._must_look(appends) else await self._write(appends, look=False)
        batch, answers = committed or await self._looked(appends)
        if batch.events:
            await self._absorb(batch.events)
            self._moved.set()
            self._moved = asyncio.Event()
        return answers

    def _must_look(self, appends: list[Append]) -> bool:
        """A new timeline has no head to go on from, and the term of a leader is known to the store alone."""
        starts = any(type(ready.fact) is StepStarted for append in appends for ready in append)
        return starts or self._book.head.seq == 0

    async def _looked(self, appends: list[Append]) -> tuple[Batch, Answers]:
        committed = await self._write(appends, look=True)
        if committed is None:
            raise AssertionError("a write that has looked is final")
        return committed

    async def _write(self, appends: list[Append], *, look: bool) -> tuple[Batch, Answers] | None:
        """Judge the appends and write the good ones; None where another look at the store is needed for that."""
        known: dict[str, Event] = {}
        epoch = 0
        try:
            async with self._database.write() as tx:
                if look:
                    await self._catch_up(tx.read)
                    known = await _known([d.key for a in appends for d, *_ in a if d.key is not None], tx)
                    [(epoch,)] = await tx.read(_EPOCH)
                batch = Batch(self._book, known=known, epoch=epoch, recorded_at=self._clock.now())
                answers = batch.answers(appends)
                if not look and any(isinstance(answer, Conflict) for answer in answers):
                    return None  # by what this process knows; another may have written what it waits for
                await tx.insert(INSERT, batch.rows)
        except RuleError:
            if look:
                raise
            return None
        return batch, answers

    async def _catch_up(self, read: Read | None = None) -> None:
        """Fold what is in the store and not yet in the book."""
        read = read or self._database.read
        async with self._folding:  # two at once would do the same work twice
            with ExitStack() as resting:
                while True:
                    head = self._book.head
                    rows = [Row(*row) for row in await read(_AFTER, (head.seq - 1, _PAGE))]
                    if head.seq > 0 and (not rows or (rows[0].seq, rows[0].hash) != head):
                        raise StoreError(
                            f"reading the timeline {self._database.path}: fact {head.seq} is no longer the one that "
                            "was there; the file was replaced or changed. Stop mx, ask `mx timeline verify`, put "
                            "back the file"
                        )
                    await self._absorb([*for_the_fold([row for row in rows if row.seq > head.seq])])
                    if len(rows) < _PAGE:
                        return
                    resting.enter_context(_collector_at_rest())

    async def _absorb(self, events: Sequence[Event]) -> None:
        """Take committed events into the book; those that another task was quicker to take are passed over."""
        redacted = {one.stream for one in events if type(one.fact) is Redacted}
        histories: dict[str, tuple[Event, ...]] = {}
        while behind := [s for s in redacted if len(histories.get(s, ())) < max(1, self._book.version(s))]:
            for stream in behind:
                histories[stream] = await self.history(stream)
        for one in events:  # from here on nothing is awaited, so no reader sees a text that is to be hidden
            if one.seq > self._book.head.seq:
                self._book.apply(one)
        for stream, history in histories.items():
            version = self._book.version(stream)
            self._book.refold(stream, [one for one in history if one.version <= version])

    async def _page(self, after: int) -> list[Row]:
        return [Row(*row) for row in await self._database.read(_AFTER, (after, _PAGE))]


def _verification(head: Head, fault: str | None = None, seq: int | None = None) -> Verification:
    return Verification(ok=fault is None, head_seq=head.seq, head_hash=head.hash, fault=fault, seq=seq)


async def _known(keys: Sequence[str], tx: Transaction) -> dict[str, Event]:
    """The events that these keys have already."""
    found: dict[str, Event] = {}
    for first in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[first : first + _KEYS_AT_ONCE]
        rows = await tx.read(f"{_KEYS}({', '.join('?' * len(some))})", some)
        found |= {str(row.key): event(row) for row in map(Row._make, rows)}
    return found


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No garbage collection for a while: it would walk the whole growing book a dozen times, half of a start.

    What is there afterwards is kept out of later collections: it lives as long as the process.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


def schema() -> str:
    """The tables, and the triggers that keep what is in them."""
    files = resources.files("bot.journal")
    return "".join(
        files.joinpath(name).read_text(encoding="utf-8") for name in ("timeline.sql", "timeline_sqlite.sql")
    )
