"""The step ``key-wait``: waits until somebody has put the new key into the store, and reads its version there."""

from collections.abc import Mapping

from pydantic import JsonValue, SecretStr

from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import StepContext, StepResult
from bot.steps import values
from bot.steps.keystore import known, version_number
from bot.steps.rotation import Rotation, evidence_of, recorded

LOOK_S = 5.0
WITHIN_S = 900

_KEYS: Mapping[str, values.Check] = {"within_s": values.whole(5, 86400)}


class KeyWait:
    """Only reads; the key itself stays in the store, and its version's name is written down."""

    kind = "key-wait"

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        store = self._rotation.store(context)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"wait up to {_within(context.values)} s until a newer version is in {store.name}",
            undo_says="",
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return await self._rotation.store(context).before()

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        store, within_s = self._rotation.store(context), _within(context.values)
        clock = self._rotation.clock
        own = self._rotation.own_key(context)
        held = own.current() if own is not None else None
        until = clock.monotonic() + within_s
        trouble = ""
        while True:
            try:
                found = await store.latest()
            except OutsideError as error:
                if error.permanent:
                    raise
                trouble = f" ({error})"
            else:
                if found is not None and _newer(found, before, held=held):
                    says = f"{store.name}: version {found[0]} is there"
                    return StepResult(outcome="done", says=says, evidence=evidence_of(found[0]))
            if clock.monotonic() >= until:
                return StepResult(
                    outcome="failed",
                    says=f"{store.name}: no version newer than {_known(before)} came within {within_s} s{trouble}; "
                    "add it and try again, or start the playbook with the new key",
                )
            await clock.sleep(LOOK_S)

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, recorded(context, self.kind))

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None


def _newer(found: tuple[str, SecretStr], before: Mapping[str, JsonValue], *, held: str | None) -> bool:
    """Whether this is not what the service has: a higher number than its pinned one, else another key than mx's."""
    number, pinned = version_number(found[0]), version_number(known(before, "version"))
    if pinned >= 0:
        return number > pinned
    newest = version_number(known(before, "latest"))
    other = held is not None and found[1].get_secret_value().strip() != held.strip()
    return number > newest >= 0 or other


def _known(before: Mapping[str, JsonValue]) -> str:
    version = known(before, "version")
    return known(before, "latest") or "what is there" if version in ("", "latest") else version


def _within(table: Mapping[str, JsonValue]) -> int:
    found = table.get("within_s")
    return found if isinstance(found, int) else WITHIN_S
