"""A disk that is full and a file that is locked: new writes get 503, nothing that was accepted is lost, and it goes on."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.maintainx import FakeMaintainX, Fault
from tests.gateway.child import KEY, Lives, lives

SETTINGS = "replay_settle_s = 0.2\nreplay_share = 1.0"
DISK = 4 * 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes. Only root can make one; where changes are judged that is not passed over."""
    if os.geteuid() and "CI" not in os.environ:  # noqa: TID251 - where the test runs
        pytest.skip("making a small disk needs root: a full disk is not shown here")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Somebody else's file takes what is left of the disk."""
    filler = folder / "log-of-somebody-else"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    assert shutil.disk_usage(folder).free == 0
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process holds the file's write lock."""
    connection = sqlite3.connect(database, isolation_level=None, timeout=10)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[tuple[FakeMaintainX, Lives]]:
    async with (
        FakeMaintainX.start(key=KEY, user_limit=10**6, organisation_limit=10**6) as maintainx,
        lives(folder, maintainx.base_url, SETTINGS) as gateway,
    ):
        yield maintainx, gateway


class Asks:
    """A client of the gateway, and its operator."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def write(self, title: str) -> tuple[int, dict[str, Any], str | None]:
        body = {"title": title, "description": "x" * 2000}
        async with self._http.post(
            f"{self._url}/v1/workorders", json=body, headers={"Authorization": f"Bearer {KEY}"}
        ) as answer:
            return answer.status, await answer.json(), answer.headers.get("Retry-After")

    async def admin(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        wish = {"owner": "cli:ann@host", "reason": "r", **body} if method != "GET" else None
        async with self._http.request(method, f"{self._url}/-/{path}", json=wish) as answer:
            return answer.status, await answer.json()

    async def buffering(self) -> None:
        assert (await self.admin("PUT", "leases/b", buffer="on", ttl_s=600))[0] == 200

    async def start_replay(self) -> None:
        await self.admin("DELETE", "leases/b")
        async with self._http.get(
            f"{self._url}/v1/users?limit=1", headers={"Authorization": f"Bearer {KEY}"}
        ) as answer:
            assert answer.status == 200, "and by this it hears of the stand-in's limits"
        assert (await self.admin("POST", "replay", action="start"))[0] == 200

    async def replayed(self) -> dict[str, int]:
        """The buffer's counts once the replay is over."""
        async with asyncio.timeout(30):
            while (await self.admin("GET", "replay"))[1]["state"] == "running":  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        counts: dict[str, int] = (await self.admin("GET", "buffer"))[1]["counts"]
        return counts


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Asks]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        yield Asks(url, http)


def titles(maintainx: FakeMaintainX) -> list[str]:
    """Of the work orders that came through the gateway."""
    return sorted(str(row["title"]) for row in maintainx.workorders.values() if "description" in row)


async def refused(ask: Asks, title: str) -> None:
    """A write that cannot be kept is answered so, with when to come again."""
    status, body, retry_after = await ask.write(title)
    assert status == 503, body
    assert "this write was not kept" in body["error"]
    assert int(retry_after or 0) > 0


async def test_a_full_disk_refuses_new_writes_keeps_the_accepted_and_works_again(small_disk: Path) -> None:
    async with world(small_disk) as (maintainx, gateway):
        kept: list[str] = []
        async with gateway.alive() as url, asking(url) as ask:
            await ask.buffering()
            for number in range(20):
                assert (await ask.write(f"before {number:02}"))[0] == 202
                kept.append(f"before {number:02}")
            with filled(small_disk):
                refusals = 0
                for number in range(200):  # the journal may have some room of its own left
                    status, body, retry_after = await ask.write(f"full {number:03}")
                    if status == 202:
                        kept.append(f"full {number:03}")
                        continue
                    assert (status, int(retry_after or 0) > 0) == (503, True), body
                    assert "no space is left" in body["error"]
                    refusals += 1
                    if refusals == 5:
                        break
                assert refusals == 5
                assert (await ask.admin("GET", "buffer"))[1]["counts"]["waiting"] == len(kept)
            assert (await ask.write("after"))[0] == 202
            kept.append("after")
            await ask.start_replay()
            counts = await ask.replayed()
        assert counts == {"waiting": 0, "sending": 0, "delivered": len(kept), "rejected": 0, "unknown": 0}
        assert titles(maintainx) == sorted(kept)


