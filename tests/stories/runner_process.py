"""A process that leads and carries out runs against the gateway at a URL, for a story that kills it."""

import asyncio
import sys
from pathlib import Path

from bot.clock import SystemClock
from bot.gateway_client import GatewayClient
from bot.playbook import by_kind, shipped
from bot.runner import Runner
from bot.scrub import Scrubber
from bot.steps import step_kinds
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN

LIFETIME_S = 120.0


async def main(database: Path, gateway: str) -> None:
    """Follow runs until killed, or until the time is over that no test needs."""
    clock = SystemClock()
    async with (
        asyncio.timeout(LIFETIME_S),
        Timeline.open(database, clock=clock, scrub=Scrubber()) as timeline,
        GatewayClient.open(gateway, token=TOKEN, deadline_s=LIFETIME_S) as client,
    ):
        epoch = await timeline.next_epoch()
        steps = by_kind(step_kinds(client, clock))
        await Runner(timeline, clock, playbooks=shipped(steps), steps=steps, epoch=lambda: epoch).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
