"""Durable appends per second, and the fold at the start: the timeline beside what it stands on.

Three contenders take turns on the same disk with the same facts into the same table (its triggers and constraints
included): the timeline; group commit of rows without hash, validation,
scrubbing or fold; and one
transaction for each append. Read the ratios: the absolute numbers are this machine's.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks.outages import assessment
from bot.clock import SystemClock
from bot.domain.events import AnyFact, Assessed, Draft, IncidentOpened, NoteAdded
from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database
from bot.scrub import Scrubber
from bot.timeline import INSERT, Timeline, schema

ROUNDS = 15
SECONDS = 0.2
STREAMS = 50
FOLDED = 100_000
TEXT = "Rolled back the deploy of 14:02; the error rate falls, watching it for ten minutes"

Append = Callable[[str, str], Awaitable[object]]
"""Takes a stream and a key that was not used before; returns when it is on the disk."""


@dataclass(frozen=True)
class Result:
    """Appends per second at so many writers, and the 99th percentile of their waiting, in milliseconds.

    ``ratio`` is to group commit in the same round: the median of all rounds, since a machine has moods.
    """

    contender: str
    writers: int
    per_s: float
    p99_ms: float
    ratio: float = 1.0


def stream(number: int) -> str:
    return f"mx-20261123-{number:04x}"


@asynccontextmanager
async def timeline(path: Path) -> AsyncIterator[Append]:
    clock = SystemClock()
    scrub = Scrubber(["a-key-that-is-configured", "a-token-that-is-configured"])
    async with Timeline.open(path, clock=clock, scrub=scrub) as opened:
        for number in range(STREAMS):
            fact = IncidentOpened(integration=f"i{number}")
            await opened.append(Draft(stream=stream(number), actor="mx", at=clock.now(), fact=fact))

        def append(to: str, key: str) -> Awaitable[object]:
            draft = Draft(
                stream=to, actor="slack:U061F7AUR", at=clock.now(), key=key, fact=NoteAdded(text=TEXT)
            )
            return opened.append(draft)

        yield append


class Rows:
    """Rows for the same table as any program makes them, JSON and times as text, without looking at anything."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._seq = count(1)
        self._versions: dict[str, int] = {}

    def row(self, to: str, key: str) -> tuple[object, ...]:
        version = self._versions[to] = self._versions.get(to, 0) + 1
        at, written = self._clock.now().isoformat(), self._clock.now().isoformat()
        data = json.dumps({"text": TEXT})
        return (
            next(self._seq),
            to,
            version,
            "note_added",
            "slack:U061F7AUR",
            at,
            written,
            key,
            data,
            "0" * 64,
        )


@asynccontextmanager
async def group_commit(path: Path) -> AsyncIterator[Append]:
    rows = Rows()
    async with Database.open(path, schema=schema()) as database:

        async def commit(items: list[tuple[str, str]]) -> list[Exception | None]:
            async with database.write() as tx:
                await tx.insert(INSERT, [rows.row(*item) for item in items])
            return [None] * len(items)

        group = GroupCommit(commit)
        yield lambda to, key: group.submit((to, key))


@asynccontextmanager
async def one_by_one(path: Path) -> AsyncIterator[Append]:
    rows = Rows()
    async with Database.open(path, schema=schema()) as database:

        async def append(to: str, key: str) -> None:
            async with database.write() as tx:
                await tx.insert(INSERT, [rows.row(to, key)])

        yield append


CONTENDERS: dict[str, Callable[[Path], AbstractAsyncContextManager[Append]]] = {
    "timeline": timeline,
    "group commit": group_commit,
    "one transaction each": one_by_one,
}


async def measured(contender: str, writers: int, folder: Path) -> Result:
    waited: list[float] = []
    numbers = count()
    async with CONTENDERS[contender](folder / f"{contender}.db") as append:
        began = time.perf_counter()
        end = began + SECONDS

        async def write() -> None:
            while (before := time.perf_counter()) < end:
                number = next(numbers)
                await append(stream(number % STREAMS), f"delivery:{number:012d}")
                waited.append(time.perf_counter() - before)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(writers):
                tasks.create_task(write())
        took = time.perf_counter() - began
    p99 = statistics.quantiles(waited, n=100)[98] * 1000
    return Result(contender, writers, len(waited) / took, p99)


async def appends(writers: int) -> list[Result]:
    """The medians of all rounds, in each of which every contender has its turn."""
    rounds: list[dict[str, Result]] = []
    for _ in range(ROUNDS):
        turn: dict[str, Result] = {}
        for contender in CONTENDERS:
            with tempfile.TemporaryDirectory() as folder:
                turn[contender] = await measured(contender, writers, Path(folder))
        rounds.append(turn)
    return [
        Result(
            contender,
            writers,
            per_s=statistics.median(turn[contender].per_s for turn in rounds),
            p99_ms=statistics.median(turn[contender].p99_ms for turn in rounds),
            ratio=statistics.median(turn[contender].per_s / turn["group commit"].per_s for turn in rounds),
        )
        for contender in CONTENDERS
    ]


def _facts(number: int) -> AnyFact:
    """One fact in ten is an assessment, the biggest kind, the others are words."""
    if number % 10:
        return NoteAdded(text=TEXT)
    return Assessed(assessment=assessment("default", SystemClock().now()))


async def fold() -> float:
    """Seconds from opening a timeline of 100,000 facts in 2,000 incidents to its book."""
    clock, scrub = SystemClock(), Scrubber()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mx.db"
        async with Timeline.open(path, clock=clock, scrub=scrub) as full:
            for incident in range(2000):
                opening: AnyFact = IncidentOpened(integration=f"i{incident}")
                facts = [opening, *(_facts(number) for number in range(1, FOLDED // 2000))]
                now = clock.now()
                await full.append(
                    *(Draft(stream=stream(incident), actor="mx", at=now, fact=f) for f in facts)
                )
        began = time.perf_counter()
        async with Timeline.open(path, clock=clock, scrub=scrub) as opened:
            book = await opened.book()
            took = time.perf_counter() - began
            if (book.head.seq, len(book.incidents())) != (FOLDED, 2000):
                sys.exit(f"the book holds {book.head.seq} facts")
        return took


def main() -> None:
    print("Durable appends (SQLite, WAL, synchronous FULL), facts per second; p99 is the wait of one writer")
    print(f"{'writers':>8} {'contender':<22} {'per s':>9} {'p99 ms':>8}   to group commit")
    for writers in (1, 32, 256):
        for result in asyncio.run(appends(writers)):
            name, rate, wait = result.contender, result.per_s, result.p99_ms
            print(f"{writers:>8} {name:<22} {rate:>9,.0f} {wait:>8.1f}   {result.ratio:.2f}")
    print("Target at 32 writers: the timeline at 0.7 of group commit or more")
    took = asyncio.run(fold())
    print(f"\nFold at the start: {FOLDED:,} facts of 2,000 incidents in {took:.2f} s (target: under 3 s)")


if __name__ == "__main__":
    main()
