"""The gateway as the bench runs it: every feature on, a lease too, and MaintainX's limits out of the way."""

import asyncio
import sys
from pathlib import Path

import uvloop

from bot.clock import SystemClock
from bot.gateway.serve import serve
from bot.gateway.settings import GatewaySettings
from bot.keys import FixedKey


async def run(upstream: str, folder: Path) -> None:
    """Serve until standard input closes; the address is printed."""
    settings = GatewaySettings(
        upstream=upstream,
        database=folder / "gateway.db",
        host="127.0.0.1",
        port=0,
        user_limit=1_000_000,
        organisation_limit=1_000_000,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(
            serve(
                settings,
                clock=SystemClock(),
                stop=stop,
                ready=lambda url: print(url, flush=True),
                key=FixedKey("bench", "0123456789abcdef"),
            )
        )
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        stop.set()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if sys.argv[3] == "uvloop" else None) as runner:
        runner.run(run(sys.argv[1], Path(sys.argv[2])))
