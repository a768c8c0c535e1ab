"""What was counted outlives the process: all of it at a stop, all but the last minute at a kill."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from tests.clock import FakeClock
from tests.gateway.wires import RunningGateway, gateway, upstream


async def traffic(gw: RunningGateway, window_s: int = 3600) -> Any:
    return (await gw.admin("GET", f"status?window_s={window_s}")).json()["traffic"]


async def test_a_stop_forgets_nothing(tmp_path: Path) -> None:
    async with upstream() as up:
        async with gateway(up.url, tmp_path) as gw:
            assert (await gw.get("/v1/workorders")).status == 200
            assert (await gw.get("/v1/users")).status == 200
            before = {window_s: await traffic(gw, window_s) for window_s in (3600, 86_400)}
        async with gateway(up.url, tmp_path) as gw:
            assert {window_s: await traffic(gw, window_s) for window_s in before} == before
            assert before[3600]["lanes"] == {"critical": {"200": 1}, "default": {"200": 1}}
            await gw.get("/v1/users")
            assert (await traffic(gw))["total"] == (await traffic(gw, 86_400))["total"] == 3


async def test_a_kill_forgets_the_last_minute_at_most(tmp_path: Path) -> None:
    clock = FakeClock()
    left = tmp_path / "left"
    left.mkdir()
    async with upstream() as up:
        async with gateway(up.url, tmp_path, clock=clock) as gw:
            await clock.until_parked()
            await gw.get("/v1/workorders")
            await clock.advance(60)
            await clock.until_parked()
            await gw.get("/v1/users")
            for name in ("gateway.db", "gateway.db-wal"):  # what a kill leaves behind
                shutil.copy(tmp_path / name, left)
        async with gateway(up.url, left, clock=clock) as gw:
            found = await traffic(gw)
            assert found["lanes"] == {"critical": {"200": 1}}
            assert await traffic(gw, 86_400) == {**found, "window_s": 86_400}


async def test_what_is_finished_while_it_stops_is_counted_too(tmp_path: Path) -> None:
    async with upstream() as up:
        async with gateway(up.url, tmp_path) as gw, gw.connected() as (reader, writer):
            writer.write(b"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nha")
            await writer.drain()
            while not up.connections:  # noqa: ASYNC110 - it is at the upstream's door
                await asyncio.sleep(0.01)
            gw.stop.set()
            await asyncio.sleep(0.1)
            writer.write(b"lf")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        async with gateway(up.url, tmp_path) as gw:
            assert (await traffic(gw))["lanes"] == {"critical": {"200": 1}}
