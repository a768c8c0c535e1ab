"""The step ``service-check``: waits until the service's own health answers well, and keeps doing so. Only reads."""

from collections.abc import Mapping

from pydantic import JsonValue

from bot.domain.addresses import shown
from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import StepContext, StepResult
from bot.steps import values
from bot.steps.health import Asked, ask_health, health_client
from bot.steps.service import Services

LOOK_S = 2.0
DEADLINE_S = 5.0
_COMES_BACK = ("restarting", "activating")
"""Words of hosts for a process that they are about to start by themselves."""

_KEYS: Mapping[str, values.Check] = {"answered": values.whole(1, 100), "within_s": values.whole(5, 3600)}


class ServiceCheck:
    """Done after N healthy answers in a row; else it says what health said, and what became of the process."""

    kind = "service-check"

    def __init__(self, services: Services) -> None:
        self._services = services

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS, required=("answered", "within_s"))

    async def plan(self, context: StepContext) -> PlannedStep:
        integration = self._services.integration(context)
        needed, within_s = _wanted(context.values)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"ask {shown(integration.health_url)} up to {within_s} s for {needed} healthy answers in a row",
            undo_says="",
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        integration, clock = self._services.integration(context), self._services.clock
        needed, within_s = _wanted(context.values)
        until = clock.monotonic() + within_s
        run: list[Asked] = []
        deadline_s = min(DEADLINE_S, integration.deadline_s)
        async with health_client(integration) as http:
            while True:
                told = await ask_health(http, integration.health_url, deadline_s=deadline_s)
                run = [*run, told] if run and run[-1].verdict == told.verdict else [told]
                if told.verdict in ("healthy", "mute") and len(run) >= needed:
                    return _well(run)
                over = clock.monotonic() >= until
                dead, process = (
                    await self._process(context) if over or told.verdict == "silent" else (False, "")
                )
                if over or dead:
                    return _unwell(told, process, within_s=within_s, dead=dead)
                await clock.sleep(LOOK_S)

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    async def _process(self, context: StepContext) -> tuple[bool, str]:
        """Whether the process has ended for good, so that waiting is of no use, and how it is."""
        host = self._services.host(context)
        if host is None:
            return False, ""
        try:
            state = await host.look()
        except OutsideError:
            return False, ""
        return not state.running and state.state not in _COMES_BACK, self._services.says(state)


def _well(run: list[Asked]) -> StepResult:
    times = f"{len(run)} time{'' if len(run) == 1 else 's'} in a row"
    if run[-1].verdict == "mute":
        return StepResult(
            "inconclusive",
            f"the service answers, but whether it is well it does not tell: {run[-1].says}, {times}",
        )
    return StepResult("done", f"the service is back: {run[-1].says}, {times}")


def _unwell(told: Asked, process: str, *, within_s: int, dead: bool) -> StepResult:
    first = "the service has ended again" if dead else f"the service is not healthy within {within_s} s"
    return StepResult(
        "failed", f"{first}: {told.says}" + (f"; {process}" if process else ""), (process,) if process else ()
    )


def _wanted(table: Mapping[str, JsonValue]) -> tuple[int, int]:
    answered, within_s = table.get("answered"), table.get("within_s")
    return (
        answered if isinstance(answered, int) else 3,
        within_s if isinstance(within_s, int) else 120,
    )
