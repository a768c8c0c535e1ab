"""The step ``service-look``: how the integration's own process is, and what its machine runs out of. Only reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from bot.domain.integration import Integration, ServiceSpec
from bot.domain.mitigation import PlannedStep
from bot.domain.readings import ServiceState
from bot.domain.service_words import cause, named, seen
from bot.errors import OutsideError
from bot.ownhost import scarce
from bot.ports import Clock, StepContext, StepResult
from bot.servicehost import CONFIGURE, ServiceHost, host_of
from bot.steps import values
from bot.steps.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Services:
    """What the steps about the integration's process share. ``hosts`` makes the client of one host."""

    around: Surroundings
    clock: Clock
    hosts: Callable[[ServiceSpec], ServiceHost] = host_of
    scarce: Callable[[], tuple[str, ...]] = scarce

    def integration(self, context: StepContext) -> Integration:
        """Whose process it is. Raises OutsideError."""
        found = self.around.integrations.get(context.integration)
        if found is None:
            raise OutsideError(
                f"there is no integration {context.integration} in the settings; describe it under "
                f"[integrations.{context.integration}] in mx.toml",
                permanent=True,
            )
        return found

    def host(self, context: StepContext) -> ServiceHost | None:
        """The host of its process; None where the settings do not name it. Raises OutsideError."""
        spec = self.integration(context).service
        return self.hosts(spec) if spec else None

    def says(self, state: ServiceState) -> str:
        """What was seen, in a sentence."""
        return seen(state, now=self.clock.now())


class ServiceLook:
    """Says what was seen; done where the host could be asked, whatever it said."""

    kind = "service-look"

    def __init__(self, services: Services) -> None:
        self._services = services

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        spec = self._services.integration(context).service
        host = {"docker": "Docker", "systemd": "systemd"}[spec.kind] if spec else ""
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"ask {host} how {spec.name} is: exit code, memory, restarts"
            if spec
            else "look at the service",
            undo_says="",
            warnings=() if spec else (CONFIGURE,),
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        host = self._services.host(context)
        if host is None:
            return StepResult(outcome="inconclusive", says=CONFIGURE)
        state = await host.look()
        return StepResult(outcome="done", says=self._services.says(state), evidence=self._evidence(state))

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    def _evidence(self, state: ServiceState) -> tuple[str, ...]:
        why = cause(state)
        policy = f"{named(state)} has the restart policy {state.policy}" if state.policy else ""
        return tuple(line for line in (why or "", policy, *self._services.scarce()) if line)
