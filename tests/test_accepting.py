"""A listener stops: whoever was accepted before is answered or cut, in whichever turn of the loop that was."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

from bot.accepting import Site, stop_accepting
from bot.demo.door import Door

TURNS = range(8)
"""Between a client's connection and the stop: one of them is the one in which it was accepted."""
Listening = Callable[[], AbstractAsyncContextManager[int]]


async def hello(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="hello")


@asynccontextmanager
async def bare() -> AsyncIterator[int]:
    handler = web.Server(hello)
    server = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    stop_accepting(server)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await handler.shutdown(0.05)


@asynccontextmanager
async def site() -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(hello), shutdown_timeout=0.05)
    await runner.setup()
    await Site(runner, "127.0.0.1", 0).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@asynccontextmanager
async def door() -> AsyncIterator[int]:
    async with Door.open(hello) as opened:
        yield opened.port


@asynccontextmanager
async def shut() -> AsyncIterator[int]:
    """A door that is shut first and goes away later."""
    async with Door.open(hello) as opened:
        yield opened.port
        opened.shut()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("turns", TURNS)
@pytest.mark.parametrize("listening", [bare, site, door, shut])
async def test_whoever_was_accepted_last_is_not_forgotten(listening: Listening, turns: int) -> None:
    async with listening() as port:
        client = socket.create_connection(("127.0.0.1", port), timeout=1)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(turns):
            await asyncio.sleep(0)
    with client:
        answer = await asyncio.to_thread(_heard, client)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 200 OK")
    await asyncio.sleep(0)
    gc.collect()  # what was forgotten would complain here, and fail the test


def _heard(client: socket.socket) -> bytes:
    try:
        return client.recv(1000)
    except ConnectionResetError:
        return b""
