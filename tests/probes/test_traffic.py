"""What the gateway says of the last hour, and the requests that mx tells it of."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.demo.maintainx import FakeMaintainX
from bot.domain.readings import Status, TrafficDetail
from bot.gateway_client import GatewayClient
from bot.probes.exchange import Wire
from bot.probes.spending import Spending
from bot.probes.traffic import TrafficProbe
from bot.probes.versions import VersionsProbe
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.wound_clock import WoundClock


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayStandIn]:
    async with GatewayStandIn(WoundClock()).serve() as standin:
        yield standin


async def test_traffic_by_status_and_lane(gateway: GatewayStandIn) -> None:
    gateway.traffic(200, times=5)
    gateway.traffic(429, lane="asset-sync", times=2)
    async with GatewayClient.open(gateway.url, token=TOKEN) as client:
        reading = await TrafficProbe(client).read(samples=1)
    assert isinstance(reading.detail, TrafficDetail)
    assert (reading.status, reading.detail.total) == (Status.OK, 7)
    assert reading.detail.by_status == {"200": 5, "429": 2}
    assert "asset-sync 2" in reading.says
    assert "window_s=3600" in gateway.calls[0]


async def test_no_gateway_or_one_that_is_away_is_unknown_and_says_what_to_do(gateway: GatewayStandIn) -> None:
    unset = await TrafficProbe(None).read(samples=1)
    gateway.broken = 503
    async with GatewayClient.open(gateway.url, token=TOKEN) as client:
        away = await TrafficProbe(client).read(samples=1)
    assert (unset.status, away.status) == (Status.UNKNOWN, Status.UNKNOWN)
    assert "MX_GATEWAY_URL" in unset.says
    assert "gateway at" in away.says


class Ledger:
    """A gateway's budget that is told slowly, or is away."""

    def __init__(self, *, takes_s: float) -> None:
        self.takes_s = takes_s
        self.told: list[int] = []

    async def spent(self, requests: int) -> None:
        await asyncio.sleep(self.takes_s)
        self.told.append(requests)


async def test_what_mx_sends_is_told_without_waiting(maintainx: FakeMaintainX) -> None:
    ledger = Ledger(takes_s=0.05)
    spending = Spending(ledger)
    probe = VersionsProbe(base_url=maintainx.base_url, wire=Wire(), spending=spending)
    maintainx.delay_s = 0.3
    await probe.read(samples=1)
    assert ledger.told == [1]
    ledger.takes_s = 60.0
    async with asyncio.timeout(5):
        await probe.read(samples=1)  # not told in time: goes along with the next
    ledger.takes_s = 0.05
    await probe.read(samples=1)
    assert sum(ledger.told) == 3


async def test_a_gateway_that_is_away_is_no_fault(maintainx: FakeMaintainX) -> None:
    async with GatewayClient.open("http://127.0.0.1:9", token=TOKEN) as client:
        probe = VersionsProbe(base_url=maintainx.base_url, wire=Wire(), spending=Spending(client))
        assert (await probe.read(samples=1)).status is Status.OK
