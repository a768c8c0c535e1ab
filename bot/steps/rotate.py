"""The steps ``key-store`` and ``key-take``: the new key goes into the store, and the service takes that version."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import StepContext, StepResult
from bot.steps import values
from bot.steps.keystore import SecretStore, known
from bot.steps.rotation import (
    Rotation,
    evidence_of,
    new_key,
    new_version,
    old_version,
    recorded,
    version_with,
)

_STARTS = "the service reads it when it starts"


class KeyStore:
    """Adds the new key as a version, once: where the newest version holds it already, that one is used."""

    kind = "key-store"

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        store = self._rotation.store(context)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=store.adds,
            touches="nothing takes it yet",
            undo_says="",
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return await self._rotation.store(context).before()

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        store = self._rotation.store(context)
        key = await new_key(context, None)
        if version := await version_with(key, store):
            return _stored(store, version, already=True)
        try:
            version = await store.add(key)
        except OutsideError as error:
            if error.permanent:
                raise
            version = await version_with(key, store)  # the answer was lost, not necessarily the version: look
            if not version:
                raise
        return _stored(store, version)

    async def observe(self, context: StepContext) -> StepResult | None:
        store = self._rotation.store(context)
        found = await store.latest()
        if found is None:
            return None
        if found[1] == await new_key(context, None):
            return _stored(store, found[0])
        says = f"mx stopped before {store.name} had the new key; try again"
        return StepResult(outcome="failed", says=says)

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None


class KeyTake:
    """Makes the service take exactly the new version; undo takes it back to the version before."""

    kind = "key-take"

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        store = self._rotation.store(context)
        planned = PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=store.takes + self._then(context, store),
            undo_says="the service goes back to the version before" + self._then(context, store),
        )
        if context.undoes is not None:
            back = f"let the service go back to {_named(known(context.before, 'number'))}"
            planned = planned.model_copy(
                update={"says": back + self._then(context, store), "undo_says": "run the playbook again"}
            )
        try:
            now = await store.before()
        except OutsideError as error:
            return planned.model_copy(update={"warnings": (str(error),)})
        pinned = known(now, "pinned")
        warning = (
            f"the service's traffic is pinned to {pinned} (--no-traffic does that); taking the key sends all of it to "
            "a new revision of the latest template"
        )
        return planned.model_copy(
            update={
                "touches": f"in use now: {_named(known(now, 'version'))}",
                "warnings": (warning,) if pinned and context.undoes is None else (),
            }
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        store = self._rotation.store(context)
        if context.undoes is not None:
            return await store.before()
        takes = await new_version(context, store)
        first = recorded(context, "key-store", "key-wait")
        found = await store.before()
        if known(found, "version") == takes and first and known(first, "version") != takes:
            found = dict(first)  # taken up again after a failure: what was there before that is what counts
        return {**found, "number": old_version(found, first), "takes": takes}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        store = self._rotation.store(context)
        says = await store.take(known(before, "takes"))
        evidence = evidence_of(known(before, "takes"))
        return await self._started(context, store, StepResult(outcome="done", says=says, evidence=evidence))

    async def observe(self, context: StepContext) -> StepResult | None:
        store = self._rotation.store(context)
        if context.undoes is not None:
            return await self._seen_undone(context, store)
        takes = known(recorded(context, self.kind), "takes")
        taken = await store.taken(takes)
        if taken is None:
            return None
        if not taken:
            says = f"mx stopped before the service had taken version {takes}; try again, or undo"
            return StepResult(outcome="failed", says=says)
        if store.restarts:
            return StepResult(
                outcome="inconclusive",
                says=f"{store.name} is the new key, but {_STARTS}, and whether that has happened since is not known; "
                "its health will tell",
                evidence=evidence_of(takes),
            )
        return StepResult(
            outcome="done", says=f"the service takes version {takes}", evidence=evidence_of(takes)
        )

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        store = self._rotation.store(context)
        if not known(before, "takes"):
            return None
        says = await store.back(before)
        return await self._started(context, store, StepResult(outcome="done", says=says))

    async def _seen_undone(self, context: StepContext, store: SecretStore) -> StepResult:
        now, number = known(await store.before(), "version"), known(context.before, "number")
        if now == number:
            return StepResult(outcome="done", says=f"the service is back at {_named(number)}")
        return StepResult(outcome="failed", says=f"the service is at {_named(now)} still; undo it again")

    async def _started(self, context: StepContext, store: SecretStore, result: StepResult) -> StepResult:
        """The service started anew, where it reads the key only then."""
        if not store.restarts:
            return result
        integration = self._rotation.integration(context)
        if self._rotation.restart is None or integration.service is None:
            return replace(result, says=f"{result.says}; {_STARTS}: restart it now")
        try:
            restarted = await self._rotation.restart(integration)
        except OutsideError as error:
            says = f"{result.says}; {_STARTS}, and {error}. Restart it by hand, then try again"
            return replace(result, outcome="failed", says=says)
        return replace(result, says=f"{result.says}; {restarted}")

    def _then(self, context: StepContext, store: SecretStore) -> str:
        if not store.restarts:
            return ""
        service = self._rotation.integration(context).service
        if self._rotation.restart is None or service is None:
            return f"; {_STARTS}: you restart it then"
        return f", and restart {service.name}, which reads it when it starts"


def _stored(store: SecretStore, version: str, *, already: bool = False) -> StepResult:
    says = f"{store.name}: version {version} is the new key{' already' if already else ''}"
    return StepResult(outcome="done", says=says, evidence=evidence_of(version))


def _named(version: str) -> str:
    return f"version {version}" if version else "what was there"
