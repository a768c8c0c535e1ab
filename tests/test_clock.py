"""The tests' own clock: time moves when it is told to, and sleepers wake in order."""

import asyncio

from tests.clock import FakeClock


async def test_sleepers_wake_at_their_own_time_and_in_order() -> None:
    clock = FakeClock()
    start = clock.now()
    heard: list[tuple[str, float]] = []

    async def tick(name: str, every: float) -> None:
        while True:
            await clock.sleep(every)
            heard.append((name, (clock.now() - start).total_seconds()))

    async with asyncio.TaskGroup() as tasks:
        loops = [tasks.create_task(tick("a", 2)), tasks.create_task(tick("b", 3))]
        await clock.until_parked(2)
        await clock.advance(1.5)
        assert heard == []
        await clock.advance(4.5)
        for loop in loops:
            loop.cancel()

    assert heard == [("a", 2), ("b", 3), ("a", 4), ("b", 6), ("a", 6)]
    assert clock.monotonic() == 1006
