"""The step ``key-retire``: the old version of the key is disabled, once the service takes the new one."""

from collections.abc import Mapping

from pydantic import JsonValue

from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import StepContext, StepResult
from bot.steps import values
from bot.steps.keystore import known
from bot.steps.rotation import Rotation, recorded

REVOKE = "MaintainX itself accepts the old key until it is revoked there: Settings > Integrations > API Keys"


class KeyRetire:
    """Works only with a version that the run recorded, and never with one that the service takes."""

    kind = "key-retire"

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        store = self._rotation.store(context)
        version = known(recorded(context, "key-take"), "number")
        says = store.retires or "say where the old key still lies"
        if context.undoes is not None:
            says = f"enable version {known(context.before, 'version')} again"
        elif version:
            says += f" ({version})"
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=says,
            touches=REVOKE,
            undo_says="enable it again" if store.retires else "",
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        taken = recorded(context, "key-take")
        return {"version": known(taken, "number"), "takes": known(taken, "takes")}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        store = self._rotation.store(context)
        old, new = known(before, "version"), known(before, "takes")
        if store.retires is not None:
            if not new or not old or old == new:
                return StepResult(
                    outcome="failed",
                    says=f"{store.name}: which version was in use before was not recorded; disable it by hand. {REVOKE}",
                )
            if await store.taken(new) is False:
                return StepResult(
                    outcome="failed",
                    says=f"{store.name}: the service does not take version {new}, so version {old} stays usable; "
                    "let it take the new one first",
                )
        return StepResult(outcome="done", says=f"{await store.disable(old)}. {REVOKE}")

    async def observe(self, context: StepContext) -> StepResult | None:
        """Disabling and enabling twice is the same as once, so the look is the act itself."""
        if context.undoes is not None:
            return await self.undo(context, context.before)
        return await self.act(context, recorded(context, self.kind))

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        version = known(before, "version")
        if not version:
            return None
        try:
            return StepResult(outcome="done", says=await self._rotation.store(context).enable(version))
        except OutsideError as error:
            return StepResult(outcome="failed", says=f"{error}. Without it the service cannot go back")
