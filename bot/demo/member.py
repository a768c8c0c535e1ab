"""One of mx's own processes in the simulator: started, ended, killed and started again at the same address."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import aiohttp

READY_S = 40.0
"""How long a process may take until it is ready; a cold start on a slow machine takes some seconds."""

STOP_S = 5.0
_LOOK_S = 0.05
_PORT = re.compile(r"https?://[^\s/:]+:(\d+)")

State = Literal["starting", "running", "stopped", "fell"]


class StoryFault(Exception):  # noqa: N818 - it is the reason that the story stops with
    """Something that the story needs did not happen; the text says what, and what was found."""


class Member:
    """A process of the simulator's crew, with its output in a file of the world's folder."""

    def __init__(
        self,
        name: str,
        words: tuple[str, ...],
        *,
        env: Mapping[str, str],
        folder: Path,
        port: str,
        ready: str,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.port = 0
        """Where it listens; it keeps it, whoever else may want it meanwhile."""
        self.env = dict(env)
        """Its environment from the next start on, nothing of ours beside it."""
        self._words, self._folder = words, folder
        self._port_variable, self._ready_path = port, ready
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._ready = False

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        name: str,
        words: tuple[str, ...],
        *,
        env: Mapping[str, str],
        folder: Path,
        port: str,
        ready: str,
    ) -> AsyncIterator["Member"]:
        """Start ``python -m WORDS`` and end it with the block.

        ``port`` is the variable by which it is told where to listen, ``ready`` the path that answers 200 once it is.
        """
        member = cls(name, words, env=env, folder=folder, port=port, ready=ready)
        try:
            await member.start()
            yield member
        finally:
            await member.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id. Raises LookupError while it is stopped."""
        if self._process is None:
            raise LookupError(f"{self.name} is stopped")
        return self._process.pid

    @property
    def state(self) -> State:
        """How it is."""
        if self._process is None or not self._wanted:
            return "stopped"
        if self._process.returncode is not None:
            return "fell"
        return "running" if self._ready else "starting"

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises StoryFault where it is not in time, with its last words."""
        if self._process is not None and self._process.returncode is None:
            return
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self._words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self._folder,
                env=self.env | {self._port_variable: str(self.port)},
            )
        self._wanted, self._ready = True, False
        last = "nothing"
        try:
            async with asyncio.timeout(READY_S), aiohttp.ClientSession() as web:
                self.port = await self._said_port(before)
                while (last := await self._asked(web)) != "ready":
                    self.check()
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            says = f"{self.name} was not ready within {READY_S:.0f} s; {self._ready_path} answered {last}"
            raise StoryFault(f"{says}\n{self.last_lines()}") from None
        self._ready = True

    async def stop(self, *, kill: bool = False) -> None:
        """End it, or kill it as a machine that loses power does; harmless where it does not run."""
        self._wanted = False
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def restart(self, *, kill: bool = False) -> None:
        """End it and start it again, with what its environment is now."""
        await self.stop(kill=kill)
        await self.start()

    def check(self) -> None:
        """Raises StoryFault with its last words where it has ended by itself."""
        if self.state == "fell":
            assert self._process is not None
            raise StoryFault(f"{self.name} ended with {self._process.returncode}:\n{self.last_lines()}")

    def last_lines(self, count: int = 12) -> str:
        """The end of its output; nothing where the world's folder is gone."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-count:])

    async def _said_port(self, after: int) -> int:
        while True:
            self.check()
            said = self.log.read_bytes()[after:].decode("utf-8", errors="replace")
            if found := _PORT.search(said):
                return int(found.group(1))
            await asyncio.sleep(_LOOK_S)

    async def _asked(self, web: aiohttp.ClientSession) -> str:
        """``ready``, or what its page of readiness said instead."""
        try:
            async with web.get(f"{self.url}{self._ready_path}") as answer:
                return "ready" if answer.ok else f"{answer.status} {(await answer.text())[:200]}"
        except (aiohttp.ClientError, TimeoutError) as fault:
            return type(fault).__name__


def environment(folder: Path) -> dict[str, str]:
    """What every process of the crew is given, and nothing of whoever started the simulator."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),  # the same mx as this one
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "MX_CONFIG": str(folder / "mx.toml"),
    }
