"""What mx itself sends to MaintainX, told to the gateway's budget beside the probes and never in their way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from bot.errors import OutsideError


class Budget(Protocol):
    """The part of the gateway (port ``Gateway``) that is told of requests."""

    async def spent(self, requests: int) -> None:
        """So many requests were sent past the gateway."""
        ...


_STALE_S = 60.0
"""The limit's window: what could not be told within it no longer matters."""


class Spending:
    """A tally of requests. While a probe reads, whatever was counted is told to the gateway.

    Nothing waits for the telling: what was not told when the reading ended goes along with the next one.
    """

    def __init__(self, gateway: Budget | None) -> None:
        self._gateway = gateway
        self._owed = 0
        self._since = 0.0
        self._counted = asyncio.Event()

    def count(self, requests: int = 1) -> None:
        """So many requests are about to be sent."""
        now = asyncio.get_running_loop().time()
        if not self._owed or now - self._since > _STALE_S:
            self._owed, self._since = 0, now
        self._owed += requests
        self._counted.set()

    @contextlib.asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Tell the gateway what is counted while the block runs."""
        if self._gateway is None:
            yield
            return
        async with asyncio.TaskGroup() as group:
            teller = group.create_task(self._tell(self._gateway))
            try:
                yield
            finally:
                teller.cancel()

    async def _tell(self, gateway: Budget) -> None:
        while True:
            await self._counted.wait()
            self._counted.clear()
            requests, self._owed = self._owed, 0
            try:
                if requests:
                    await gateway.spent(requests)
            except OutsideError:
                return  # the gateway is away: its budget is counted by its own bucket when it is back
            except asyncio.CancelledError:
                self._owed += requests
                raise
