"""The ``mx`` command with a person at it: a process whose controlling terminal is a pseudo-terminal of the test."""

import asyncio
import fcntl
import os
import signal
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.verbs.terminal import SURROUNDINGS


class Typist:
    """Reads the terminal, and types once a question stands on it."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master
        self.screen = ""
        """All that stood on the terminal so far, what was typed included."""
        self._seen = 0

    async def sees(self, words: str) -> None:
        """Wait until these words stand after what was seen before."""
        more = True
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                while more and words not in self.screen[self._seen :]:
                    more = await self._more()
        assert words in self.screen[self._seen :], f"{words!r} is not in {self.screen[self._seen :]!r}"
        self._seen = self.screen.index(words, self._seen) + len(words)

    async def answers(self, question: str, words: str) -> None:
        """Wait for the question, and type."""
        await self.sees(question)
        os.write(self._master, f"{words}\n".encode())

    def presses(self, control: bytes) -> None:
        """A key such as Ctrl-C."""
        os.write(self._master, control)

    async def ended(self) -> int:
        """The exit code."""
        async with asyncio.timeout(60):
            while await self._more():
                pass
            return await self._process.wait()

    async def _more(self) -> bool:
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, ready.set)
        try:
            await ready.wait()
            part = os.read(self._master, 4096)
        except OSError:  # what a terminal says when nobody holds its other side any more
            return False
        finally:
            loop.remove_reader(self._master)
        self.screen += part.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(part)


@asynccontextmanager
async def at_mx(
    *argv: str, env: Mapping[str, str], folder: Path, piped: bytes | None = None
) -> AsyncIterator[Typist]:
    """Run the command in a terminal; ``piped`` is standard input where that is no terminal."""
    master, slave = os.openpty()

    def own_terminal() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *argv),
        cwd=folder,
        env={**SURROUNDINGS, **env},
        stdin=slave if piped is None else asyncio.subprocess.PIPE,
        stdout=slave,
        stderr=slave,
        preexec_fn=own_terminal,
    )
    os.close(slave)
    if piped is not None:
        assert process.stdin is not None
        process.stdin.write(piped)
        process.stdin.close()
    try:
        yield Typist(process, master)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(master)
