"""Ask the integration's own ``/health``, in every shape that its makers gave it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from bot.domain import health as told_health
from bot.domain.addresses import shown
from bot.domain.readings import Reading, Sample, ServiceDetail, Status
from bot.probes.exchange import Exchange, Wire
from bot.probes.words import duration

_SERVER_ERROR = 500
_OK = 200


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
        health = told_health.answer(exchange.body)
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
        checks = told_health.checks(health)
        broken = [check for check in checks if not check.ok]
        claims = told_health.claim(health)
        if claims == "healthy" and code >= _SERVER_ERROR:
            claims = "degraded"
        told = detail.model_copy(
            update={
                "claims": claims or "unreadable",
                "checks": checks,
                "uptime_s": told_health.number(health.get("uptime")),
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
