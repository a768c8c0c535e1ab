"""The supervisor: a loop that falls is started again, counted, and named while it is down."""

import asyncio
from itertools import pairwise

from bot.supervisor import Supervisor
from tests.clock import FakeClock


async def test_a_fallen_loop_is_named_then_started_again_and_counted() -> None:
    clock = FakeClock()
    supervisor = Supervisor(clock, scrub=lambda text: text.replace("hunter2", "[redacted]"))
    starts: list[float] = []

    async def falls_twice() -> None:
        starts.append(clock.monotonic())
        if len(starts) <= 2:
            raise RuntimeError("no such table hunter2")
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervisor.keep("card", falls_twice))
        await clock.until_parked()
        down = supervisor.loops["card"]
        assert not down.up
        assert down.fault == "RuntimeError: no such table [redacted]"
        await clock.advance(0.5)
        await clock.until_parked()
        await clock.advance(1.0)
        assert supervisor.loops["card"].up
        assert supervisor.loops["card"].restarts == 2
        assert [round(at - starts[0], 3) for at in starts] == [0.0, 0.5, 1.5]
        task.cancel()
    assert supervisor.loops == {}


async def test_a_loop_that_ends_by_itself_is_down_too() -> None:
    clock = FakeClock()
    supervisor = Supervisor(clock, scrub=str)

    async def ends() -> None:
        return

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervisor.keep("runner", ends))
        await clock.until_parked()
        assert supervisor.loops["runner"].fault == "it ended by itself"
        task.cancel()


async def test_waits_grow_to_half_a_minute_and_start_anew_after_a_steady_minute() -> None:
    clock = FakeClock()
    supervisor = Supervisor(clock, scrub=str)
    starts: list[float] = []

    async def falls() -> None:
        starts.append(clock.monotonic())
        if len(starts) == 9:
            await clock.sleep(61)
        raise RuntimeError

    async with asyncio.TaskGroup() as group:
        task = group.create_task(supervisor.keep("card", falls))
        for _ in range(320):
            await clock.until_parked()
            await clock.advance(0.5)
        task.cancel()
    waits = [round(after - before, 3) for before, after in pairwise(starts)]
    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert waits[8] == 61.5
