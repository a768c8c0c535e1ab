"""A MaintainX that takes its time, a healthy service and a status page, in a process of their own.

``python -m benchmarks.outside SECONDS [KEYS]`` prints their addresses as JSON and ends with its standard input; so many
keys are known besides.
"""

import asyncio
import json
import sys

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX
from bot.demo.statuspage import FakeStatusPage

KEY = "benchmark-key-123456"
PLENTY = 10_000_000


def key_of(number: int) -> str:
    """One of the keys that are known besides."""
    return f"{number:06}-{KEY}"


async def _serve(delay_s: float, keys: int) -> None:
    async with (
        FakeMaintainX.start(
            key=KEY, delay_s=delay_s, user_limit=PLENTY, organisation_limit=PLENTY
        ) as maintainx,
        FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=()) as integration,
        FakeStatusPage.start() as page,
    ):
        for number in range(keys):
            maintainx.add_key(key_of(number))
        addresses = {"maintainx": maintainx.base_url, "health": integration.health_url, "status": page.url}
        print(json.dumps(addresses), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
