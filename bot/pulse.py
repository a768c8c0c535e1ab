"""The pulse of endless loops: each comes round to sleep, and whoever does not is hung. A clock that sees it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bot.ports import Clock


class Pulse:
    """Implements the port ``Clock`` with another one, and remembers since when each watched loop has been at work.

    A loop need not know of it: what it does each time it comes round, sleep on the clock that it was given, is its
    sign of life. The tasks that it starts count for nothing, so one that hangs in the loop itself shows. The
    ``stopwatch`` tells real seconds: what hangs does so in real time, however fast the clock runs.
    """

    def __init__(self, clock: Clock, *, stopwatch: Callable[[], float]) -> None:
        self._clock = clock
        self._stopwatch = stopwatch
        self._since: dict[asyncio.Task[Any], float | None] = {}
        """None: it sleeps."""

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None or task not in self._since:
            await self._clock.sleep(seconds)
            return
        self._since[task] = None
        await self._clock.sleep(seconds)
        self._since[task] = self._stopwatch()

    @contextmanager
    def watched(self) -> "Iterator[asyncio.Task[Any]]":
        """Watch the task that enters this block; ``late_s`` takes what it yields."""
        task = asyncio.current_task()
        assert task is not None
        self._since[task] = self._stopwatch()
        try:
            yield task
        finally:
            del self._since[task]

    def late_s(self, task: "asyncio.Task[Any]") -> float:
        """For how many real seconds this loop has been at work since its last sleep was over; 0 while it sleeps."""
        since = self._since.get(task)
        return 0.0 if since is None else max(0.0, self._stopwatch() - since)
