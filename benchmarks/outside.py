"""A MaintainX that takes its time, a healthy service and a status page, in a process of their own.

``python -m benchmarks.outside SECONDS`` prints their addresses as JSON and ends with its standard input.
"""

import asyncio
import json
import sys

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX
from bot.demo.statuspage import FakeStatusPage

KEY = "benchmark-key-123456"
PLENTY = 10_000_000


async def _serve(delay_s: float) -> None:
    async with (
        FakeMaintainX.start(
            key=KEY, delay_s=delay_s, user_limit=PLENTY, organisation_limit=PLENTY
        ) as maintainx,
        FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=()) as integration,
        FakeStatusPage.start() as page,
    ):
        addresses = {"maintainx": maintainx.base_url, "health": integration.health_url, "status": page.url}
        print(json.dumps(addresses), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
