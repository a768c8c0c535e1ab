"""Answers that come before the request's end, and clients that dawdle or break off: no second request comes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.strict import Request, read_requests
from tests.gateway.wires import OK, RawUpstream, RunningGateway, gateway, read_message, upstream

SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"
NEXT = b"GET /v1/next HTTP/1.1\r\nHost: g\r\n\r\n"
POST = b"POST /v1/x HTTP/1.1\r\nHost: g\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"


def told(length: int, *lines: bytes) -> bytes:
    return POST + b"".join(line + b"\r\n" for line in lines) + b"Content-Length: %d\r\n\r\n" % length


@dataclass
class Hasty:
    """An upstream that answers each request as soon as its head is there, and keeps every byte by connection."""

    answer: bytes
    connections: list[bytearray] = field(default_factory=list)

    async def __call__(
        self, up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        kept, answered = bytearray(), 0
        self.connections.append(kept)
        while data := await reader.read(65536):
            kept += data
            for request in read_requests(bytes(kept)).requests[answered:]:
                writer.write(self.answer if request.method == b"POST" else OK)
                answered += 1
            await writer.drain()

    @property
    def requests(self) -> list[Request]:
        return [request for kept in self.connections for request in read_requests(bytes(kept)).requests]

    @property
    def targets(self) -> list[bytes]:
        return [request.target for request in self.requests]


@asynccontextmanager
async def before(
    folder: Path, answer: bytes = OK, **settings: Any
) -> AsyncIterator[tuple[Hasty, RunningGateway]]:
    hasty = Hasty(answer)
    given = {"stall_s": 0.3, "idle_s": 0.3, **settings}
    async with upstream(behaviour=hasty) as up, gateway(up.url, folder, **given) as gw, asyncio.timeout(15):
        yield hasty, gw


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    back = b""
    try:
        while data := await reader.read(65536):
            back += data
    except ConnectionError:
        pass  # closed while the client still sent
    return back


@pytest.mark.parametrize("expects", [False, True])
@pytest.mark.parametrize("coded", [False, True])
async def test_the_rest_of_a_body_that_was_answered_early_is_no_request(
    tmp_path: Path, *, coded: bool, expects: bool
) -> None:
    """The upstream refuses on the head alone and keeps the connection open; the rest looks like a request."""
    line = b"Expect: 100-continue\r\n" if expects else b""
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED) if coded else SMUGGLED
    framing = b"Transfer-Encoding: chunked" if coded else b"Content-Length: %d" % len(SMUGGLED)
    async with before(tmp_path, REFUSAL) as (hasty, gw), gw.connected() as (reader, writer):
        writer.write(POST + line + framing + b"\r\n\r\n")
        found = await read_message(reader, answer=True)
        if expects:
            assert found.status == 100
            found = await read_message(reader, answer=True)
        assert (found.status, found.body) == (413, b"big")
        writer.write(body + NEXT)
        await to_the_end(reader)
        assert (await gw.get("/v1/own")).body == b"ok"
        assert hasty.targets in ([b"/v1/x", b"/v1/own"], [b"/v1/x", b"/v1/next", b"/v1/own"])
        assert len(read_requests(bytes(hasty.connections[0])).requests) == 1


@pytest.mark.parametrize("expects", [False, True])
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"X-MX-Job: night",), 503),
        ((b"Content_Length: 0",), 400),
        ((b"Expect: tea",), 417),
        ((b"X: " + b"y" * 60_000,) * 5, 431),
    ],
)
async def test_the_body_of_a_request_that_the_gateway_refused_is_no_request(
    tmp_path: Path, lines: tuple[bytes, ...], status: int, *, expects: bool
) -> None:
    more = (b"Expect: 100-continue",) if expects else ()
    lease = {"paused_jobs": ["night"], "owner": "cli:ann@host", "reason": "mx-1", "ttl_s": 60}
    async with before(tmp_path) as (hasty, gw), gw.connected() as (reader, writer):
        assert (await gw.admin("PUT", "leases/a", lease)).status == 200
        writer.write(told(len(SMUGGLED), *more, *lines))
        found = await read_message(reader, answer=True)
        assert (found.status, found.one("Connection")) == (status, b"close")
        writer.write(SMUGGLED + NEXT)
        assert await to_the_end(reader) == b""
        assert hasty.connections == []


async def test_the_body_of_a_request_that_reached_nobody_is_no_request(
    tmp_path: Path, free_port: int
) -> None:
    async with (
        gateway(f"http://127.0.0.1:{free_port}/v1", tmp_path, stall_s=0.3) as gw,
        gw.connected() as (reader, writer),
        asyncio.timeout(15),
    ):
        writer.write(told(len(SMUGGLED)))
        found = await read_message(reader, answer=True)
        assert (found.status, found.one("Connection")) == (502, b"close")
        writer.write(SMUGGLED + NEXT)
        assert await to_the_end(reader) == b""


BROKEN = {
    "leaves in a body": (told(100) + b"half", None),
    "leaves in a chunk": (CHUNKED + b"64\r\nhalf", None),
    "leaves between chunks": (CHUNKED + b"4\r\nhalf\r\n", None),
    "leaves in a trailer": (CHUNKED + b"4\r\nhalf\r\n0\r\nX: ", None),
    "stands still in a body": (told(100) + b"half", 408),
    "stands still in a chunk": (CHUNKED + b"64\r\nhalf", 408),
    "stands still in a trailer": (CHUNKED + b"4\r\nhalf\r\n0\r\nX: ", 408),
    "sends a bad chunk": (CHUNKED + b"4\r\nhalf\r\nzz\r\n", 408),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_nobody_elses_request_is_put_behind_a_broken_one(tmp_path: Path, how: str) -> None:
    raw, status = BROKEN[how]
    head = raw.index(b"\r\n\r\n") + 4
    async with upstream() as up, gateway(up.url, tmp_path, stall_s=0.2) as gw, asyncio.timeout(15):
        assert (await gw.get("/v1/before")).status == 200
        async with gw.connected() as (reader, writer):
            writer.write(raw[:head])
            await asyncio.sleep(0.05)
            writer.write(raw[head:])
            await asyncio.sleep(0.05)
            if status is not None:
                assert (await read_message(reader, answer=True)).status == status
        assert [(await gw.get(f"/v1/{n}")).body for n in range(3)] == [b"ok"] * 3
        whole = [request.start.split()[1] for request in up.requests if request.whole]
        assert whole == [b"/v1/before", b"/v1/0", b"/v1/1", b"/v1/2"]


@pytest.mark.parametrize(
    ("at_once", "then", "answer"),
    [
        (b"", b"GET /v1/smuggled", b""),
        (b"GET /v1/x HTTP/1.1\r\nHost: g\r\nX: ", b"y", b""),
        (NEXT + b"GET /v1/x HTTP/1.1\r\n", b"Host: ", b"HTTP/1.1 200 OK"),
        (CHUNKED, b"3;", b"HTTP/1.1 408 Request Timeout"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n", b"X: ", b"HTTP/1.1 408 Request Timeout"),
    ],
)
async def test_who_sends_a_byte_at_a_time_is_not_waited_for_longer(
    tmp_path: Path, at_once: bytes, then: bytes, answer: bytes
) -> None:
    """Bytes that complete nothing extend no limit: neither the head's nor the body's."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        for byte in then + b"x" * 1000:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    async with (
        before(tmp_path, b"") as (hasty, gw),
        gw.connected() as (reader, writer),
        asyncio.TaskGroup() as group,
    ):
        writer.write(at_once)
        trickling = group.create_task(trickle(writer))
        back = await to_the_end(reader)
        trickling.cancel()
        assert back.partition(b"\r\n")[0] == answer
        assert b"/v1/smuggled" not in hasty.targets
        assert [r.target for r in hasty.requests if r.whole] == [b"/v1/next"] * at_once.count(NEXT)
