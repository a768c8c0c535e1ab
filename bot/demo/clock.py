"""The simulator's time: it runs at a speed, it jumps, and processes beside it follow it.

A clock is its hands: where they stood at one moment of the machine's own monotonic clock, which is the same for all
processes of a machine, and how fast they go. Whoever has the same hands reads the same time, so that following takes
one line for each change and no more. Time never goes back: hands that come a moment late are waited for.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from bot.accepting import stop_accepting

SPEEDS = (1, 10, 60)
"""How many simulated seconds may pass in a real one."""

LONGEST_JUMP_S = 7 * 86400.0
_AGAIN_S = 0.5
_TURNS = 4
"""Of the event loop, in which a connection that came at the last moment is taken and cut."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Where the hands stand: ``passed`` simulated seconds after ``began`` (Unix time) at the machine's second ``real``."""

    began: float
    real: float
    passed: float = 0.0
    speed: float = 1.0

    def passed_at(self, real: float) -> float:
        """Simulated seconds since the beginning, at this second of the machine."""
        return self.passed + (real - self.real) * self.speed


class HandsClock:
    """A clock with these hands, by the shape of mx's port ``Clock``; whoever sleeps wakes in time when they are moved."""

    def __init__(self, hands: Hands, *, real: Callable[[], float] = time.monotonic) -> None:
        self._hands = hands
        self._real = real
        self._latest = hands.passed
        self._moved = asyncio.Event()

    @property
    def hands(self) -> Hands:
        """Where they stand."""
        return self._hands

    @property
    def passed(self) -> float:
        """Simulated seconds since the beginning; they never go back."""
        self._latest = max(self._latest, self._hands.passed_at(self._real()))
        return self._latest

    def now(self) -> datetime:
        """The simulated time, UTC."""
        return datetime.fromtimestamp(self._hands.began, UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        """Simulated seconds that never go back."""
        return self.passed

    async def sleep(self, seconds: float) -> None:
        """Wait so many simulated seconds, however fast they pass meanwhile."""
        until = self.passed + seconds
        if seconds <= 0:
            await asyncio.sleep(0)
        while (left := until - self.passed) > 0:
            moved = self._moved
            with suppress(TimeoutError):
                async with asyncio.timeout(left / self._hands.speed):
                    await moved.wait()

    async def moved(self) -> None:
        """Wait until the hands are moved."""
        await self._moved.wait()

    def put(self, hands: Hands) -> None:
        """Other hands from now on; sleepers look again."""
        _ = self.passed  # what was read until now stays the least that is read
        self._hands = hands
        self._moved.set()
        self._moved = asyncio.Event()


class SimClock(HandsClock):
    """The clock that the others follow; people set its speed and make it jump."""

    def __init__(self, began: datetime, *, real: Callable[[], float] = time.monotonic) -> None:
        super().__init__(Hands(began=began.timestamp(), real=real()), real=real)

    def run_at(self, speed: float) -> None:
        """Let so many simulated seconds pass in a real one. Raises ValueError for a speed that is none of ours."""
        if speed not in SPEEDS:
            known = ", ".join(f"{one}" for one in SPEEDS)
            raise ValueError(f"{speed:g} is no speed of the clock: it runs at {known} times the real one")
        self._put(self.passed, speed)

    def jump(self, seconds: float) -> None:
        """Move the hands forward. Raises ValueError for a jump back or over a week."""
        if not 0 < seconds <= LONGEST_JUMP_S:
            raise ValueError("the clock jumps forward only, by at most a week")
        self._put(self.passed + seconds, self._hands.speed)

    def _put(self, passed: float, speed: float) -> None:
        self.put(Hands(began=self._hands.began, real=self._real(), passed=passed, speed=speed))


@asynccontextmanager
async def telling(clock: SimClock) -> AsyncIterator[str]:
    """Tell everybody who connects to this loopback address (``host:port``) where the hands stand, at every move."""
    told: set[asyncio.StreamWriter] = set()
    closed = asyncio.Event()

    async def tell(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if closed.is_set():
            writer.transport.abort()
            return
        told.add(writer)
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(json.dumps(asdict(clock.hands)).encode() + b"\n")
                await writer.drain()
                await clock.moved()
        told.discard(writer)

    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}"
    finally:
        closed.set()
        stop_accepting(server)
        for writer in told:
            writer.transport.abort()
        clock.put(clock.hands)  # whoever waits to tell looks up and finds that nobody listens
        for _ in range(_TURNS):
            await asyncio.sleep(0)


async def first_hands(address: str) -> Hands:
    """Where the hands of the clock at this address stand. Raises OSError or ValueError where nobody tells."""
    reader, writer = await _connect(address)
    try:
        return _read(await reader.readline())
    finally:
        writer.transport.abort()


async def follow(clock: HandsClock, address: str) -> None:
    """Put the clock's hands as the one at this address has them, for ever; where nobody tells, it goes on as it was."""
    while True:
        with suppress(OSError, ValueError):
            reader, writer = await _connect(address)
            try:
                while line := await reader.readline():
                    clock.put(_read(line))
            finally:
                writer.transport.abort()
        await asyncio.sleep(_AGAIN_S)


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


def _read(line: bytes) -> Hands:
    try:
        return Hands(**json.loads(line))
    except TypeError:
        raise ValueError(f"{line[:80]!r} is no place of a clock's hands") from None
