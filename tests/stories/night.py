"""A night that is wound forward: whoever sleeps on its clock wakes when the hands pass them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.stories.world import SPEED, QuickClock, World

STEP_S = 30.0
"""How far the hands are moved at once: no further than the shortest interval of the monitor."""
BREATH_S = 0.03
"""Real time after each step, in which followers do their real work."""


class NightClock(QuickClock):
    """Passes quicker than the machine's time, and jumps where it is wound; sleepers wake in time."""

    def __init__(self) -> None:
        super().__init__()
        self._wound = asyncio.Event()

    def wind(self, seconds: float) -> None:
        super().wind(seconds)
        self._wound.set()
        self._wound = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            wound = self._wound
            try:
                async with asyncio.timeout(left / SPEED):
                    await wound.wait()
            except TimeoutError:
                continue


async def passes(world: World, span: timedelta) -> None:
    """Let so much of the night pass, in steps."""
    end = world.clock.now() + span
    while (left := (end - world.clock.now()).total_seconds()) > 0:
        world.clock.wind(min(STEP_S, left))
        await asyncio.sleep(BREATH_S)


@contextmanager
def slack_down(world: World) -> Iterator[None]:
    """Slack answers nobody within the block."""
    world.slack.mischief.down = True
    try:
        yield
    finally:
        world.slack.mischief.down = False
