"""The pulse: a loop that no longer comes round is seen, one that sleeps long is not suspected."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.pulse import Pulse
from bot.supervisor import Supervisor
from tests.clock import FakeClock


class Watched:
    """One supervised loop under a clock that is wound."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.pulse = Pulse(clock, stopwatch=clock.monotonic)
        self.supervisor = Supervisor(self.pulse, scrub=str, pulse=self.pulse)

    @property
    def late_s(self) -> float:
        return self.supervisor.loops["x"].late_s

    def start(
        self, group: asyncio.TaskGroup, run: Callable[[], Awaitable[None]], *, comes_round: bool = True
    ) -> asyncio.Task[None]:
        return group.create_task(self.supervisor.keep("x", run, comes_round=comes_round))


async def test_a_loop_that_sleeps_is_never_late_and_one_that_hangs_is() -> None:
    seen = Watched(FakeClock())
    hangs = asyncio.Event()

    async def run() -> None:
        await seen.pulse.sleep(300)
        await hangs.wait()

    async with asyncio.TaskGroup() as group:
        task = seen.start(group, run)
        await seen.clock.until_parked()
        await seen.clock.advance(299)
        assert seen.late_s == 0
        await seen.clock.advance(1)
        await seen.clock.advance(50)
        assert seen.late_s == 50
        task.cancel()
    assert seen.supervisor.loops == {}


async def test_what_a_loop_starts_is_no_sign_of_life_of_it() -> None:
    seen = Watched(FakeClock())

    async def busy() -> None:
        while True:
            await seen.pulse.sleep(1)

    async def run() -> None:
        async with asyncio.TaskGroup() as inner:
            inner.create_task(busy())
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = seen.start(group, run)
        await seen.clock.until_parked()
        await seen.clock.advance(200)
        assert seen.late_s == 200
        task.cancel()


async def test_a_loop_that_only_waits_for_work_is_not_watched() -> None:
    seen = Watched(FakeClock())

    async def run() -> None:
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = seen.start(group, run, comes_round=False)
        await seen.clock.advance(5000)
        assert seen.late_s == 0
        task.cancel()


async def test_a_loop_that_falls_and_waits_to_be_started_again_is_not_late() -> None:
    seen = Watched(FakeClock())

    async def run() -> None:
        raise RuntimeError

    async with asyncio.TaskGroup() as group:
        task = seen.start(group, run)
        for _ in range(100):
            await seen.clock.until_parked()
            await seen.clock.advance(1)
        assert not seen.supervisor.loops["x"].up
        assert seen.late_s == 0
        task.cancel()
