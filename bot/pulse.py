"""The pulse of endless loops: each comes round to sleep, and whoever does not is hung. A clock that sees it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bot.ports import Clock


class Pulse:
    """Implements the port ``Clock`` with another one, and remembers until when each watched loop sleeps.

    A loop need not know of it: what it does each time it comes round, sleep on the clock that it was given, is its
    sign of life. The tasks that it starts count for nothing, so one that hangs in the loop itself shows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[asyncio.Task[Any], float] = {}

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None or task not in self._due:
            await self._clock.sleep(seconds)
            return
        self._due[task] = self._clock.monotonic() + max(0.0, seconds)
        await self._clock.sleep(seconds)
        self._due[task] = self._clock.monotonic()

    @contextmanager
    def watched(self) -> "Iterator[asyncio.Task[Any]]":
        """Watch the task that enters this block; ``late_s`` takes what it yields."""
        task = asyncio.current_task()
        assert task is not None
        self._due[task] = self._clock.monotonic()
        try:
            yield task
        finally:
            del self._due[task]

    def late_s(self, task: "asyncio.Task[Any]") -> float:
        """For how many seconds this loop has been at work since its last sleep was over; 0 while it sleeps."""
        due = self._due.get(task)
        return 0.0 if due is None else max(0.0, self._clock.monotonic() - due)
