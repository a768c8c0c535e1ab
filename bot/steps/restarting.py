"""A restart of the integration's own process, and how that is a moment later: for the step and for a key's rotation."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from bot.domain.integration import Integration
from bot.domain.readings import ServiceState
from bot.domain.service_words import cause
from bot.errors import OutsideError
from bot.ports import StepResult
from bot.servicehost import CONFIGURE, ServiceHost
from bot.steps.service import Services

SETTLE_S = 3.0
"""A process that crashes while it starts has mostly done so by then."""


@dataclass(frozen=True, slots=True)
class Restarting:
    """Restarts processes; called with an integration it does so for another step, and says how that went."""

    services: Services

    async def __call__(self, integration: Integration) -> str:
        """Restart it so that it reads its key anew. Raises OutsideError where it does not come up, or would not."""
        spec, store = integration.service, integration.key_store
        if spec is None:
            raise OutsideError(CONFIGURE, permanent=True)
        host = self.services.hosts(spec)
        state = await host.look()
        if store is not None and store.variable in (made := await host.made_with()).variables:
            if made.at is None or made.at <= await asyncio.to_thread(_changed_at, store.file):
                raise OutsideError(
                    f"the container {spec.name} was created with {store.variable} in it: a restart would bring back "
                    "that key, whatever the file holds. Create it anew, as it was made "
                    f"(`docker compose up -d --force-recreate {spec.name}`)",
                    permanent=True,
                )
            if state.running:
                return f"the container {spec.name} was created after {store.file} had changed, and runs with that key"
        result = await self.restarted(host, before={"life": state.life})
        if result.outcome != "done":
            raise OutsideError(result.says)
        return result.says

    async def restarted(self, host: ServiceHost, *, before: Mapping[str, JsonValue]) -> StepResult:
        """Restart it; ``before`` holds the life that ends with it. Raises OutsideError where its host refused."""
        try:
            says = await host.restart()
        except OutsideError as error:
            if error.permanent:
                raise
            state = await self._seen(host)
            if state is None:
                raise
            if not anew(state, before):
                raise OutsideError(f"{error}. Now {self.services.says(state)}") from None
            says = ""  # the answer was lost, or came late: it was started all the same
        return await self.settled(host, before=before, says=says)

    async def settled(self, host: ServiceHost, *, before: Mapping[str, JsonValue], says: str) -> StepResult:
        """How the process is a moment after its start. Raises OutsideError."""
        await self.services.clock.sleep(SETTLE_S)
        state = await host.look()
        now = self.services.says(state)
        found = before.get("says")
        evidence = (f"before: {found}",) if isinstance(found, str) and found else ()
        if not anew(state, before):
            return StepResult(
                "failed", f"{says or 'it was restarted'}, yet no new start shows: {now}", evidence
            )
        if not state.running:
            why = cause(state)
            return StepResult(
                "failed",
                f"it was restarted and did not stay up: {now}. The reason is in its log",
                (*evidence, *((why,) if why else ())),
            )
        return StepResult("done", f"{says or 'it was restarted'}: {now}", evidence)

    async def _seen(self, host: ServiceHost) -> ServiceState | None:
        try:
            return await host.look()
        except OutsideError:
            return None


def _changed_at(file: str) -> datetime:
    """When the file was written last. Raises OutsideError."""
    try:
        return datetime.fromtimestamp(Path(file).stat().st_mtime, UTC)
    except OSError as problem:
        why = (problem.strerror or type(problem).__name__).lower()
        raise OutsideError(f"looking at {file}: {why}; let key_env_file in mx.toml name it") from None


def anew(state: ServiceState, before: Mapping[str, JsonValue]) -> bool:
    """Whether the process was started since."""
    return bool(state.life) and state.life != before.get("life")
