"""Bodies stream through as they came: encodings untouched, framing kept, nothing held in memory."""

import asyncio
import gzip
import hashlib
from pathlib import Path

import pytest

from tests.gateway.wires import (
    OK,
    Message,
    RawUpstream,
    gateway,
    read_head,
    read_message,
    resident_mb,
    upstream,
)

MB = 1024 * 1024


async def test_a_gzipped_request_body_arrives_as_it_was(tmp_path: Path) -> None:
    body = gzip.compress(b'{"title": "pump"}' * 100)
    head = f"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        assert (await gw.send(head.encode() + body)).status == 200
        (request,) = up.requests
        assert request.body == body
        assert request.one("Content-Length") == str(len(body)).encode()
        assert request.one("Content-Encoding") == b"gzip"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_an_encoded_answer_arrives_as_it_was(tmp_path: Path, coding: str) -> None:
    body = gzip.compress(b"hello" * 100)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with upstream(head.encode() + body) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get()
        assert found.body == body
        assert found.one("Content-Encoding") == coding.encode()
        assert up.requests[0].one("Accept-Encoding") is None


async def test_a_chunked_request_stays_chunked(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        head = b"POST /v1/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await gw.send(head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")).status == 200
        async with gw.connected() as (reader, writer):
            writer.write(head + b"3\r\nabc\r\n")
            await asyncio.sleep(0.05)
            writer.write(b"2\r\nde\r\n")
            await asyncio.sleep(0.05)
            writer.write(b"0\r\n\r\n")
            assert (await read_message(reader, answer=True)).status == 200
        assert (await gw.send(head + b"0\r\n\r\n")).status == 200
        assert [r.body for r in up.requests] == [b"abcde", b"abcde", b""]
        assert all(r.one("Transfer-Encoding") == b"chunked" for r in up.requests)


async def test_chunked_and_close_delimited_answers(tmp_path: Path) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

    async def until_close(
        up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        up.requests.append(await read_message(reader))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"def")

    async with upstream(chunked) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get()
        assert (found.body, found.one("Transfer-Encoding"), found.one("Content-Length")) == (
            b"abc",
            b"chunked",
            None,
        )
        old = await gw.send(b"GET /v1/x HTTP/1.0\r\nHost: g\r\n\r\n")
        assert (old.body, old.one("Transfer-Encoding"), old.one("Connection")) == (b"abc", None, b"close")
        up.behaviour = until_close
        await up.hang_up()
        found = await gw.get()
        assert (found.body, found.one("Transfer-Encoding")) == (b"abcdef", b"chunked")


async def test_head_204_and_304_have_no_body_and_keep_the_connection(tmp_path: Path) -> None:
    def answer(request: Message) -> bytes:
        match request.start.split()[1]:
            case b"/head":
                return b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: x\r\n\r\n"
            case b"/204":
                return b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"
            case b"/304":
                return b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n'
            case _:
                return OK

    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw, gw.connected() as (reader, writer):
        found = []
        for method, target in (("HEAD", "/head"), ("DELETE", "/204"), ("GET", "/304"), ("GET", "/last")):
            writer.write(f"{method} {target} HTTP/1.1\r\nHost: g\r\n\r\n".encode())
            found.append(await read_message(reader, method=method, answer=True))
        assert [m.status for m in found] == [200, 204, 304, 200]
        assert found[0].one("Content-Length") == b"1234"
        assert found[1].headers == ((b"X-A", b"1"),)
        assert found[2].one("ETag") == b'"x"'
        assert found[3].body == b"ok"
        assert up.connections == 1


async def test_a_20_mb_upload_streams(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.get()
        before, digest, total = resident_mb(), hashlib.sha256(), 20
        arrived = hashlib.sha256()
        done = asyncio.Event()

        async def swallow(
            up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await read_head(reader)
            left = total * MB
            while left:
                data = await reader.read(65536)
                arrived.update(data)
                left -= len(data)
            done.set()
            writer.write(OK)

        up.behaviour = swallow
        await up.hang_up()
        async with gw.connected() as (reader, writer):
            writer.write(f"PUT /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: {total * MB}\r\n\r\n".encode())
            peak = 0.0
            for n in range(total):
                block = bytes([n]) * MB
                digest.update(block)
                writer.write(block)
                await writer.drain()
                peak = max(peak, resident_mb())
            assert (await read_message(reader, answer=True)).status == 200
        assert arrived.digest() == digest.digest()
        assert peak - before < 15


async def test_a_20_mb_download_streams_and_waits_for_a_slow_reader(tmp_path: Path) -> None:
    total, sent = 20, 0

    async def pour(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_head(reader)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {total * MB}\r\n\r\n".encode())
        for n in range(total):
            writer.write(bytes([n]) * MB)
            await writer.drain()
            sent += 1

    async with upstream(behaviour=pour) as up, gateway(up.url, tmp_path) as gw:
        before = resident_mb()
        async with gw.connected() as (reader, writer):
            writer.write(b"GET /v1/x HTTP/1.1\r\nHost: g\r\n\r\n")
            await read_head(reader)
            await asyncio.sleep(0.3)
            assert sent < total
            assert resident_mb() - before < 15
            for n in range(total):
                assert set(await reader.readexactly(MB)) == {n}


async def test_an_answer_comes_while_the_upload_still_runs(tmp_path: Path) -> None:
    async def echo(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(2):
            writer.write(await reader.readexactly(3))
            await writer.drain()

    async with (
        upstream(behaviour=echo) as up,
        gateway(up.url, tmp_path) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\n\r\nabc")
        await read_head(reader)
        assert await reader.readexactly(3) == b"abc"
        writer.write(b"def")
        assert await reader.readexactly(3) == b"def"


async def test_an_early_413_is_delivered(tmp_path: Path) -> None:
    async def refuse(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        await writer.drain()

    async with (
        upstream(behaviour=refuse) as up,
        gateway(up.url, tmp_path) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 100_000)
        found = await read_message(reader, answer=True)
        assert (found.status, found.body) == (413, b"big")


async def test_expect_100_is_answered_once_and_only_when_it_is_this_ones_turn(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        async with gw.connected() as (reader, writer):
            head = b"POST /v1/x HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            writer.write(head)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hello")
            assert (await read_message(reader, answer=True)).body == b"ok"
            assert up.requests[0].body == b"hello"
            assert up.requests[0].one("Expect") is None
            await gw.admin(
                "PUT", "leases/a", {"paused_jobs": ["default"], "owner": "o", "reason": "r", "ttl_s": 60}
            )
            writer.write(head)
            assert (await read_message(reader, answer=True)).status == 503
        assert (await gw.get("/v1/workorders", "Expect: tea")).status == 417
        assert len(up.requests) == 1
