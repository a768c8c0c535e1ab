"""The step ``key-here``: the gateway and mx itself take the new key, so that replays go out and probes turn green."""

from collections.abc import Mapping

from pydantic import JsonValue, SecretStr

from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import Gateway, StepContext, StepResult
from bot.steps import values
from bot.steps.keystore import known
from bot.steps.rotation import Rotation, new_key, recorded

_PUT = "PUT /-/key"
"""What the gateway calls a key that it was handed while it runs."""
GOING_BACK = (
    "this puts the key from before back, which may be the one that MaintainX refuses: leave the rotation as it is "
    "unless the new key does not work"
)
"""What is to be known before a rotation is taken back."""


class KeyHere:
    """mx's own key first, then the gateway's. A gateway that reads its key from a file is told to a person."""

    kind = "key-here"

    def __init__(self, rotation: Rotation, gateway: Gateway) -> None:
        self._rotation = rotation
        self._gateway = gateway

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        own = self._rotation.own_key(context)
        where = f"mx itself ({own.name})" if own is not None else "mx itself"
        says = f"{where} and the gateway use the new key"
        warnings: tuple[str, ...] = ()
        try:
            source = await self._source()
        except OutsideError as error:
            source, warnings = "", (str(error),)
        if context.undoes is not None:
            says = f"{where} and the gateway use the key from before"
            warnings += (GOING_BACK,)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=says,
            touches=f"the gateway's key is from {source}" if source else "",
            undo_says="both use the key from before",
            warnings=warnings,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        own = self._rotation.own_key(context)
        try:
            source = await self._source()
        except OutsideError:
            source = ""  # it is told when it is acted upon
        return {"own": own.name if own is not None else "", "gateway": source}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        own = self._rotation.own_key(context)
        key = await self._key(context)
        if own is None:
            raise OutsideError(
                f"mx has no key of the integration {context.integration} to exchange", permanent=True
            )
        says = own.take(key)
        try:
            await self._gateway.put_key(
                key, owner=context.actor, reason=f"{context.playbook} in {context.incident}"
            )
        except OutsideError as error:
            if known(before, "gateway") == own.name:
                return StepResult("done", f"{says}; the gateway reads the same file")
            return StepResult("inconclusive", f"{says}. The gateway does not use it: {error}")
        return StepResult("done", f"{says}; the gateway uses it until its next start")

    async def observe(self, context: StepContext) -> StepResult | None:
        if context.undoes is not None:
            return await self.undo(context, context.before)  # going back twice is the same as once
        own, key = self._rotation.own_key(context), await self._key(context)
        before, source = recorded(context, self.kind), await self._source()
        if own is None or (own.current() or "").strip() != key.get_secret_value():
            return StepResult("failed", "mx stopped before it had the new key itself; try again")
        if source == _PUT and known(before, "gateway") != _PUT:
            return StepResult("done", "mx and the gateway use the new key")
        if source == own.name:
            return StepResult("done", "mx uses the new key; the gateway reads the same file")
        return StepResult("failed", "mx stopped before the gateway had the new key; try again")

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        own = self._rotation.own_key(context)
        troubles: list[str] = []
        said: list[str] = []
        if own is not None:
            try:
                said.append(own.back())
            except OutsideError as error:
                troubles.append(str(error))
        if known(before, "gateway") != _PUT:
            try:
                await self._gateway.drop_key(owner=context.actor, reason=f"undo of {context.playbook}")
                said.append("the gateway uses its configured key again")
            except OutsideError as error:
                troubles.append(str(error))
        else:
            troubles.append("the gateway had been handed a key before this one, which it does not remember")
        return StepResult("failed" if troubles else "done", "; ".join([*said, *troubles]))

    async def _key(self, context: StepContext) -> SecretStr:
        integration = self._rotation.integration(context)
        store = self._rotation.store(context) if context.secret is None and integration.key_store else None
        return await new_key(context, store)

    async def _source(self) -> str:
        found = await self._gateway.key()
        source = found.get("source") if isinstance(found, dict) else None
        return source if isinstance(source, str) else ""
