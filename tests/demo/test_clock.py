"""The simulator's clock: it runs, jumps, never goes back, and others follow it."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.clock import SPEEDS, Hands, HandsClock, SimClock, first_hands, follow, telling
from bot.demo.door import beside

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

FOLLOWER = """
import asyncio, sys
from bot.demo.clock import HandsClock, first_hands, follow
from bot.demo.door import beside

async def main(address):
    clock = HandsClock(await first_hands(address))
    async with beside(follow(clock, address)):
        print("ready", flush=True)
        await clock.sleep(3600)
        print(clock.now().isoformat(), flush=True)

asyncio.run(main(sys.argv[1]))
"""


class Machine:
    """A machine's own second count, which a test turns."""

    def __init__(self) -> None:
        self.real = 1000.0

    def __call__(self) -> float:
        return self.real


moves = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 1000)),
        st.tuples(st.just("jump"), st.floats(0.001, 86400)),
        st.tuples(st.just("speed"), st.sampled_from(SPEEDS)),
    ),
    max_size=30,
)


@given(moves)
def test_time_goes_forward_as_fast_as_it_was_told(moves: list[tuple[str, float]]) -> None:
    machine = Machine()
    clock = SimClock(NINE, real=machine)
    passed, speed = 0.0, 1.0
    for what, how in moves:
        before = clock.monotonic()
        if what == "wait":
            machine.real += how
            passed += how * speed
        elif what == "jump":
            clock.jump(how)
            passed += how
        else:
            clock.run_at(how)
            speed = how
        assert clock.monotonic() >= before
        assert clock.monotonic() == pytest.approx(passed, abs=1e-3)
        assert (clock.now() - NINE).total_seconds() == pytest.approx(passed, abs=1e-3)


@given(moves)
def test_a_follower_that_hears_late_never_goes_back_and_reads_the_same_once_it_has_heard(
    moves: list[tuple[str, float]],
) -> None:
    machine = Machine()
    clock = SimClock(NINE, real=machine)
    follower = HandsClock(clock.hands, real=machine)
    for what, how in moves:
        if what == "wait":
            machine.real += how
        elif what == "jump":
            clock.jump(how)
        else:
            clock.run_at(how)
        before = follower.monotonic()
        machine.real += 0.01  # the news is on its way
        follower.put(clock.hands)
        assert follower.monotonic() >= before
        ahead = follower.monotonic() - clock.monotonic()
        assert 0 <= ahead <= 0.01 * max(SPEEDS) + 1e-6
    machine.real += 10 * max(SPEEDS)
    assert follower.monotonic() == pytest.approx(clock.monotonic(), abs=1e-3)


@pytest.mark.parametrize("wrong", [0, 2, -1, 61])
def test_a_speed_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="it runs at 1, 10, 60 times"):
        SimClock(NINE).run_at(wrong)


@pytest.mark.parametrize("wrong", [0, -1, 8 * 86400])
def test_the_clock_does_not_jump_back_or_too_far(wrong: float) -> None:
    with pytest.raises(ValueError, match="forward only"):
        SimClock(NINE).jump(wrong)


@pytest.mark.parametrize(
    "hurry", [lambda clock: clock.jump(3600), lambda clock: clock.run_at(60)], ids=["jump", "speed"]
)
async def test_whoever_sleeps_wakes_when_the_hands_pass_him(hurry: Callable[[SimClock], None]) -> None:
    clock = SimClock(NINE)
    woke: list[float] = []

    async def sleeper() -> None:
        await clock.sleep(30)
        woke.append(clock.monotonic())

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(sleeper())
        await asyncio.sleep(0.05)
        assert not woke
        hurry(clock)
    assert woke[0] >= 30


async def test_a_process_beside_follows_the_jump() -> None:
    clock = SimClock(NINE)
    async with telling(clock) as address:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", FOLLOWER, address, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        async with asyncio.timeout(20):
            assert await child.stdout.readline() == b"ready\n"
            clock.jump(3600)
            there = datetime.fromisoformat((await child.stdout.readline()).decode().strip())
        assert 0 <= (clock.now() - there).total_seconds() < 5
        assert await child.wait() == 0


async def test_a_follower_goes_on_where_nobody_tells_and_follows_again() -> None:
    clock = SimClock(NINE)
    async with telling(clock) as address:
        follower = HandsClock(await first_hands(address))
        async with beside(follow(follower, address)):
            await asyncio.sleep(0.05)
            clock.jump(100)
            async with asyncio.timeout(5):
                while follower.monotonic() < 100:  # noqa: ASYNC110 - the clock itself is looked at
                    await asyncio.sleep(0.01)
    assert follower.monotonic() == pytest.approx(clock.monotonic(), abs=0.5)
    with pytest.raises(ConnectionRefusedError):
        await first_hands(address)


async def test_what_is_no_place_of_hands_is_refused() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"began": 1}\n')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        with pytest.raises(ValueError, match="no place"):
            await first_hands(f"{host}:{port}")


def test_hands_say_where_they_are() -> None:
    assert Hands(began=0.0, real=10.0, passed=5.0, speed=60.0).passed_at(11.0) == 65.0
