"""One triage tells how bad it is, whose fault it is and what to do: each way to break the outside, over real sockets.

The rows are the runbook's symptom table and scenario table, and the faults that its script mistakes for others.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.demo.door import Door
from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.statuspage import FakeStatusPage
from bot.domain.assessment import Assessment
from bot.domain.calendar import Calendar
from bot.domain.integration import Integration
from bot.domain.readings import BudgetShare, Status, TrafficDetail
from bot.gateway_client import GatewayClient
from bot.logs import FileLog
from bot.ports import Gateway
from bot.probes.build import Outside, probes_for
from bot.scrub import Scrubber
from bot.triage import assess, summary
from bot.verbs.triage_view import as_json
from tests.gateway.wires import gateway
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.keys import HeldKey
from tests.wound_clock import WoundClock

KEY = "k-secret-0123456789"
UTC = ZoneInfo("UTC")


@dataclass
class World:
    """Everything that can be broken, and the one question about it."""

    maintainx: FakeMaintainX
    page: FakeStatusPage
    service: FakeIntegration
    log: Path
    key: str | None = KEY
    org_id: str | None = None
    base_url: str | None = None
    health_url: str | None = None
    deadline_s: float = 8.0
    slow_ms: float = 2000.0
    gateway: Gateway | None = None

    async def triage(self, *, samples: int = 1) -> Assessment:
        integration = Integration(
            base_url=self.base_url or self.maintainx.base_url,
            org_id=self.org_id,
            health_url=self.health_url or self.service.health_url,
            health_configured=True,
            status_url=self.page.url,
            deadline_s=self.deadline_s,
            slow_ms=self.slow_ms,
        )
        async with Outside.open(
            clock=SystemClock(), scrub=Scrubber([self.key]), gateway=self.gateway
        ) as outside:
            probes = probes_for(integration, key=HeldKey(self.key), outside=outside, log=FileLog(self.log))
            return await assess(
                integration, probes, samples=samples, clock=SystemClock(), calendar=Calendar(UTC)
            )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    log = tmp_path / "sync.log"
    log.touch()
    async with AsyncExitStack() as stack:
        maintainx = await stack.enter_async_context(
            FakeMaintainX.start(key=KEY, user_limit=10_000, organisation_limit=10_000)
        )
        page = await stack.enter_async_context(FakeStatusPage.start())
        service = await stack.enter_async_context(
            FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=(), log=log)
        )
        yield World(maintainx, page, service, log)


def broken(*faults: Fault) -> Callable[[World], None]:
    return lambda world: world.maintainx.break_(*faults)


def both(*steps: Callable[[World], None]) -> Callable[[World], None]:
    def all_of_them(world: World) -> None:
        for step in steps:
            step(world)

    return all_of_them


def no_key(world: World) -> None:
    world.key = None


def quoted_key(world: World) -> None:
    world.key = f'"{KEY}"'


def key_with_a_newline(world: World) -> None:
    world.key = f"{KEY}\n"


def unsendable_key(world: World) -> None:
    world.key = "k-\u201csmart quotes\u201d"


def wrong_organisation(world: World) -> None:
    world.org_id = "99"


def key_of_two_organisations(world: World) -> None:
    world.key = "k-of-two-organisations"
    world.maintainx.add_key(world.key, organisations=(1, 2))


def wrong_base_url(world: World) -> None:
    world.base_url = f"{world.maintainx.origin}/v2"


def unknown_host(world: World) -> None:
    world.base_url = "http://api.nowhere.invalid/v1"
    world.page.refuse()


def page_says(state: str) -> Callable[[World], None]:
    def say(world: World) -> None:
        world.page.states["REST API"] = state  # type: ignore[assignment]

    return say


def page_away(world: World) -> None:
    world.page.refuse()


def page_hangs(world: World) -> None:
    world.page.mode = "hang"


def soon(world: World) -> None:
    world.deadline_s = 2.0


def impatient(world: World) -> None:
    world.slow_ms = 250.0


def service_refuses(world: World) -> None:
    world.service.refuse()


def service_out_of_memory(world: World) -> None:
    world.service.refuse()
    world.log.write_text(
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n"
    )


def service_shape(shape: str) -> Callable[[World], None]:
    def take(world: World) -> None:
        world.service.shape = shape  # type: ignore[assignment]

    return take


@dataclass(frozen=True)
class Row:
    """One way to break it, and what triage must say."""

    name: str
    breaks: Callable[[World], None]
    rule: str
    severity: str
    verdict: str
    says: str
    """Words that must stand in the finding: the reason, the number or the next move."""


ERROR = Fault("error")
ROWS = (
    # The runbook's symptom table.
    Row("no key at all", no_key, "key-missing", "SEV-1", "key", "MAINTAINX_API_KEY is unset or empty"),
    Row("the key is revoked", broken(Fault("revoked")), "key-rejected", "SEV-1", "key", "revoked, expired, or its user"),
    Row("quotes round the key", quoted_key, "key-rejected", "SEV-1", "key", "quotes around it"),
    Row("another organisation", wrong_organisation, "key-rejected", "SEV-1", "key", "99 is not an organisation of this"),
    Row("a key that cannot be sent", unsendable_key, "key-unsendable", "SEV-1", "key", "non-ASCII characters"),
    Row("a newline in the key", key_with_a_newline, "key-odd", "SEV-4", "key", "a trailing newline"),
    Row("403", broken(Fault("forbidden")), "key-forbidden", "SEV-1", "key", "role of the key's user"),
    Row("5xx everywhere", both(broken(ERROR), page_says("downtime")), "platform-outage", "SEV-1", "maintainx", "status page says so too"),
    Row("5xx, the page lags", broken(Fault("error", status=503)), "platform-outage", "SEV-1", "maintainx", "does not say so (yet)"),
    Row("an edge's 502 pages", both(broken(Fault("error", status=502, html=True)), page_away), "platform-outage", "SEV-1", "maintainx", "HTTP 502 (an HTML page)"),
    Row("429 everywhere", broken(Fault("limited")), "rate-limited", "SEV-2", "us", "100 requests a minute per user"),
    Row("429 on one path", broken(Fault("limited", "/assets", retry_after=7)), "rate-limited", "SEV-2", "us", "Retry-After 7 s"),
    Row("one path is gone", broken(Fault("gone", "/assets")), "path-changed", "SEV-4", "maintainx", "/openapi.json"),
    Row("work orders are gone", broken(Fault("gone", "/workorders")), "path-changed", "SEV-1", "maintainx", "/workorders"),
    Row("a wrong base URL", wrong_base_url, "base-url-wrong", "SEV-1", "us", "MAINTAINX_BASE_URL"),
    Row("nothing listens", both(broken(Fault("refuse")), page_away), "network", "SEV-1", "network", "connecting to 127.0.0.1"),
    Row("nothing listens, they know", both(broken(Fault("refuse")), page_says("downtime")), "network", "SEV-1", "maintainx", "an outage at MaintainX"),
    Row("the name is not found", unknown_host, "network", "SEV-1", "network", "looking up api.nowhere.invalid"),
    Row("everything hangs", both(broken(Fault("hang")), page_hangs, soon), "network", "SEV-1", "network", "waiting for the first byte"),
    Row("only they hang", both(broken(Fault("hang")), soon), "network", "SEV-1", "maintainx", "takes the connection and then stays silent"),
    Row("one path hangs", both(broken(Fault("hang", "/locations")), soon), "network", "SEV-4", "maintainx", "other endpoints answer"),
    Row("connections are reset", both(broken(Fault("reset")), page_away), "network", "SEV-1", "network", "first byte"),
    Row("answers break off", broken(Fault("cut_body")), "network", "SEV-1", "maintainx", "reading the answer"),
    Row("the service is down", service_refuses, "service-down", "SEV-1", "us", "docker logs"),
    Row("the service ran out of memory", service_out_of_memory, "service-down", "SEV-1", "us", "it ran out of memory, as its log says"),
    Row("the service crashes", service_shape("broken"), "service-down", "SEV-1", "us", "HTTP 500 without JSON"),
    Row("the service hangs", both(service_shape("silent"), soon), "service-down", "SEV-1", "us", "waiting for the first byte"),
    # What the runbook's script takes for something else.
    Row("two of four fail", broken(Fault("error", "/users"), Fault("gone", "/assets")), "endpoint-errors", "SEV-2", "maintainx", "/users"),
    Row("slow", both(broken(Fault("slow", "/workorders", seconds=0.4)), impatient), "slow", "SEV-3", "maintainx", "their servers take that long"),
    Row("a captive portal", broken(Fault("portal")), "odd-answers", "SEV-1", "network", "web page instead of data"),
    Row("another JSON", broken(Fault("wrong_json", "/users")), "odd-answers", "SEV-4", "maintainx", "not the promised list"),
    Row("a redirect", broken(Fault("redirect")), "request-refused", "SEV-1", "maintainx", "HTTP 302"),
    Row("no organisation named", key_of_two_organisations, "request-refused", "SEV-1", "us", "set MAINTAINX_ORG_ID"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_each_fault_is_told_by_name(world: World, row: Row) -> None:
    row.breaks(world)
    found = await world.triage()
    first = found.findings[0]
    assert (first.rule, found.severity, found.verdict) == (row.rule, row.severity, row.verdict), summary(
        found
    )
    assert row.says in " ".join((first.symptom, first.cause, first.check, *first.evidence))
    assert first.evidence
    assert found.response_due is not None
    told = json.dumps(as_json(found)) + found.model_dump_json()
    assert KEY not in told


async def test_intermittent_errors_are_measured_in_three_samples(world: World) -> None:
    world.maintainx.break_(Fault("error", "/workorders", every=3))
    found = await world.triage(samples=3)
    assert [f.rule for f in found.findings] == ["intermittent-errors"]
    assert (found.severity, found.verdict) == ("SEV-2", "maintainx")
    assert "1 of 3 tries" in found.findings[0].symptom
    assert "retry" in found.findings[0].check


async def test_two_faults_are_two_findings_worst_first(world: World) -> None:
    world.maintainx.break_(Fault("gone", "/assets"))
    world.service.refuse()
    found = await world.triage()
    assert [(f.rule, f.severity) for f in found.findings] == [
        ("service-down", "SEV-1"),
        ("path-changed", "SEV-4"),
    ]
    assert (found.severity, found.verdict) == ("SEV-1", "us")


async def test_all_is_well(world: World) -> None:
    found = await world.triage()
    assert found.healthy, summary(found)
    assert (found.severity, found.verdict, found.response_due) == (None, "nobody", None)
    assert {r.target: r.status for r in found.readings} == {
        "/users": Status.OK,
        "/workorders": Status.OK,
        "/assets": Status.OK,
        "/locations": Status.OK,
        "/versions": Status.OK,
        "/health": Status.OK,
        "API key": Status.OK,
        "status page": Status.OK,
        "log": Status.OK,
        "gateway traffic": Status.UNKNOWN,
    }
    assert "healthy: 9 of 10 questions answered well" in summary(found)


@asynccontextmanager
async def health(status: int, body: object) -> AsyncIterator[str]:
    async def handle(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=json.dumps(body), status=status, content_type="application/json")

    async with Door.open(handle) as door:
        yield f"{door.url}/health"


@pytest.mark.parametrize(
    ("status", "body", "rule", "says"),
    [
        (503, {"status": "degraded", "checks": {"db": "error: locked"}}, "service-degraded", "db (error: locked)"),
        (503, {"status": "degraded", "checks": {"maintainxApi": "error: 401"}}, "service-degraded", "compare the service's key"),
        (503, {"status": "unhealthy", "checks": {"q": {"status": False}}}, "service-degraded", '"unhealthy"'),
        (200, {"status": "healthy", "metrics": {"syncLagSeconds": 4000}}, "sync-gap", "schedule a backfill"),
        (503, {"status": "degraded", "checks": {"webhooks": "failing"}}, "webhook-delivery", "poll /workorders"),
    ],
    ids=["degraded", "its own 401", "unhealthy", "data sync gap", "webhook delivery failure"],
)  # fmt: skip
async def test_what_the_service_says_of_itself_is_heard(
    world: World, status: int, body: object, rule: str, says: str
) -> None:
    async with health(status, body) as url:
        world.health_url = url
        found = await world.triage()
    first = found.findings[0]
    assert ([first.rule], found.severity, found.verdict) == ([rule], "SEV-2", "us")
    assert says in " ".join((first.symptom, first.cause, first.check, *first.evidence))


async def test_a_green_light_that_cannot_turn_red_is_a_blind_spot(world: World) -> None:
    world.service.shape = "metrics"
    found = await world.triage()
    assert found.healthy
    assert any("names no checks" in spot for spot in found.blind_spots)


async def test_a_triage_never_goes_through_a_limit_twice(world: World) -> None:
    """After a 429 nothing more is asked of that endpoint: four requests, not twelve."""
    world.maintainx.break_(Fault("limited"))
    await world.triage(samples=3)
    assert sum(r.path.startswith("/v1/") for r in world.maintainx.requests) == 4


async def test_the_gateway_is_told_of_what_mx_sends_and_what_bypasses_it_is_a_blind_spot(
    world: World,
) -> None:
    world.maintainx.delay_s = 0.3
    async with GatewayStandIn(WoundClock()).serve() as standin:
        async with GatewayClient.open(standin.url, token=TOKEN) as client:
            world.gateway = client
            found = await world.triage()
        told = [int(line["says"]) for line in standin.log if line["what"] == "spent"]
        assert sum(told) == 5  # four endpoints and /versions
    assert any("nothing passed the gateway" in spot for spot in found.blind_spots)


@asynccontextmanager
async def behind_a_gateway(world: World, folder: Path) -> AsyncIterator[str]:
    """The integration's way: a real gateway, which the triage asks; the address for its requests."""
    async with (
        gateway(world.maintainx.base_url, folder, token=TOKEN) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=TOKEN) as client,
    ):
        world.gateway = client
        yield f"http://127.0.0.1:{running.port}/v1"


