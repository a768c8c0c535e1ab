"""What the gateway says of the last hour, and the requests that mx tells it of."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.demo.maintainx import FakeMaintainX
from bot.domain.readings import BudgetShare, Status, TrafficDetail
from bot.gateway.serve import serve
from bot.gateway.settings import GatewaySettings
from bot.gateway_client import GatewayClient
from bot.probes.exchange import Wire
from bot.probes.spending import Spending
from bot.probes.traffic import TrafficProbe
from bot.probes.versions import VersionsProbe
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.probes.conftest import KEY
from tests.wound_clock import WoundClock


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayStandIn]:
    async with GatewayStandIn(WoundClock()).serve() as standin:
        yield standin


def wind(gateway: GatewayStandIn, seconds: float) -> None:
    assert isinstance(gateway.clock, WoundClock)
    gateway.clock.wind(seconds)


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


async def test_it_says_whose_requests_use_the_limit_up(gateway: GatewayStandIn) -> None:
    gateway.traffic(200, times=500)
    wind(gateway, 1200)
    gateway.traffic(200, times=70)
    gateway.traffic(429, lane="asset-sync", times=342)
    gateway.fates = {"answered": 912, "unknown": 3}
    gateway.latency = {"p50_ms": 40.0, "p95_ms": 340.4, "p99_ms": 900.0}
    gateway.budget = {"left": 0, "our_share": 0.2, "our_share_of": "organisation", "used": 500}
    async with GatewayClient.open(gateway.url, token=TOKEN) as client:
        reading = await TrafficProbe(client).read(samples=1)
    assert reading.says.startswith(
        "429 on 83% of 412 requests in 10 minutes; our share of the organisation's budget is 20%: "
        "another client is eating it; 912 requests in the last hour; 570 x 200, 342 x 429; "
    )
    assert "95% answered within 340 ms; 3 writes of unknown fate" in reading.says
    assert isinstance(reading.detail, TrafficDetail)
    assert reading.detail.latest is not None
    assert reading.detail.latest.by_status == {"200": 70, "429": 342}
    assert reading.detail.share == BudgetShare(ours=0.2, used=500, of="organisation")


async def test_without_a_429_the_gateway_is_asked_once(gateway: GatewayStandIn) -> None:
    gateway.traffic(200, times=3)
    gateway.latency = {"p95_ms": 340.4}
    async with GatewayClient.open(gateway.url, token=TOKEN) as client:
        reading = await TrafficProbe(client).read(samples=1)
    assert len(gateway.calls) == 1
    assert "95%" not in reading.says  # of three answers


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


async def test_the_real_gateway_tells_its_traffic_and_takes_note_of_ours(
    maintainx: FakeMaintainX, tmp_path: Path
) -> None:
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()
    settings = GatewaySettings(
        upstream=maintainx.base_url, database=tmp_path / "gateway.db", host="127.0.0.1", port=0, token=TOKEN
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(settings, clock=SystemClock(), stop=stop, ready=address.set_result))
        url = re.search(r"http://\S+?:\d+", await address)
        assert url is not None
        async with GatewayClient.open(url[0], token=TOKEN) as client:
            idle = await TrafficProbe(client).read(samples=1)
            key = {"Authorization": f"Bearer {KEY}", "X-MX-Job": "asset-sync"}
            async with (
                aiohttp.ClientSession(headers=key) as session,
                session.get(f"{url[0]}/v1/assets?limit=1") as answer,
            ):
                assert answer.status == 200
            busy = await TrafficProbe(client).read(samples=1)
            await client.spent(30)
            after = await TrafficProbe(client).read(samples=1)
        stop.set()
    assert isinstance(idle.detail, TrafficDetail)
    assert isinstance(busy.detail, TrafficDetail)
    assert isinstance(after.detail, TrafficDetail)
    assert (idle.detail.total, busy.detail.total, busy.detail.by_status) == (0, 1, {"200": 1})
    assert "asset-sync 1" in busy.says
    assert busy.detail.budget_left is not None
    assert after.detail.budget_left is not None
    assert busy.detail.budget_left - after.detail.budget_left >= 25
