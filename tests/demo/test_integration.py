"""The stand-in integration calls, retries, logs and tells of its health like the runbook's service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from bot.demo.healthpage import HealthShape
from bot.demo.integration import FakeIntegration
from bot.demo.jobs import Job
from bot.demo.maintainx import FakeMaintainX, Fault

KEY = "k-secret-123456"
QUICK = (
    Job(
        "work-order-sync", 20.0, (("GET", "/workorders?limit=1"), ("POST", "/workorders")), names_itself=False
    ),
    Job("asset-sync", 10.0, (("GET", "/assets?limit=1"),)),
)


@pytest.fixture
async def maintainx() -> AsyncIterator[FakeMaintainX]:
    async with FakeMaintainX.start(key=KEY, user_limit=100_000, organisation_limit=100_000) as fake:
        yield fake


@pytest.fixture
async def integration(maintainx: FakeMaintainX, tmp_path: Path) -> AsyncIterator[FakeIntegration]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            FakeIntegration.start(
                base_url=maintainx.base_url, key=KEY, jobs=QUICK, log=tmp_path / "sync.log", memory_s=1.0
            )
        )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the condition is over a real socket
            await asyncio.sleep(0.02)


async def test_its_jobs_call_with_their_names(maintainx: FakeMaintainX, integration: FakeIntegration) -> None:
    before = len(maintainx.workorders)
    await until(lambda: {r.header("x-mx-job") for r in maintainx.requests} == {None, "asset-sync"})
    await until(lambda: len(maintainx.workorders) > before)
    assert set(integration.counts()) == {200}


async def test_it_can_stay_nameless(maintainx: FakeMaintainX) -> None:
    async with FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=QUICK, names_its_jobs=False):
        await until(lambda: len(maintainx.requests) > 3)
    assert {r.header("x-mx-job") for r in maintainx.requests} == {None}


async def test_it_retries_greedily_logs_and_degrades_and_recovers(
    maintainx: FakeMaintainX, integration: FakeIntegration
) -> None:
    maintainx.break_(Fault("limited"))
    await until(lambda: integration.counts()[429] > 20)
    async with aiohttp.ClientSession() as web:
        async with web.get(integration.health_url) as answer:
            body = await answer.json()
            assert (answer.status, body["status"]) == (503, "degraded")
            assert body["checks"] == {"server": "ok", "apiKey": "configured", "maintainxApi": "error: 429"}
        async with web.get(f"{integration.url}/ready") as answer:
            assert await answer.json() == {"ready": False}
        assert integration.log_path is not None
        log = integration.log_path.read_text()
        assert "ERROR [asset-sync] GET /assets -> 429 Too many requests" in log
        assert "(attempt 4 of 4)" in log
        assert KEY not in log
        maintainx.heal()
        await until(lambda: integration.health()[0] == 200)


async def test_a_storm_raises_the_rate_and_ends(
    maintainx: FakeMaintainX, integration: FakeIntegration
) -> None:
    integration.set_rate("work-order-sync", 0)
    integration.start_storm(200.0)
    await until(lambda: integration.counts(1.0, job="asset-sync")[200] > 25)
    integration.end_storm()
    await until(lambda: integration.counts(1.0, job="asset-sync")[200] < 20)
    integration.set_pace({"asset-sync": 100.0})
    await until(lambda: integration.counts(1.0, job="asset-sync")[200] > 25)
    integration.set_pace({"asset-sync": 0.0})
    await until(lambda: not integration.counts(1.0, job="asset-sync"))


@pytest.mark.parametrize(
    ("shape", "status", "words"),
    [
        ("checks", 503, "error: 401"),
        ("metrics", 200, '"status": "healthy"'),
        ("named", 503, '"latencyMs"'),
        ("text", 503, "NOT OK"),
        ("html", 200, "<html>"),
        ("broken", 500, "Internal"),
    ],
)
async def test_each_shape_of_health(
    shape: HealthShape, status: int, words: str, maintainx: FakeMaintainX, integration: FakeIntegration
) -> None:
    maintainx.break_(Fault("revoked"))
    await until(lambda: integration.health()[0] == 503)
    integration.shape = shape
    async with aiohttp.ClientSession() as web, web.get(integration.health_url) as answer:
        assert (answer.status, words in await answer.text()) == (status, True)


async def test_health_can_be_silent_or_refused(integration: FakeIntegration) -> None:
    async with aiohttp.ClientSession() as web:
        integration.shape = "silent"
        with pytest.raises(TimeoutError):
            await web.get(integration.health_url, timeout=aiohttp.ClientTimeout(total=0.2))
        integration.refuse()
        with pytest.raises(aiohttp.ClientConnectorError):
            await web.get(integration.health_url)
        integration.refuse(refused=False)
        integration.shape = "text"
        async with web.get(integration.health_url) as answer:
            assert answer.status == 200


async def test_network_errors_are_counted_too(maintainx: FakeMaintainX, integration: FakeIntegration) -> None:
    maintainx.break_(Fault("refuse"))
    await until(lambda: integration.counts()[None] > 5)
    assert integration.health()[0] == 503
