"""The real clock: the only place that reads the time of the machine."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Time as the machine tells it; everything that needs the time is given one (port ``Clock``)."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
