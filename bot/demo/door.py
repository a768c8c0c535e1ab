"""A listening door on loopback for the stand-ins: it can be shut (connections are refused) and opened again.

Also two doors that no server stands behind: one that accepts and never speaks, and one that never accepts.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Self

from aiohttp import web

from bot.accepting import stop_accepting

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def wall_clock() -> datetime:
    """The real time in UTC: the stand-ins play the outside, which no test winds forward by accident."""
    return datetime.now(UTC)  # noqa: TID251 - the outside's own clock; every stand-in takes another as an argument


@asynccontextmanager
async def beside(*loops: Coroutine[None, None, None]) -> AsyncIterator[asyncio.TaskGroup]:
    """Run these loops beside the block and end them with it; what the block raises comes out as it is.

    The block may give the group more to do, and its end waits until that is done.
    """
    failure: BaseException | None = None
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(loop) for loop in loops]
        try:
            yield tasks
        except BaseException as fault:  # noqa: BLE001 - raised again outside the group, which would wrap it
            failure = fault
        finally:
            for task in running:
                task.cancel()
    if failure is not None:
        raise failure


class Door:
    """One HTTP listener whose port stays the same while it is shut and opened."""

    def __init__(self, handler: Handler, arriving: asyncio.TaskGroup) -> None:
        self._server = web.Server(handler, keepalive_timeout=30.0, access_log=None)
        self._socket = _bound(0)
        self.port = int(self._socket.getsockname()[1])
        self._opened: bool = False
        self._arriving = arriving
        self.closing = asyncio.Event()
        """Set when the stand-in goes away: whatever waits for ever waits for this."""

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_open(self) -> bool:
        """False while connections are refused."""
        return self._opened

    @classmethod
    @asynccontextmanager
    async def open(cls, handler: Handler) -> AsyncIterator[Self]:
        """Listen until the block ends; then cut every connection."""
        async with beside() as arriving:
            door = cls(handler, arriving)
            door.unshut()
            try:
                yield door
            finally:
                door.closing.set()
                door.shut()
                await door._server.shutdown(0.05)
                door._socket.close()

    def shut(self) -> None:
        """Refuse connections from now on and cut those that stand. The port stays ours."""
        if not self._opened:
            return
        self._opened = False
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = _bound(self.port)
        for connection in self._server.connections:
            if connection.transport is not None:
                connection.transport.abort()

    def unshut(self) -> None:
        """Take connections again; the kernel queues them from this line on."""
        if self._opened:
            return
        self._socket.listen(128)
        self._opened = True
        asyncio.get_running_loop().add_reader(self._socket, self._accept, self._socket)

    def _accept(self, listener: socket.socket) -> None:
        """Take one: not by asyncio's own server, whose closing is neither immediate nor forgets nobody."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        connection.setblocking(False)
        self._arriving.create_task(self._welcome(listener, connection))

    async def _welcome(self, listener: socket.socket, connection: socket.socket) -> None:
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(self._server, connection)
        if listener is not self._socket:  # shut meanwhile
            transport.abort()


@asynccontextmanager
async def silent_door() -> AsyncIterator[int]:
    """A port that accepts connections and never says a word: a TLS handshake or a first byte waits for ever."""
    gone = asyncio.Event()

    async def keep_quiet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.transport.abort()

    server = await asyncio.start_server(keep_quiet, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        gone.set()
        stop_accepting(server)
        await asyncio.sleep(0)


@asynccontextmanager
async def full_door() -> AsyncIterator[int]:
    """A port whose queue is full: a connection is neither accepted nor refused (on Linux)."""
    listener = _bound(0)
    listener.listen(0)
    address = listener.getsockname()
    fillers = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(4)]
    try:
        for filler in fillers:
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(address)
        await asyncio.sleep(0)
        yield int(address[1])
    finally:
        for filler in fillers:
            filler.close()
        listener.close()


def _bound(port: int) -> socket.socket:
    """A socket that owns the port without listening: connecting to it is refused."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock
