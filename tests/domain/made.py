"""Readings as tests write them down: one line each."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.assessment import Assessment
from bot.domain.calendar import Calendar
from bot.domain.change import Change
from bot.domain.diagnosis import diagnose
from bot.domain.integration import Integration
from bot.domain.readings import (
    HealthCheck,
    HttpDetail,
    KeyDetail,
    Phase,
    Reading,
    Sample,
    ServiceDetail,
    Status,
    StatusPageDetail,
    SyncDetail,
    Timing,
    TrafficDetail,
)

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
UTC_ZONE = ZoneInfo("UTC")
INTEGRATION = Integration(
    base_url="https://api.example.test/v1", status_url="https://status.example.test/en/index.json"
)
PATHS = INTEGRATION.endpoints

Answer = int | Phase


def sample(answer: Answer, *, ms: float = 200.0, html: bool = False, error: str | None = None) -> Sample:
    """An HTTP status, or the phase in which it timed out."""
    if isinstance(answer, int):
        timing = Timing(first_byte=ms, total=ms)
        return Sample(at_ms=0, code=answer, ms=ms, timing=timing, html=html, error=error)
    words = error or f"{answer} timed out after 10 s"
    return Sample(at_ms=0, failed_phase=answer, timed_out=True, error=words)


def api(
    path: str,
    *answers: Answer,
    ms: float = 200.0,
    html: bool = False,
    error: str | None = None,
    body: bool = True,
) -> Reading:
    """One endpoint, by what each try brought."""
    samples = tuple(sample(a, ms=ms, html=html, error=error) for a in answers)
    good = body and all(a == 200 for a in answers)
    status = (Status.SLOW if ms > 2000 else Status.OK) if good else Status.FAILING
    says = ", ".join(map(str, answers))
    detail = HttpDetail(url=f"https://api.example.test/v1{path}?limit=1", samples=samples, body_ok=body)
    return Reading(probe="api", target=path, status=status, ms=ms, says=says, detail=detail)


def everywhere(*answers: Answer, html: bool = False, error: str | None = None) -> list[Reading]:
    """The same at all four endpoints."""
    return [api(path, *answers, html=html, error=error) for path in PATHS]


def healthy(*others: Reading) -> list[Reading]:
    """Four good endpoints, but for those that are given."""
    given = {reading.target: reading for reading in others if reading.probe == "api"}
    rest = [reading for reading in others if reading.probe != "api"]
    return [given.get(path) or api(path, 200, 200, 200) for path in PATHS] + rest


def versions(answer: Answer) -> Reading:
    """The vote without a key."""
    taken = sample(answer)
    status = (
        {200: Status.OK, 404: Status.UNKNOWN}.get(answer, Status.FAILING)
        if isinstance(answer, int)
        else Status.FAILING
    )
    detail = HttpDetail(url="https://api.example.test/versions", samples=(taken,))
    return Reading(probe="versions", target="/versions", status=status, says=str(answer), detail=detail)


def page(state: str | None) -> Reading:
    """The vendor's status page; None: not reachable."""
    if state is None:
        return Reading(probe="status_page", target="status page", status=Status.UNKNOWN, says="not reachable")
    detail = StatusPageDetail.model_validate({"state": state, "maintenance": state == "maintenance"})
    status = Status.FAILING if state in {"degraded", "downtime"} else Status.OK
    return Reading(probe="status_page", target="status page", status=status, says=state, detail=detail)


def key(**values: object) -> Reading:
    """What the key looks like."""
    detail = KeyDetail.model_validate(
        {"present": True, "length": 40, "source": "MAINTAINX_API_KEY", **values}
    )
    odd = not detail.present or detail.stray or detail.expired
    status = Status.FAILING if odd else Status.OK
    return Reading(probe="key", target="API key", status=status, says="40 characters", detail=detail)


def service(claims: str | None, *failing: str, code: int = 503, uptime_s: float | None = None) -> Reading:
    """The integration's health answer; None: no answer."""
    checks = tuple(HealthCheck(name=name, ok=False, says="error") for name in failing)
    taken = sample("connect") if claims is None else sample(200 if claims == "healthy" else code)
    detail = ServiceDetail.model_validate(
        {
            "url": "http://localhost:3000/health",
            "sample": taken,
            "claims": claims,
            "checks": checks,
            "uptime_s": uptime_s,
        }
    )
    status = Status.OK if claims == "healthy" and not failing else Status.FAILING
    says = "connecting to localhost:3000 was refused" if claims is None else f"says {claims}"
    return Reading(probe="service", target="/health", status=status, says=says, detail=detail)


def traffic(total: int, **by_status: int) -> Reading:
    """What passed the gateway."""
    counts = {name.removeprefix("s"): n for name, n in by_status.items()}
    detail = TrafficDetail(total=total, by_status=counts)
    return Reading(
        probe="traffic", target="gateway traffic", status=Status.OK, says=f"{total}", detail=detail
    )


def last_good(**ago_min: float) -> Reading:
    """The gateway's traffic with each collection's last good answer to a read, so many minutes ago."""
    detail = TrafficDetail(
        total=9,
        by_status={"200": 9},
        last_good={f"/{name}": {"in": AT - timedelta(minutes=ago)} for name, ago in ago_min.items()},
    )
    return Reading(probe="traffic", target="gateway traffic", status=Status.OK, says="9", detail=detail)


def synced(ago_min: float) -> Reading:
    """The integration's record of a last sync so many minutes ago; 15 are allowed."""
    detail = SyncDetail(
        file="state.json", last_sync_at=AT - timedelta(minutes=ago_min), age_s=ago_min * 60, stale_s=900.0
    )
    status = Status.FAILING if detail.stale else Status.OK
    says = f"the last sync ended about {ago_min:g} minutes ago by its own word"
    return Reading(probe="sync", target="sync state", status=status, says=says, detail=detail)


def judged(
    readings: list[Reading], *, integration: Integration = INTEGRATION, changes: Iterable[Change] = ()
) -> Assessment:
    """What the diagnosis makes of them."""
    return diagnose(integration, readings, at=AT, calendar=Calendar(UTC_ZONE), changes=changes)
