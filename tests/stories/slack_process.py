"""``mx slack-sim`` as its own process, and a hand on its wire."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

Json = Any


@dataclass
class Sim:
    """The running simulator."""

    variables: Mapping[str, str]
    text: str
    base: str
    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession

    async def drive(self, verb: str, **args: Json) -> Json:
        """Have a person do something."""
        async with self.session.post(f"{self.base}/drive/{verb}", json=args) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return body["done"]

    async def seen(self) -> Json:
        """What is to be seen."""
        async with self.session.get(f"{self.base}/drive/seen") as answer:
            return await answer.json()

    async def until(self, look: Callable[[Json], Json], *, timeout_s: float = 20.0) -> Json:
        """Wait until ``look`` finds something in what is to be seen."""
        async with asyncio.timeout(timeout_s):
            while not (found := look(await self.seen())):  # noqa: ASYNC110 - another process sets no event
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def slack_sim(*options: str) -> AsyncIterator[Sim]:
    """Started with these options; told to stop at the end, and it ends with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "slack-sim",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=Path(__file__).parents[2],
        env={"PATH": os.defpath, "PYTHONUTF8": "1"},
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        async with asyncio.timeout(30):
            while not lines or "it stops by Ctrl-C" not in lines[-1]:
                line = (await process.stdout.readline()).decode()
                assert line, "".join(lines)
                lines.append(line)
        text = "".join(lines)
        variables = dict(re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE))
        base = variables["SLACK_API_URL"].removesuffix("/api/")
        async with aiohttp.ClientSession() as session:
            yield Sim(variables, text, base, process, session)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            rest = (await process.stdout.read()).decode()
            code = await process.wait()
    assert (code, "is stopped" in rest) == (0, True), rest
