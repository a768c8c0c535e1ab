"""How the gateway stops: what is in flight is finished, what takes too long is cut, a successor may start at once."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.errors import ConfigError
from tests.gateway.wires import OK, RawUpstream, gateway, read_head, read_message, upstream

LEASE = {"rate_per_s": 0.05, "owner": "cli:ann@host", "reason": "mx-1", "ttl_s": 600}


async def test_what_takes_longer_than_the_drain_is_cut(tmp_path: Path) -> None:
    async def never(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        up.arrived.set()
        await reader.read()

    async with upstream(behaviour=never) as up:
        async with gateway(up.url, tmp_path, drain_s=0.2) as gw, gw.connected() as (reader, writer):
            writer.write(b"GET /v1/x HTTP/1.1\r\nHost: g\r\n\r\n")
            await up.arrived.wait()
            async with gw.connected() as (_, second):
                second.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf")
                await asyncio.sleep(0.1)
                started = time.monotonic()
                gw.stop.set()
                assert await reader.read() == b""
        assert time.monotonic() - started < 10
        await up.left()


async def test_idle_connections_do_not_hold_the_stop_up(tmp_path: Path) -> None:
    async with upstream() as up:
        started = time.monotonic()
        async with gateway(up.url, tmp_path) as gw, gw.connected() as (reader, writer):
            writer.write(b"GET /v1/x HTTP/1.1\r\nHost: g\r\n\r\n")
            assert (await read_message(reader, answer=True)).status == 200
            gw.stop.set()
            assert await reader.read() == b""
        assert time.monotonic() - started < 4


async def test_who_waits_for_a_turn_is_served_before_the_stop(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw, asyncio.TaskGroup() as group:
        await gw.admin("PUT", "leases/a", {**LEASE, "rate_per_s": 4})
        assert (await gw.get()).status == 200
        waiting = group.create_task(gw.get())
        await asyncio.sleep(0.05)
        gw.stop.set()
        answer = await waiting
        assert (answer.status, answer.one("Connection")) == (200, b"close")
        assert len(up.requests) == 2


async def test_a_successor_starts_while_the_first_still_drains(tmp_path: Path, free_port: int) -> None:
    release = asyncio.Event()

    async def slow(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        up.arrived.set()
        await release.wait()
        writer.write(OK)
        await writer.drain()

    async with (
        upstream(behaviour=slow) as up,
        asyncio.TaskGroup() as group,
        gateway(up.url, tmp_path, port=free_port) as first,
        asyncio.timeout(10),
    ):
        await first.admin("PUT", "leases/a", {**LEASE, "paused_jobs": ["asset-sync"]})
        asked = group.create_task(first.get())
        await up.arrived.wait()
        first.stop.set()
        while not asked.done():
            try:
                async with gateway(up.url, tmp_path, port=free_port) as second:
                    assert (await second.get("/v1/assets")).status == 503
                    release.set()
                    assert (await asked).status == 200
            except* ConfigError:
                await asyncio.sleep(0.02)  # the first has not let go yet


async def test_a_stopping_gateway_takes_no_new_lease(tmp_path: Path) -> None:
    async def slow(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        up.arrived.set()
        await asyncio.sleep(0.5)
        writer.write(OK)
        await writer.drain()

    body = b'{"rate_per_s": 1, "owner": "o", "reason": "r", "ttl_s": 60}'
    head = b"PUT /-/leases/a HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with (
        upstream(behaviour=slow) as up,
        gateway(up.url, tmp_path) as gw,
        gw.connected() as (reader, writer),
        asyncio.TaskGroup() as group,
    ):
        writer.write(b"GET /-/healthz HTTP/1.1\r\nHost: g\r\n\r\n")
        assert (await read_message(reader, answer=True)).status == 200
        asked = group.create_task(gw.get())
        await up.arrived.wait()
        gw.stop.set()
        await asyncio.sleep(0.05)
        writer.write(head + body)
        answer = await read_message(reader, answer=True)
        assert answer.status == 503
        assert "is stopping" in answer.json()["error"]
        assert (await asked).status == 200


@pytest.mark.parametrize("times", [3])
async def test_it_starts_and_stops_again_and_again(tmp_path: Path, times: int) -> None:
    async with upstream() as up:
        for _ in range(times):
            async with gateway(up.url, tmp_path) as gw:
                assert (await gw.get()).status == 200
