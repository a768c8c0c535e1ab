"""The step ``restart``: starts the integration's own process anew, and sees whether it stays up."""

from collections.abc import Mapping

from pydantic import JsonValue

from bot.domain.integration import Integration
from bot.domain.mitigation import PlannedStep
from bot.domain.readings import ServiceState
from bot.domain.service_words import named
from bot.errors import OutsideError
from bot.ports import StepContext, StepResult
from bot.servicehost import CONFIGURE, ServiceHost
from bot.steps import values
from bot.steps.health import ask_health, health_client
from bot.steps.restarting import Restarting, anew
from bot.steps.service import Services

LOOK_S = 1.0
STOPPING_S = 20.0
"""For how long a restart that was asked for may still be stopping the old process."""
_HEALTH_S = 2.0


class Restart:
    """Stops it if it runs, starts it. Cannot be taken back; after a crash the start's own time tells."""

    kind = "restart"

    def __init__(self, services: Services) -> None:
        self._services = services
        self._restarting = Restarting(services)

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        integration = self._services.integration(context)
        says, touches = "restart the service", ""
        warnings: tuple[str, ...] = (CONFIGURE,)
        if integration.service is not None:
            says = f"restart {integration.service.name}; what it is working on is cut off"
            try:
                state = await self._services.hosts(integration.service).look()
            except OutsideError as error:
                warnings = (str(error),)
            else:
                touches, warnings = self._services.says(state), await self._against(integration, state)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=says,
            touches=touches,
            undo_says=None,
            warnings=warnings,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        state = await self._host(context).look()
        return {"life": state.life, "running": state.running, "says": self._services.says(state)}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        return await self._restarting.restarted(self._host(context), before=before)

    async def observe(self, context: StepContext) -> StepResult | None:
        host, before = self._host(context), _recorded(context)
        until = self._services.clock.monotonic() + STOPPING_S
        while not anew(state := await host.look(), before):
            if self._services.clock.monotonic() >= until:
                return StepResult(
                    outcome="failed",
                    says=f"mx stopped before the restart: {self._services.says(state)}. Run it again",
                )
            await self._services.clock.sleep(LOOK_S)
        return await self._restarting.settled(host, before=before, says=f"{named(state)} was started anew")

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    def _host(self, context: StepContext) -> ServiceHost:
        host = self._services.host(context)
        if host is None:
            raise OutsideError(CONFIGURE, permanent=True)
        return host

    async def _against(self, integration: Integration, state: ServiceState) -> tuple[str, ...]:
        """What speaks against a restart, and what it will not mend."""
        found = self._services.scarce()
        if state.oom_killed and state.memory_limit:
            found = ("it will meet the same memory limit again; what lasts is a higher one", *found)
        if state.running:
            async with health_client(integration) as http:
                told = await ask_health(http, integration.health_url, deadline_s=_HEALTH_S)
            if told.verdict == "healthy":
                return (f"it runs and {told.says}: a restart may be of no use", *found)
        return found


def _recorded(context: StepContext) -> Mapping[str, JsonValue]:
    """The state that this very step found before it began."""
    run = context.about.run(context.run) if context.about else None
    steps = run.steps if run else ()
    return next((step.before or {} for step in steps if step.index == context.index), context.before)
