"""Private answers that need longer than an acknowledgement may take: worked off by one loop, drained at the end."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.errors import MxError
from bot.faults import where

_ROOM = 500
_DRAIN_S = 3.0

Job = Callable[[], Awaitable[None]]


class Later:
    """A bounded queue of answers. Nothing in it is a promise: what was asked is on the timeline already."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Job] = asyncio.Queue(_ROOM)
        self._log = structlog.get_logger("mx.slack.later")

    def put(self, job: Job) -> None:
        """Have it done soon; never waits."""
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            self._log.warning("private answer left out", because="too many are waiting for Slack")

    async def run(self) -> None:
        """Work off what is put in, for ever; started by the composition root."""
        async with asyncio.TaskGroup() as group:
            while True:
                job = await self._queue.get()
                group.create_task(self._one(job))

    async def drain(self) -> None:
        """Give what is waiting a moment to go out, before the process ends."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self._queue.join()
        except TimeoutError:
            self._log.warning(
                "private answers left out", because="the process ends", left=self._queue.qsize()
            )

    async def _one(self, job: Job) -> None:
        try:
            await job()
        except MxError as error:
            self._log.warning("private answer not delivered", because=str(error))
        except Exception as error:  # noqa: BLE001 - the Slack edge: one answer's fault must not take the others with it
            self._log.error("private answer fell", fault=where(error))
        finally:
            self._queue.task_done()
