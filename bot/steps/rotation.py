"""What the steps of a rotation share: the integration's store, the new key, and what the run's earlier steps recorded."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue, SecretStr

from bot.domain.integration import Integration
from bot.domain.run import StepState
from bot.errors import OutsideError
from bot.ports import Clock, RotatingKey, StepContext
from bot.steps.envfile import EnvFile
from bot.steps.gcp import GoogleStore
from bot.steps.keycommand import KeyCommand
from bot.steps.keystore import SecretStore, known
from bot.steps.surroundings import Surroundings

Restart = Callable[[Integration], Awaitable[str]]
"""Starts an integration's own process anew and says how that went. Raises OutsideError."""

_VERSION = "version "


@dataclass(frozen=True, slots=True)
class Rotation:
    """The surroundings of a rotation; ``restart`` is for stores whose service reads the key when it starts."""

    around: Surroundings
    clock: Clock
    restart: Restart | None = None
    rollout_s: float = field(default=300.0)
    """How long a service's new revision may take."""

    def integration(self, context: StepContext) -> Integration:
        """Whose key is rotated. Raises OutsideError."""
        found = self.around.integrations.get(context.integration)
        if found is None:
            raise OutsideError(
                f"there is no integration {context.integration} in the settings; describe it under "
                f"[integrations.{context.integration}]",
                permanent=True,
            )
        return found

    def own_key(self, context: StepContext) -> RotatingKey | None:
        """The key that mx itself uses for this integration."""
        return self.around.keys.get(context.integration)

    def store(self, context: StepContext) -> SecretStore:
        """Where the integration's key is kept. Raises OutsideError where that is not configured."""
        spec = self.integration(context).key_store
        if spec is None:
            raise OutsideError(
                f"mx does not know where the service's key is kept; set gcp_secret, key_env_file or key_command under "
                f"[integrations.{context.integration}] in mx.toml, or give the service the key by hand",
                permanent=True,
            )
        match spec.kind:
            case "gcp":
                return GoogleStore(
                    project=spec.project,
                    region=spec.region,
                    service=spec.service,
                    secret=spec.secret,
                    variable=spec.variable,
                    container=spec.container,
                    secrets_url=spec.secrets_url,
                    run_url=spec.run_url,
                    clock=self.clock,
                    rollout_s=self.rollout_s,
                )
            case "env-file":
                return EnvFile(Path(spec.file), variable=spec.variable)
            case "command":
                return KeyCommand(spec.argument)


def earlier(context: StepContext, *kinds: str) -> StepState | None:
    """The latest step of these kinds that this run (or the run that is undone) has begun; None where none was."""
    run = context.about.run(context.undoes or context.run) if context.about else None
    if run is None or run.plan is None:
        return None
    plan = run.plan.steps
    begun = [step for step in run.steps if step.before is not None and step.index < len(plan)]
    return next((step for step in reversed(begun) if plan[step.index].kind in kinds), None)


def recorded(context: StepContext, *kinds: str) -> Mapping[str, JsonValue]:
    """The state that such a step found before it began; empty where there is none."""
    step = earlier(context, *kinds)
    return step.before or {} if step is not None else {}


def evidence_of(version: str) -> tuple[str, ...]:
    """How a step writes down which version later steps work with."""
    return (f"{_VERSION}{version}",)


async def new_key(context: StepContext, store: SecretStore | None) -> SecretStr:
    """The new key: handed over for this run, or waited for in the store. Raises OutsideError."""
    if context.secret is not None:
        return SecretStr(context.secret.get_secret_value().strip())
    waited = _evidence(context, "key-wait")
    if waited and store is not None:
        found = await store.latest()
        if found is not None and found[0] == waited:
            return found[1]
    raise OutsideError(
        "the new key is not here (it is kept until its run is over, at most a day); start the playbook again and "
        "hand it over",
        permanent=True,
    )


async def new_version(context: StepContext, store: SecretStore) -> str:
    """The version of the new key, from what the run wrote down, else by looking for it. Raises OutsideError."""
    if version := _evidence(context, "key-store", "key-wait"):
        return version
    if version := await version_with(await new_key(context, store), store):
        return version
    raise OutsideError(
        f"{store.name}: which version holds the new key is not known; try the step before this one again",
        permanent=True,
    )


async def version_with(key: SecretStr, store: SecretStore) -> str:
    """The newest version's name where it holds this key; empty where it does not, or nobody may look."""
    try:
        found = await store.latest()
    except OutsideError:
        return ""
    return found[0] if found is not None and found[1] == key else ""


def old_version(before: Mapping[str, JsonValue], first: Mapping[str, JsonValue]) -> str:
    """The number of the version that was in use: ``latest`` meant the newest one of before the rotation."""
    version = known(before, "version")
    if version == "latest":
        return known(first, "latest") or known(before, "latest")
    return version


def _evidence(context: StepContext, *kinds: str) -> str:
    step = earlier(context, *kinds)
    for line in step.evidence if step is not None else ():
        if line.startswith(_VERSION):
            return line.removeprefix(_VERSION)
    return ""
