"""The step ``key-check``: waits until the service's own health says that its way to MaintainX is in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import httpx
from pydantic import JsonValue

from bot.domain import health
from bot.domain.addresses import shown
from bot.domain.integration import Integration
from bot.domain.mitigation import PlannedStep
from bot.domain.readings import HealthCheck
from bot.errors import OutsideError
from bot.ports import StepContext, StepResult
from bot.steps import values
from bot.steps.rotation import Rotation

LOOK_S = 3.0
WITHIN_S = 180
IN_A_ROW = 2
"""So many good answers are needed: while a new revision takes over, the old one still answers in between."""
_MAINTAINX = "maintainx"

_KEYS: Mapping[str, values.Check] = {"within_s": values.whole(5, 3600)}


@dataclass(frozen=True, slots=True)
class _Look:
    """What one health answer came to: good, bad, or unable to say anything of MaintainX."""

    verdict: Literal["good", "bad", "mute"]
    says: str
    uptime_s: float | None = None


class KeyCheck:
    """Only reads. A health page that names no check of MaintainX proves nothing, and the result says so."""

    kind = "key-check"

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        integration = self._rotation.integration(context)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"watch {shown(integration.health_url)} up to {_within(context.values)} s until the service says that "
            "it reaches MaintainX",
            undo_says="",
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        integration, clock = self._rotation.integration(context), self._rotation.clock
        within_s = _within(context.values)
        until = clock.monotonic() + within_s
        run: list[_Look] = []
        async with _client(integration) as http:
            while True:
                look = await _look(http, integration)
                run = [*run, look] if run and run[-1].verdict == look.verdict else [look]
                if look.verdict != "bad" and len(run) >= IN_A_ROW:
                    return _ended(look)
                if clock.monotonic() >= until:
                    return StepResult(
                        outcome="failed",
                        says=f"the service does not say within {within_s} s that it reaches MaintainX: {look.says}; "
                        "look at its log, then try again, or undo",
                    )
                await clock.sleep(LOOK_S)

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None


def _client(integration: Integration) -> httpx.AsyncClient:
    here = integration.health_url.startswith(("http://127.0.0.1", "http://localhost"))
    return httpx.AsyncClient(timeout=integration.deadline_s, trust_env=not here)


async def _look(http: httpx.AsyncClient, integration: Integration) -> _Look:
    where = shown(integration.health_url)
    try:
        answer = await http.get(integration.health_url)
    except httpx.InvalidURL:
        raise OutsideError(f"{where} is no address; set INTEGRATION_HEALTH_URL", permanent=True) from None
    except (httpx.HTTPError, OSError) as error:
        return _Look("bad", f"{where} cannot be asked ({type(error).__name__})")
    found = health.answer(answer.content)
    if found is None:
        if answer.is_success:
            return _Look("mute", f"{where} answers {answer.status_code}, but nothing that can be read")
        return _Look("bad", f"{where} answers {answer.status_code} and nothing that can be read")
    return _judged(answer.status_code, found)


def _judged(code: int, found: Mapping[str, JsonValue]) -> _Look:
    checks = health.checks(found)
    uptime_s = health.number(found.get("uptime"))
    asked = [check for check in checks if _MAINTAINX in check.name.lower()]
    broken = [check for check in (asked or checks) if not check.ok]
    claims = health.claim(found)
    if broken:
        return _Look("bad", f"HTTP {code}, {', '.join(_shown(check) for check in broken[:3])}", uptime_s)
    if asked:
        return _Look("good", ", ".join(_shown(check) for check in asked[:3]), uptime_s)
    if claims == "healthy":
        return _Look("mute", f'it says "{claims}", but names no check of MaintainX', uptime_s)
    return _Look("bad", f'HTTP {code}, it says "{claims or "nothing of its state"}"', uptime_s)


def _ended(look: _Look) -> StepResult:
    up = (f"up for {look.uptime_s:.0f} s",) if look.uptime_s is not None else ()
    if look.verdict == "good":
        return StepResult("done", f"the service says that it reaches MaintainX ({look.says})", up)
    return StepResult(
        "inconclusive",
        f"whether the service reaches MaintainX cannot be told from its health: {look.says}; look at its log or at the "
        "traffic of the gateway before the old key goes",
        up,
    )


def _shown(check: HealthCheck) -> str:
    return f"{check.name}: {check.says or ('ok' if check.ok else 'fails')}"


def _within(table: Mapping[str, JsonValue]) -> int:
    found = table.get("within_s")
    return found if isinstance(found, int) else WITHIN_S
