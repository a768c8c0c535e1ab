"""A clock for tests: it stands until it is wound, and waiting winds it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class WoundClock:
    """Implements the port ``Clock``; ``on_tick`` is told of every wait, after the hands have moved."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self.on_tick: Callable[[float], None] = lambda _: None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return 1000.0 + self._passed

    def wind(self, seconds: float) -> None:
        """Move the hands forward."""
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.wind(seconds)
        self.on_tick(seconds)
        await asyncio.sleep(0)
