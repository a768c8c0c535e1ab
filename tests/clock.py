"""A clock that stands still until a test winds it forward."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

_TURNS = 20  # turns of the event loop that a woken task gets before time moves on


class FakeClock:
    """The port ``Clock`` for tests: ``sleep`` parks until ``await advance(seconds)`` has brought its time."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._slept = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), future))
        self._slept.set()
        await future

    async def advance(self, seconds: float) -> None:
        """Wind forward, waking each sleeper at its own time, those too that fall asleep again on the way."""
        end = self._monotonic + seconds
        await self._let_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            if future.done():  # its task was cancelled
                continue
            self._move_to(due)
            future.set_result(None)
            await self._let_run()
        self._move_to(end)
        await self._let_run()

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as a correction by NTP does; nobody wakes."""
        self._now += timedelta(seconds=seconds)

    @property
    def parked(self) -> int:
        """How many tasks are asleep on this clock."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def until_parked(self, count: int = 1, *, within_s: float = 10.0) -> None:
        """Wait, in real time, until so many tasks are asleep: they have done their real work up to there."""
        async with asyncio.timeout(within_s):
            while self.parked < count:
                self._slept.clear()
                await self._slept.wait()

    def _move_to(self, monotonic: float) -> None:
        self._now += timedelta(seconds=monotonic - self._monotonic)
        self._monotonic = monotonic

    @staticmethod
    async def _let_run() -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
