"""The integration's own health answer, in every shape that is known."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.demo.door import Door
from bot.demo.integration import FakeIntegration
from bot.domain.readings import Reading, ServiceDetail, Status
from bot.probes.exchange import Wire
from bot.probes.service import ServiceProbe


async def read(
    url: str, *, configured: bool = True, deadline_s: float = 10.0
) -> tuple[Reading, ServiceDetail]:
    probe = ServiceProbe(url=url, configured=configured, wire=Wire(), deadline_s=deadline_s)
    reading = await probe.read(samples=3)
    assert isinstance(reading.detail, ServiceDetail)
    return reading, reading.detail


@asynccontextmanager
async def answering(body: object, status: int = 200) -> AsyncIterator[str]:
    async def handle(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=json.dumps(body), status=status, content_type="application/json")

    async with Door.open(handle) as door:
        yield f"{door.url}/health"


HEALTHY_A = {
    "status": "healthy",
    "checks": {"server": "ok", "apiKey": "configured", "maintainxApi": "ok"},
    "uptime": 9,
}
DEGRADED_A = {
    "status": "degraded",
    "checks": {"server": "ok", "apiKey": "missing", "maintainxApi": "error: 401"},
}
SHAPES: list[tuple[object, int, str, str, tuple[str, ...]]] = [
    (HEALTHY_A, 200, "ok", "healthy", ()),
    (DEGRADED_A, 503, "failing", "degraded", ("apiKey", "maintainxApi")),
    ({"status": "healthy", "uptime": 5, "metrics": {"syncLagSeconds": 12}}, 200, "ok", "healthy", ()),
    ({"status": "healthy", "metrics": {"syncLagSeconds": 901}}, 200, "failing", "healthy", ("sync lag",)),
    ({"status": "unhealthy", "checks": {"db": {"status": False, "latencyMs": 3}}}, 503, "failing", "unhealthy", ("db",)),
    ({"status": "healthy", "checks": {"db": {"status": True, "latencyMs": 3}}}, 200, "ok", "healthy", ()),
    ({"status": "healthy", "checks": {"db": False}}, 200, "failing", "healthy", ("db",)),
    ({"status": "UP", "checks": [{"name": "db", "status": "UP"}]}, 200, "ok", "healthy", ()),
    ({"status": "healthy"}, 503, "failing", "degraded", ()),
    ({"ready": False}, 200, "failing", "unhealthy", ()),
    ({"message": "boom"}, 500, "failing", "unreadable", ()),
    ({"hello": "world"}, 200, "ok", "unreadable", ()),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "status", "claims", "broken"), SHAPES)
async def test_each_json_shape_is_understood(
    body: object, code: int, status: str, claims: str, broken: tuple[str, ...]
) -> None:
    async with answering(body, code) as url:
        reading, detail = await read(url)
    assert (reading.status, detail.claims) == (status, claims)
    assert tuple(check.name for check in detail.checks if not check.ok) == broken


async def test_a_health_without_checks_cannot_say_anything_else() -> None:
    async with answering({"status": "healthy", "uptime": 5, "metrics": {}}) as url:
        lamp, said = await read(url)
    async with answering(HEALTHY_A) as url:
        wired, _ = await read(url)
    assert said.cannot_fail
    assert "cannot say anything else" in lamp.says
    assert isinstance(wired.detail, ServiceDetail)
    assert not wired.detail.cannot_fail
    assert wired.detail.uptime_s == 9


@pytest.mark.parametrize(
    ("shape", "status", "claims"),
    [
        ("checks", Status.OK, "healthy"),
        ("metrics", Status.OK, "healthy"),
        ("named", Status.OK, "healthy"),
        ("text", Status.OK, "unreadable"),
        ("html", Status.OK, "unreadable"),
        ("broken", Status.FAILING, None),
    ],
)
async def test_the_stand_in_s_shapes(shape: str, status: Status, claims: str | None) -> None:
    async with FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as service:
        service.shape = shape  # type: ignore[assignment]
        reading, detail = await read(service.health_url)
    assert (reading.status, detail.claims) == (status, claims), reading.says


async def test_a_service_that_hangs_is_failing_and_the_phase_is_named() -> None:
    async with FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as service:
        service.shape = "silent"
        reading, detail = await read(service.health_url, deadline_s=0.4)
    assert reading.status is Status.FAILING
    assert "waiting for the first byte" in reading.says
    assert detail.claims is None


async def test_nothing_listening_is_down_where_an_address_was_set_else_unknown_with_what_to_set() -> None:
    async with FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as service:
        service.refuse()
        down, _ = await read(service.health_url)
        unset, _ = await read(service.health_url, configured=False)
    assert (down.status, unset.status) == (Status.FAILING, Status.UNKNOWN)
    assert "INTEGRATION_HEALTH_URL" in unset.says


async def test_a_wrong_path_is_unknown_with_what_to_set() -> None:
    async with FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as service:
        reading, _ = await read(f"{service.url}/healthcheck")
    assert reading.status is Status.UNKNOWN
    assert "INTEGRATION_HEALTH_URL" in reading.says
