"""Waiting for a moment of the clock, or for a change, whichever comes first."""

import asyncio

from bot.ports import Clock


async def until(clock: Clock, seconds: float, changed: asyncio.Event) -> None:
    """Wait that many seconds of the clock, or until ``changed`` is set."""
    async with asyncio.TaskGroup() as group:
        sleep = group.create_task(clock.sleep(max(0.0, seconds)))
        change = group.create_task(changed.wait())
        await asyncio.wait((sleep, change), return_when=asyncio.FIRST_COMPLETED)
        sleep.cancel()
        change.cancel()
