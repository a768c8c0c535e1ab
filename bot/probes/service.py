"""Ask the integration's own ``/health``, in every shape that its makers gave it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from bot.domain.addresses import shown
from bot.domain.readings import HealthCheck, Reading, Sample, ServiceDetail, Status
from bot.probes.exchange import Exchange, Wire
from bot.probes.words import duration

_STALE_SYNC_S = 900.0
_SERVER_ERROR = 500
_OK = 200
_TEXT = 120
_CHECKS = 20

Claim = Literal["healthy", "degraded", "unhealthy"]
_CLAIMS: Mapping[str, Claim] = {
    **dict.fromkeys(("healthy", "ok", "up", "pass", "passing", "ready", "true"), "healthy"),
    **dict.fromkeys(("degraded", "warn", "warning", "partial"), "degraded"),
    **dict.fromkeys(
        ("unhealthy", "down", "fail", "failing", "failed", "error", "critical", "false"), "unhealthy"
    ),
}
_GOOD = frozenset(
    (
        "ok",
        "healthy",
        "up",
        "pass",
        "passing",
        "true",
        "configured",
        "connected",
        "ready",
        "enabled",
        "operational",
    )
)


@dataclass(frozen=True, slots=True)
class ServiceProbe:
    """``GET`` the health address once. An answer with a JSON body is an answer, whatever its HTTP status."""

    url: str
    configured: bool
    wire: Wire
    slow_ms: float = 2000.0
    deadline_s: float = 10.0

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - the service tells its state in one answer
        until = asyncio.get_running_loop().time() + self.deadline_s
        async with self.wire.line() as line:
            exchange = await line.get(self.url, until=until)
        sample = exchange.sample(at_ms=0.0)
        detail = ServiceDetail(url=shown(self.url), configured=self.configured, sample=sample)
        if exchange.code is None:
            return self._no_answer(exchange, detail)
        health = _object(exchange.body)
        if health is None:
            return self._no_json(exchange, detail)
        return self._answer(exchange.code, health, sample=sample, detail=detail)

    def _no_answer(self, exchange: Exchange, detail: ServiceDetail) -> Reading:
        if exchange.refused and not self.configured:
            says = (
                f"nothing listens at the default {detail.url}: "
                "set INTEGRATION_HEALTH_URL to the integration's own health address"
            )
            return self._reading(Status.UNKNOWN, says, detail)
        return self._reading(Status.FAILING, exchange.error or "no answer", detail)

    def _no_json(self, exchange: Exchange, detail: ServiceDetail) -> Reading:
        code = exchange.code or 0
        took = duration(exchange.timing.total or 0.0)
        if code >= _SERVER_ERROR:
            says = f"HTTP {code} without JSON: the service, or what stands before it, is broken; {took}"
            return self._reading(Status.FAILING, says, detail)
        if code == _OK:
            says = f"HTTP 200, but no JSON: it lives, nothing more can be read from that; {took}"
            told = detail.model_copy(update={"claims": "unreadable", "cannot_fail": True})
            return self._reading(Status.OK, says, told)
        says = (
            f"HTTP {code}: something listens, but that is no health answer; "
            "set INTEGRATION_HEALTH_URL to the address that tells the service's health"
        )
        return self._reading(Status.UNKNOWN, says, detail)

    def _answer(
        self, code: int, health: Mapping[str, JsonValue], *, sample: Sample, detail: ServiceDetail
    ) -> Reading:
        checks = _checks(health)
        broken = [check for check in checks if not check.ok]
        claims = _claim(health)
        if claims == "healthy" and code >= _SERVER_ERROR:
            claims = "degraded"
        told = detail.model_copy(
            update={
                "claims": claims or "unreadable",
                "checks": checks,
                "uptime_s": _number(health.get("uptime")),
                "cannot_fail": claims == "healthy" and "checks" not in health,
            }
        )
        parts = [f'HTTP {code}, says "{claims or "nothing of its state"}"']
        parts += [f"{check.name}: {check.says or 'fails'}" for check in broken[:3]]
        if told.cannot_fail:
            parts.append("it names no checks, so it cannot say anything else")
        if sample.ms is not None:
            parts.append(duration(sample.ms))
        if broken or claims in {"degraded", "unhealthy"} or (claims is None and code >= _SERVER_ERROR):
            status = Status.FAILING
        else:
            status = Status.SLOW if (sample.ms or 0.0) > self.slow_ms else Status.OK
        return self._reading(status, "; ".join(parts), told)

    def _reading(self, status: Status, says: str, detail: ServiceDetail) -> Reading:
        ms = detail.sample.ms if detail.sample else None
        return Reading(probe="service", target="/health", status=status, ms=ms, says=says, detail=detail)


def _object(body: bytes) -> Mapping[str, JsonValue] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _claim(health: Mapping[str, JsonValue]) -> Claim | None:
    """What the service says it is: its ``status``, else one of the usual yes-or-no fields."""
    for name in ("status", "state", "healthy", "ready", "ok"):
        match health.get(name):
            case bool() as yes:
                return "healthy" if yes else "unhealthy"
            case str() as word if word.strip().lower() in _CLAIMS:
                return _CLAIMS[word.strip().lower()]
            case _:
                continue
    return None


def _checks(health: Mapping[str, JsonValue]) -> tuple[HealthCheck, ...]:
    found: list[HealthCheck] = []
    match health.get("checks"):
        case dict() as table:
            found += [_check(name, value) for name, value in table.items()]
        case list() as rows:
            found += [_check(str(row.get("name", "?")), row) for row in rows if isinstance(row, dict)]
        case _:
            pass
    metrics = health.get("metrics")
    lag = _number(metrics.get("syncLagSeconds")) if isinstance(metrics, dict) else None
    if lag is not None:
        stale = lag > _STALE_SYNC_S
        limit = f"; stale is over {_STALE_SYNC_S:.0f} s" if stale else ""
        found.append(HealthCheck(name="sync lag", ok=not stale, says=f"{lag:.0f} s behind{limit}"))
    return tuple(found[:_CHECKS])


def _check(name: str, value: JsonValue) -> HealthCheck:
    ok, says = True, ""
    match value:
        case bool():
            ok = value
        case str():
            ok, says = value.strip().lower() in _GOOD, value
        case [first, *_]:
            return _check(name, first)
        case dict():
            verdict = next((value[k] for k in ("status", "ok", "healthy", "state") if k in value), True)
            ok = verdict if isinstance(verdict, bool) else str(verdict).strip().lower() in _GOOD
            words = next((value[k] for k in ("error", "message", "detail", "output") if value.get(k)), None)
            says = str(words if words is not None else "" if isinstance(verdict, bool) else verdict)
        case _:
            pass
    return HealthCheck(name=name[:_TEXT], ok=ok, says=says[:_TEXT])


def _number(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
