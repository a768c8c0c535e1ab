"""The gateway as a process of its own: it stops without losing what is in flight, and survives being killed."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.gateway.wires import OK, RawUpstream, RunningGateway, read_head, read_message, upstream

LEASE = {"owner": "cli:ann@host", "reason": "mx-1", "ttl_s": 600}


@asynccontextmanager
async def process(
    upstream_url: str, folder: Path
) -> AsyncIterator[tuple[RunningGateway, asyncio.subprocess.Process]]:
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},  # noqa: TID251
        "MAINTAINX_BASE_URL": upstream_url,
        "MX_GATEWAY_DATABASE_URL": f"sqlite:///{folder}/gateway.db",
        "MX_GATEWAY_PORT": "0",
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "gateway", cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        async with asyncio.timeout(20):
            line = (await running.stdout.readline()).decode().strip()
        yield RunningGateway(int(re.findall(r":(\d+)", line)[-1]), asyncio.Event()), running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def test_sigterm_finishes_uploads_and_answers(tmp_path: Path) -> None:
    uploads, answers = 20, 20
    released, waiting = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start, _ = await read_head(reader)
        waiting.release()
        if start.startswith(b"GET"):
            await released.wait()
        else:
            assert await reader.readexactly(200_000) == b"x" * 200_000
        writer.write(OK)
        await writer.drain()

    async def upload(gw: RunningGateway) -> tuple[int, bytes | None]:
        async with gw.connected() as (reader, writer):
            writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
            await released.wait()
            for _ in range(10):
                writer.write(b"x" * 10_000)
                await asyncio.sleep(0.02)
            found = await read_message(reader, answer=True)
            return found.status, found.one("Connection")

    async def read(gw: RunningGateway) -> tuple[int, bytes | None]:
        found = await gw.get()
        return found.status, found.one("Connection")

    async with (
        upstream(behaviour=slow) as up,
        process(up.url, tmp_path) as (gw, running),
        asyncio.timeout(40),
        asyncio.TaskGroup() as group,
    ):
        asked = [group.create_task(upload(gw)) for _ in range(uploads)]
        asked += [group.create_task(read(gw)) for _ in range(answers)]
        for _ in range(uploads + answers):
            await waiting.acquire()
        running.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            await gw.get()
        released.set()
        assert [await task for task in asked] == [(200, b"close")] * (uploads + answers)
        assert await running.wait() == 0


async def test_leases_survive_kill_9_at_once_and_end_by_themselves(tmp_path: Path) -> None:
    async with upstream() as up:
        async with process(up.url, tmp_path) as (gw, running):
            first = (await gw.admin("GET", "events")).json()
            assert (
                await gw.admin("PUT", "leases/short", {**LEASE, "rate_per_s": 0.5, "ttl_s": 1})
            ).status == 200
            assert (
                await gw.admin("PUT", "leases/long", {**LEASE, "paused_jobs": ["asset-sync"]})
            ).status == 200
            running.kill()
            await running.wait()
        await asyncio.sleep(1.1)
        async with process(up.url, tmp_path) as (gw, running):
            policy = (await gw.admin("GET", "policy")).json()
            assert [lease["id"] for lease in policy["leases"]] == ["long"]
            assert policy["mode"] == "limited"
            assert (await gw.get("/v1/assets")).status == 503
            events = (await gw.admin("GET", "events?after=2")).json()
            assert events["instance"] == first["instance"]
            assert [(e["n"], e["what"], e["lease"], e["actor"]) for e in events["events"]] == [
                (3, "lease_expired", "short", "gateway")
            ]
            await gw.admin("PUT", "leases/soon", {**LEASE, "rate_per_s": 7, "ttl_s": 1})
            async with asyncio.timeout(20):
                while len((await gw.admin("GET", "policy")).json()["leases"]) == 2:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
            assert (await gw.admin("GET", "policy")).json()["rate_per_s"] is None
            running.send_signal(signal.SIGTERM)
            assert await running.wait() == 0


async def test_a_lease_is_in_force_within_a_second(tmp_path: Path) -> None:
    async with upstream() as up, process(up.url, tmp_path) as (gw, _):
        assert (await gw.get("/v1/assets")).status == 200
        started = time.monotonic()
        await gw.admin("PUT", "leases/a", {**LEASE, "paused_jobs": ["asset-sync"]})
        assert (await gw.get("/v1/assets")).status == 503
        await gw.admin("DELETE", "leases/a")
        assert (await gw.get("/v1/assets")).status == 200
        assert time.monotonic() - started < 2
