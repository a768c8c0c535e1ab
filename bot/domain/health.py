"""What an integration's own health answer says, in every shape that its makers gave it. Pure.

Three shapes are known: checks with words, checks with yes-or-no fields, and metrics alone, which can say nothing bad.
"""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

from bot.domain.readings import HealthCheck

_STALE_SYNC_S = 900.0
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


def answer(body: bytes) -> Mapping[str, JsonValue] | None:
    """The answer's JSON object; None where it is something else."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def claim(health: Mapping[str, JsonValue]) -> Claim | None:
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


def checks(health: Mapping[str, JsonValue]) -> tuple[HealthCheck, ...]:
    """The parts that it names, at most 20, and how far its sync is behind where it tells that."""
    found: list[HealthCheck] = []
    match health.get("checks"):
        case dict() as table:
            found += [_check(name, value) for name, value in table.items()]
        case list() as rows:
            found += [_check(str(row.get("name", "?")), row) for row in rows if isinstance(row, dict)]
        case _:
            pass
    metrics = health.get("metrics")
    lag = number(metrics.get("syncLagSeconds")) if isinstance(metrics, dict) else None
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


def number(value: JsonValue) -> float | None:
    """A number, which a yes or no is not."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
