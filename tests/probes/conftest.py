"""What the probes ask in these tests: stand-ins on loopback."""

from collections.abc import AsyncIterator

import pytest

from bot.demo.maintainx import FakeMaintainX

KEY = "k-secret-0123456789"


@pytest.fixture
async def maintainx() -> AsyncIterator[FakeMaintainX]:
    async with FakeMaintainX.start(key=KEY, user_limit=10_000, organisation_limit=10_000) as fake:
        yield fake