async def test_a_disk_that_fills_up_in_the_replay_doubles_nothing_also_when_it_is_killed_then(
    small_disk: Path,
) -> None:
    async with world(small_disk) as (maintainx, gateway):
        kept = [f"order {number:02}" for number in range(30)]
        async with gateway.alive() as url, asking(url) as ask:
            await ask.buffering()
            for title in kept:
                assert (await ask.write(title))[0] == 202
            slow = Fault("slow", "/workorders", methods=("POST",), seconds=0.1)
            maintainx.break_(slow)
            await ask.start_replay()
            await asyncio.sleep(0.15)
            with filled(small_disk):
                # The journal has room for some answers more; then one cannot be noted, and nothing more is sent.
                async with asyncio.timeout(20):
                    seen = -1
                    while seen != (seen := len(titles(maintainx))):  # noqa: ASYNC110 - until it stands still
                        await asyncio.sleep(0.6)
                assert 0 < seen < len(kept), "it stopped in the middle"
                await gateway.kill()
        maintainx.heal()
        async with gateway.alive() as url, asking(url) as ask:
            counts = await ask.replayed()
        assert counts == {"waiting": 0, "sending": 0, "delivered": 30, "rejected": 0, "unknown": 0}
        assert titles(maintainx) == kept


async def test_it_starts_again_on_a_full_disk(small_disk: Path) -> None:
    async with world(small_disk) as (maintainx, gateway):
        async with gateway.alive() as url, asking(url) as ask:
            await ask.buffering()
            assert (await ask.write("kept"))[0] == 202
        with filled(small_disk):
            async with gateway.alive() as url, asking(url) as ask:
                assert (await ask.admin("GET", "buffer"))[1]["counts"]["waiting"] == 1
                for number in range(50):
                    await ask.write(f"full {number}")
                await refused(ask, "no room")
        async with gateway.alive() as url, asking(url) as ask:
            await ask.start_replay()
            counts = await ask.replayed()
        assert counts["delivered"] == len(titles(maintainx)) >= 1
        assert "kept" in titles(maintainx)


async def test_a_file_that_is_locked_for_long_refuses_new_writes_in_time_and_works_again(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as (maintainx, gateway), gateway.alive() as url, asking(url) as ask:
        await ask.buffering()
        assert (await ask.write("before"))[0] == 202
        with locked(gateway.database):
            begun = time.monotonic()
            await asyncio.gather(*(refused(ask, f"locked {number}") for number in range(20)))
            assert 1.4 < time.monotonic() - begun < 5, "after 1.5 s, all of them together"
            status, _ = await ask.admin("GET", "status")
            assert status == 200, "what needs no lock is answered"
        assert (await ask.write("after"))[0] == 202
        await ask.start_replay()
        assert (await ask.replayed())["delivered"] == 2
        assert titles(maintainx) == ["after", "before"]


async def test_a_lock_that_is_short_is_waited_for(tmp_path: Path) -> None:
    async with world(tmp_path) as (_, gateway), gateway.alive() as url, asking(url) as ask:
        await ask.buffering()
        with locked(gateway.database):
            writing = asyncio.gather(*(ask.write(f"w {number}") for number in range(5)))
            await asyncio.sleep(0.5)
        assert [status for status, _, _ in await writing] == [202] * 5


async def test_a_lock_in_the_middle_of_a_replay_doubles_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as (maintainx, gateway), gateway.alive() as url, asking(url) as ask:
        await ask.buffering()
        kept = [f"order {number:02}" for number in range(24)]
        for title in kept:
            assert (await ask.write(title))[0] == 202
        maintainx.break_(Fault("slow", "/workorders", methods=("POST",), seconds=0.1))
        await ask.start_replay()
        await asyncio.sleep(0.25)
        with locked(gateway.database):
            await asyncio.sleep(2.5)
            stopped = len(titles(maintainx))
            assert stopped < len(kept), "nothing is sent of which it could not be noted that it is"
            await asyncio.sleep(0.3)
            assert len(titles(maintainx)) == stopped
        counts = await ask.replayed()
        assert counts == {"waiting": 0, "sending": 0, "delivered": 24, "rejected": 0, "unknown": 0}
        assert titles(maintainx) == kept
