"""The gateway as a child process that is killed and started again and again on the same file."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

KEY = "demo-maintainx-key"
ROOT = Path(__file__).parents[2]


@dataclass
class Lives:
    """One gateway after the other on one file; ``tests.gateway.forked`` bears them."""

    database: Path
    _bearer: asyncio.subprocess.Process
    pid: int = 0
    """Of the life that is; 0: there is none."""
    url: str = ""

    async def begin(self) -> None:
        """A process that is on its way to be a gateway."""
        assert self._bearer.stdin is not None
        assert self._bearer.stdout is not None
        self._bearer.stdin.write(b"live\n")
        word, pid = (await self._bearer.stdout.readline()).split()
        assert word == b"born"
        self.pid, self.url = int(pid), ""

    async def listen(self) -> str:
        """Its URL once it takes requests; empty where it ended instead."""
        assert self._bearer.stdout is not None
        async with asyncio.timeout(60):
            line = (await self._bearer.stdout.readline()).decode()
        if line.startswith("gone"):
            self.pid = 0
        found = re.search(r"http://\S+:\d+", line)
        self.url = found[0] if found else ""
        return self.url

    async def kill(self) -> None:
        """Kill -9, and wait until nothing of it is left."""
        assert self._bearer.stdout is not None
        if not self.pid:
            return
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while not (await self._bearer.stdout.readline()).startswith(b"gone"):
                pass
        self.pid = 0

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[str]:
        """The URL of a gateway that takes requests; it is killed at the end of the block."""
        await self.begin()
        try:
            url = await self.listen()
            assert url, "it did not start"
            yield url
        finally:
            await self.kill()


@asynccontextmanager
async def lives(folder: Path, upstream: str, settings: str) -> AsyncIterator[Lives]:
    """Gateways on a file in this folder; ``settings`` are lines of ``[gateway]``."""
    (folder / "mx.toml").write_text(f'[gateway]\nhost = "127.0.0.1"\n{settings}\n', "utf-8")
    database = folder / "gateway.db"
    bearer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.forked", "gateway"),
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},  # noqa: TID251
            "PYTHONPATH": str(ROOT),
            "MAINTAINX_BASE_URL": upstream,
            "MAINTAINX_API_KEY": KEY,
            "MX_GATEWAY_DATABASE_URL": f"sqlite:///{database}",
            "MX_GATEWAY_PORT": "0",
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    made = Lives(database, bearer)
    try:
        yield made
    finally:
        await made.kill()
        assert bearer.stdin is not None
        bearer.stdin.close()
        await bearer.wait()
