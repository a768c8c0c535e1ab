"""Raw sockets for both sides of the gateway: what is sent and what arrives is compared byte for byte."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.clock import SystemClock
from bot.gateway.serve import serve
from bot.gateway.settings import GatewaySettings
from bot.ports import Clock, KeySource

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Message:
    """A request or an answer as it stood on the wire."""

    start: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    whole: bool = True
    """False where the connection ended before the message did."""

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower().encode()]

    def one(self, name: str) -> bytes | None:
        found = self.all(name)
        assert len(found) <= 1, (name, found)
        return found[0] if found else None

    @property
    def status(self) -> int:
        return int(self.start.split()[1])

    def json(self) -> Any:
        return json.loads(self.body)


async def read_head(reader: asyncio.StreamReader) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    raw = await reader.readuntil(b"\r\n\r\n")
    start, *lines = raw[:-4].split(b"\r\n")
    pairs = []
    for line in lines:
        name, _, value = line.partition(b":")
        pairs.append((name, value.strip(b" \t")))
    return start, tuple(pairs)


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return body


async def read_message(reader: asyncio.StreamReader, *, method: str = "", answer: bool = False) -> Message:
    start, headers = await read_head(reader)
    bare = Message(start, headers, b"")
    length, coding = bare.one("content-length"), bare.one("transfer-encoding")
    if answer and (method == "HEAD" or bare.status in (204, 304) or bare.status < 200):
        return bare
    try:
        if coding is not None:
            assert coding == b"chunked"
            return Message(start, headers, await read_chunks(reader))
        if length is not None:
            return Message(start, headers, await reader.readexactly(int(length)))
        return Message(start, headers, await reader.read() if answer else b"")
    except (asyncio.IncompleteReadError, ConnectionResetError) as error:
        return Message(start, headers, getattr(error, "partial", b""), whole=False)


Behaviour = Callable[["RawUpstream", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawUpstream:
    """A MaintainX made of bytes: keeps every request, answers what it is told to."""

    answer: bytes | Callable[[Message], bytes] = OK
    behaviour: Behaviour | None = None
    """Instead of reading requests and answering each."""
    requests: list[Message] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _alone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        self._alone.clear()
        try:
            if self.behaviour is not None:
                await self.behaviour(self, reader, writer)
                return
            while True:
                message = await read_message(reader)
                self.requests.append(message)
                self.arrived.set()
                answer = self.answer if isinstance(self.answer, bytes) else self.answer(message)
                bare = message.start.startswith(b"HEAD ")
                writer.write(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if bare else answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            if not self._open:
                self._alone.set()
            writer.close()

    async def left(self) -> None:
        """Wait until nobody is connected."""
        async with asyncio.timeout(10):
            await self._alone.wait()

    async def hang_up(self) -> None:
        """Close every connection, and let the gateway see it."""
        for writer in tuple(self._open):
            writer.close()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def upstream(
    answer: bytes | Callable[[Message], bytes] = OK,
    *,
    behaviour: Behaviour | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[RawUpstream]:
    raw = RawUpstream(answer, behaviour)
    server = await asyncio.start_server(raw.connected, "127.0.0.1", 0, limit=2**20, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()


def resident_mb() -> float:
    """This process's memory, gateway included; 0 where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@dataclass
class RunningGateway:
    """A real gateway in this process."""

    port: int
    stop: asyncio.Event

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def send(self, raw: bytes, *, method: str = "GET") -> Message:
        """One request as raw bytes on a connection of its own, and its answer."""
        async with self.connected() as (reader, writer), asyncio.timeout(20):
            writer.write(raw)
            return await read_message(reader, method=method, answer=True)

    async def get(self, target: str = "/v1/users", *headers: str, method: str = "GET") -> Message:
        lines = "".join(f"{line}\r\n" for line in headers)
        return await self.send(
            f"{method} {target} HTTP/1.1\r\nHost: g\r\n{lines}\r\n".encode(), method=method
        )

    async def post(
        self, target: str, body: Any, *headers: str, method: str = "POST", key: str = ""
    ) -> Message:
        """A write with a JSON body; ``key`` goes out as the bearer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [*headers, *([f"Authorization: Bearer {key}"] if key else [])]
        head = f"{method} {target} HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(raw)}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
        return await self.send(head.encode() + raw, method=method)

    async def admin(self, method: str, path: str, body: Any = None, *headers: str) -> Message:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = "".join(f"{line}\r\n" for line in headers)
        head = f"{method} /-/{path} HTTP/1.1\r\nHost: g\r\nContent-Length: {len(raw)}\r\n{lines}\r\n"
        return await self.send(head.encode() + raw, method=method)


@asynccontextmanager
async def gateway(
    upstream_url: str,
    folder: Path,
    *,
    clock: Clock | None = None,
    key: KeySource | None = None,
    **settings: Any,
) -> AsyncIterator[RunningGateway]:
    given = {"host": "127.0.0.1", "port": 0, "drain_s": 5.0, **settings}
    made = GatewaySettings(upstream=upstream_url, database=folder / "gateway.db", **given)
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            serve(made, clock=clock or SystemClock(), stop=stop, ready=ready.set_result, key=key)
        )
        await asyncio.wait((ready, running), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        try:
            yield RunningGateway(int(ready.result().rpartition(":")[2]), stop)
        finally:
            stop.set()