async def requests(base_url: str, times: int, *, job: str = "asset-sync") -> None:
    headers = {"Authorization": f"Bearer {KEY}", "X-MX-Job": job}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        for _ in range(times):
            group.create_task(_get(session, f"{base_url}/users?limit=1"))


async def _get(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as answer:
        await answer.read()


async def test_another_client_of_the_same_user_is_told_from_ourselves_and_a_restart_blinds_nobody(
    world: World, tmp_path: Path
) -> None:
    async with FakeMaintainX.start(key=KEY, user_limit=100, organisation_limit=10_000) as world.maintainx:
        async with behind_a_gateway(world, tmp_path) as ours:
            await requests(ours, 20)
            await requests(world.maintainx.base_url, 80)  # past the gateway: somebody else with the same user
            await requests(ours, 60)
            found = await world.triage()
        first = found.findings[0]
        assert (first.rule, found.verdict) == ("rate-limited", "us")
        assert first.evidence[0].startswith(
            "429 on 75% of 80 requests in 10 minutes; our share of the user's budget is 2"
        )
        assert first.evidence[0].endswith("%: another client is eating it")
        async with behind_a_gateway(world, tmp_path):
            found = await world.triage()
        assert found.findings[0].evidence[0] == "429 on 75% of 80 requests in 10 minutes"


async def test_when_it_is_us_the_busiest_lane_is_named(world: World, tmp_path: Path) -> None:
    async with FakeMaintainX.start(key=KEY, user_limit=100, organisation_limit=10_000) as world.maintainx:
        async with behind_a_gateway(world, tmp_path) as ours:
            await requests(ours, 30, job="nightly")
            await requests(ours, 70)
            found = await world.triage()
        # The gateway let no request go to a 429; the triage's own found that nothing is left.
        traffic = next(r for r in found.readings if r.probe == "traffic")
        assert isinstance(traffic.detail, TrafficDetail)
        assert traffic.detail.share == BudgetShare(ours=1.0, used=100, of="user")
        assert (
            "our share of the user's budget is 100%: it is us, asset-sync first (70 requests)"
            in found.findings[0].cause
        )


async def test_everything_silent_ends_at_the_deadline_and_is_a_finding(world: World) -> None:
    world.maintainx.break_(Fault("hang"))
    world.page.mode = "hang"
    world.service.shape = "silent"
    world.deadline_s = 1.2
    async with asyncio.timeout(8):
        found = await world.triage(samples=3)
    assert {f.rule for f in found.findings} == {"network", "service-down"}
    assert "timed out" in found.findings[0].symptom
    assert all(r.status is not Status.UNKNOWN for r in found.readings if r.probe == "api")
