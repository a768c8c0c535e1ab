"""The steps ``paths`` and ``pause-missing`` by themselves: odd documents, no key sent, and what is never paused."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from bot.demo.door import Door
from bot.domain.integration import Integration
from bot.errors import OutsideError
from bot.gateway_client import GatewayClient
from bot.ports import StepContext
from bot.steps.gateway import GatewayStep
from bot.steps.paths import MOST_BYTES, PathsStep
from bot.steps.pause_missing import PauseMissing
from tests.gateway_standin import GatewayStandIn
from tests.wound_clock import WoundClock

CONTEXT = StepContext(
    incident="mx-20261123-7f3a", run="run-1", playbook="path-changed", actor="slack:U1", values={"ttl_s": 600}
)


class Vendor:
    """Serves a document; ``answer`` is what it says instead."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {
            "servers": [{"url": "/v1"}],
            "paths": {"/workorders": {"get": {}}, "/locations": {"get": {}}},
        }
        self.answer: web.Response | None = None
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.answer is not None and request.path == "/v1/openapi.json":
            return self.answer
        return web.Response(text=json.dumps(self.document), content_type="application/json")


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    async with Door.open(vendor.serve) as door:
        vendor.url = door.url
        yield vendor


@pytest.fixture
def paths(vendor: Vendor, client: GatewayClient) -> PathsStep:
    about = Integration(base_url=f"{vendor.url}/v1", status_url="http://status.example")
    return PathsStep(client, {"default": about})


@pytest.fixture
def pause(paths: PathsStep, client: GatewayClient, clock: WoundClock) -> PauseMissing:
    return PauseMissing(GatewayStep(client, clock), paths)


def call(path: str, lane: str, **by_status: int) -> dict[str, Any]:
    statuses = {name.removeprefix("s"): count for name, count in by_status.items()}
    return {"method": "GET", "path": path, "lane": lane, "by_status": statuses}


async def test_no_key_is_sent_and_a_hidden_collection_is_told_apart(
    paths: PathsStep, vendor: Vendor, gateway: GatewayStandIn
) -> None:
    gateway.called = [call("/v1/locations", "asset-sync", s404=4), call("/v1/workorders", "critical", s200=9)]
    result = await paths.act(CONTEXT, {})
    assert result.outcome == "done"
    assert result.says.startswith("every path that is called is in the document at 127.0.0.1:")
    (line,) = result.evidence
    assert line.startswith(
        "asset-sync calls GET /v1/locations: 4 of 4 answered 404, although the document has it"
    )
    assert [name for headers in vendor.headers for name in headers if name.lower() == "authorization"] == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: web.Response(status=403, text="<html>"), "it answered 403; let openapi_url in mx.toml name"),
        (lambda: web.Response(text="<html>", content_type="text/html"), "it is not JSON"),
        (lambda: web.Response(text="[" * 100_000), "it is not JSON"),
        (lambda: web.Response(text='{"paths": 1}'), "no OpenAPI document with paths"),
        (lambda: web.Response(body=b" " * (MOST_BYTES + 1)), "it is longer than 8 MiB"),
        (
            lambda: web.Response(status=302, headers={"Location": "http://elsewhere.example/openapi.json"}),
            "it answered 302",
        ),
    ],
)
async def test_an_odd_document_is_said_with_what_to_set(
    paths: PathsStep, vendor: Vendor, answer: Any, says: str
) -> None:
    vendor.answer = answer()
    with pytest.raises(OutsideError) as told:
        await paths.act(CONTEXT, {})
    assert says in str(told.value)


async def test_a_redirect_on_the_same_host_is_followed(paths: PathsStep, vendor: Vendor) -> None:
    vendor.answer = web.Response(status=301, headers={"Location": "/docs/openapi.json"})
    result = await paths.act(CONTEXT, {})
    assert (result.outcome, len(vendor.headers)) == ("inconclusive", 2)
    assert "no request of the last hour passed the gateway" in result.evidence[0]


async def test_without_the_gateway_the_document_is_still_read(
    paths: PathsStep, gateway: GatewayStandIn
) -> None:
    gateway.broken = 500
    result = await paths.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert result.evidence[0].startswith("what the integration calls is not known: ")


async def test_the_plan_names_the_jobs_and_they_are_paused_and_let_go(
    pause: PauseMissing, gateway: GatewayStandIn
) -> None:
    gateway.called = [
        call("/v1/assets", "asset-sync", s404=12),
        call("/v1/locations", "asset-sync", s200=28),
        call("/v1/meters", "report-generator", s200=3),  # not in the document, and it works
    ]
    gateway.traffic(404, lane="asset-sync", times=12)
    planned = await pause.plan(CONTEXT)
    assert planned.kind == "pause-missing"
    assert planned.values == {"ttl_s": 600, "paused_jobs": ["asset-sync"]}
    assert planned.says == "pause asset-sync, for 10 minutes"
    assert planned.touches.startswith("asset-sync: 12 of 40 calls go to a path that is gone. ")
    now = replace(CONTEXT, values=planned.values)
    gateway.called = [
        call("/v1/parts", "report-generator", s404=9)
    ]  # what came after the plan changes nothing
    before = await pause.before(now)
    result = await pause.act(now, before)
    assert result.outcome == "done"
    assert gateway.leases["run-1"]["paused_jobs"] == ["asset-sync"]
    seen = await pause.observe(now)
    assert seen is not None
    assert (seen.outcome, seen.started and seen.started.id) == ("done", "run-1")
    undoing = replace(now, run="run-2", undoes="run-1", before=before)
    assert (await pause.plan(undoing)).kind == "pause-missing"
    undone = await pause.undo(undoing, before)
    assert undone is not None
    assert (undone.outcome, undone.ended, gateway.leases) == ("done", "run-1", {})


async def test_critical_and_what_names_no_job_are_told_and_not_paused(
    pause: PauseMissing, gateway: GatewayStandIn
) -> None:
    gateway.called = [call("/v1/orders", "critical", s404=5), call("/v1/things", "default", s404=5)]
    planned = await pause.plan(CONTEXT)
    assert (planned.values["paused_jobs"], planned.undo_says) == ([], "")
    assert planned.says.startswith("nothing to pause")
    assert [warning.split()[0] for warning in planned.warnings] == ["critical", "default"]
    now = replace(CONTEXT, values=planned.values)
    result = await pause.act(now, await pause.before(now))
    assert (result.outcome, gateway.leases) == ("done", {})
    assert result.says.startswith("nothing to pause")
    assert await pause.undo(replace(now, undoes="run-1"), {}) is None


async def test_what_the_plan_could_not_see_is_not_paused(
    pause: PauseMissing, gateway: GatewayStandIn
) -> None:
    gateway.called = [call("/v1/assets", "asset-sync", s404=12)]
    result = await pause.act(CONTEXT, {})  # the values as the playbook has them: no jobs were planned
    assert (result.outcome, gateway.leases) == ("failed", {})
    assert "nothing was paused; run it again" in result.says


async def test_an_integration_that_mx_does_not_know(client: GatewayClient) -> None:
    with pytest.raises(OutsideError, match="mx knows no integration default here"):
        await PathsStep(client, {}).act(CONTEXT, {})
