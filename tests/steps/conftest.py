"""A gateway on a real socket, its client, and a clock that the test winds."""

import socket
from collections.abc import AsyncIterator

import pytest

from bot.gateway_client import GatewayClient
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.wound_clock import WoundClock


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
async def gateway(clock: WoundClock) -> AsyncIterator[GatewayStandIn]:
    async with GatewayStandIn(clock).serve() as standin:
        yield standin


@pytest.fixture
async def client(gateway: GatewayStandIn) -> AsyncIterator[GatewayClient]:
    async with GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as opened:
        yield opened


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
