"""``mx replay``: a dry run and one question, then progress until the end; Ctrl-C stops watching alone."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from bot.clock import SystemClock
from bot.errors import OutsideError, Refused
from bot.gateway_client import GatewayClient
from bot.verbs.replay import Replay
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.verbs.terminal import mx
from tests.wound_clock import WoundClock


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
async def gateway(clock: WoundClock) -> AsyncIterator[GatewayStandIn]:
    async with GatewayStandIn(clock).serve() as gateway:
        yield gateway


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def replay(gateway: GatewayStandIn, clock: WoundClock, said: io.StringIO) -> AsyncIterator[Replay]:
    async with GatewayClient.open(gateway.url, token=TOKEN) as client:
        yield Replay(client, clock, Console(file=said, width=120))


async def test_it_counts_first_and_then_tells_how_far_it_is_to_the_end(
    replay: Replay, gateway: GatewayStandIn, clock: WoundClock, said: io.StringIO
) -> None:
    gateway.buffer.take(137)
    clock.on_tick = lambda _: gateway.buffer.deliver(50)
    assert await replay.start(yes=True) == 0
    assert said.getvalue().splitlines() == [
        "137 writes, oldest 12:00 UTC, about 3 minutes at 40 a minute",
        "running: 0 of 137 done: 137 left, 40 a minute, about 3 minutes to go",
        "running: 50 of 137 done: 87 left, 40 a minute, about 2 minutes to go",
        "running: 100 of 137 done: 37 left, 40 a minute, about 56 s to go",
        "The replay is done: 137 of 137 sent.",
    ]
    assert len(gateway.buffer.of("delivered")) == 137


async def test_a_terminal_sees_a_bar(gateway: GatewayStandIn, clock: WoundClock) -> None:
    gateway.buffer.take(4)
    clock.on_tick = lambda _: gateway.buffer.deliver(1)
    screen = io.StringIO()
    async with GatewayClient.open(gateway.url, token=TOKEN) as client:
        console = Console(file=screen, width=120, force_terminal=True)
        assert await Replay(client, clock, console).start(yes=True) == 0
    assert "━" in screen.getvalue()
    assert "4 of 4 done: 0 left" in screen.getvalue()


async def test_without_a_word_of_consent_nothing_is_sent(replay: Replay, gateway: GatewayStandIn) -> None:
    gateway.buffer.take(2)
    with pytest.raises(Refused, match="--yes"):
        await replay.start(yes=False)
    assert gateway.buffer.progress["state"] == "idle"
    assert await replay.dry_run() == 0
    assert gateway.buffer.progress["state"] == "idle"


async def test_what_is_left_for_a_person_makes_it_1_and_is_named(
    replay: Replay, gateway: GatewayStandIn, clock: WoundClock, said: io.StringIO
) -> None:
    gateway.buffer.take(1)
    gateway.buffer.take(2, state="unknown")
    gateway.buffer.take(1, state="rejected")
    clock.on_tick = lambda _: gateway.buffer.deliver()
    assert await replay.start(yes=True) == 1
    assert "2 writes of unknown fate, for you to decide: mx buffer list --state unknown" in said.getvalue()
    assert "1 write rejected by MaintainX: mx buffer list --state rejected" in said.getvalue()


async def test_one_that_runs_is_watched_and_one_that_is_held_says_how_to_go_on(
    replay: Replay, gateway: GatewayStandIn, clock: WoundClock, said: io.StringIO
) -> None:
    gateway.buffer.take(2)
    gateway.buffer.progress = {"state": "running", "total": 2, "done": 0, "parked": 0, "by": "slack:UANN"}
    assert await replay.control("pause") == 0
    with pytest.raises(Refused, match="mx replay --resume"):
        await replay.start(yes=True)
    await replay.control("resume")
    clock.on_tick = lambda _: gateway.buffer.deliver(2)
    assert await replay.start(yes=True) == 0
    assert "running already, started by slack:UANN; this watches it" in said.getvalue()
    with pytest.raises(OutsideError, match="there is nothing to pause"):
        await replay.control("pause")


async def test_one_that_is_given_up_by_another_ends_the_watching_with_1(
    replay: Replay, gateway: GatewayStandIn, clock: WoundClock, said: io.StringIO
) -> None:
    gateway.buffer.take(2)

    def give_up(_: float) -> None:
        gateway.buffer.progress["state"] = "idle"

    clock.on_tick = give_up
    assert await replay.start(yes=True) == 1
    assert "The replay was given up: 0 of 2 sent." in said.getvalue()
    assert "2 writes wait. To send what waits: mx replay" in said.getvalue()


async def test_a_gateway_that_restarts_meanwhile_is_asked_again_and_one_that_stays_away_is_told(
    replay: Replay, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    gateway.buffer.take(2)
    looks = 0

    def restart(_: float) -> None:
        nonlocal looks
        looks += 1
        gateway.broken = 503 if looks < 10 else None
        if looks > 10:
            gateway.buffer.deliver(2)

    clock.on_tick = restart
    assert await replay.start(yes=True) == 0
    gateway.buffer.take(1)
    clock.on_tick = lambda _: setattr(gateway, "broken", 503)
    with pytest.raises(OutsideError, match="look at the gateway's log"):
        await replay.start(yes=True)


async def test_two_wishes_at_once_are_none(tmp_path: Path) -> None:
    done = await mx("replay", "--dry-run", "--cancel", env={"MX_GATEWAY_URL": "http://x"}, folder=tmp_path)
    assert (done.code, "choose one of" in done.err) == (2, True)


async def test_ctrl_c_stops_watching_and_the_replay_goes_on(tmp_path: Path) -> None:
    async with GatewayStandIn(SystemClock()).serve() as gateway:
        gateway.buffer.take(2)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "replay", "--yes"),
            cwd=tmp_path,
            env={"PATH": os.defpath, "MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN},
            # A gate that runs in a shell's background ignores SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            await process.stdout.readuntil(b"running: 0 of 2")
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert b"the replay goes on at the gateway" in out
        assert gateway.buffer.progress["state"] == "running"
