"""The step ``pause-missing``: pauses the jobs that call what the vendor's document does not have; a gateway's lease."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from bot.domain.mitigation import PlannedStep
from bot.domain.paths import OTHER
from bot.ports import StepContext, StepResult
from bot.steps import values
from bot.steps.gateway import CRITICAL, GatewayStep
from bot.steps.paths import Comparison, PathsStep

_DEFAULT = "default"
_KEYS: Mapping[str, values.Check] = {"ttl_s": values.whole(30, 86400)}
_NOTHING = "nothing to pause: no job that can be paused calls a path that is gone"
_STAYS: Mapping[str, str] = {
    CRITICAL: f"{CRITICAL} calls a missing path too, and is never paused: correct the call itself",
    _DEFAULT: f"{_DEFAULT} calls a missing path too, and is not paused, since it is all that names no job: "
    "let that job send X-MX-Job",
    OTHER: "what the gateway could not tell apart calls missing paths too",
}


class PauseMissing:
    """Finds the jobs when it is planned, and pauses those of the plan: what was confirmed and nothing else."""

    kind = "pause-missing"

    def __init__(self, lease: GatewayStep, paths: PathsStep) -> None:
        self._lease = lease
        self._paths = paths

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        if context.undoes is not None:
            if not _jobs(context):
                return self._planned(context, jobs=[], says="nothing was paused")
            return (await self._lease.plan(context)).model_copy(update={"kind": self.kind})
        found = await self._paths.compare(context)
        jobs = _pausable(found)
        stays = tuple(
            words for lane, words in _STAYS.items() if any(one.called.lane == lane for one in found.missing)
        )
        if not jobs:
            return self._planned(context, jobs=[], says=_NOTHING, warnings=(*stays, *found.notes))
        pausing = replace(context, values={**context.values, "paused_jobs": list(jobs)})
        planned = await self._lease.plan(pausing)
        counts = "; ".join(
            f"{job}: {sum(one.called.count for one in found.missing if one.called.lane == job)} of "
            f"{found.called.of_lane(job)} calls go to a path that is gone"
            for job in jobs
        )
        return planned.model_copy(
            update={
                "kind": self.kind,
                "touches": f"{counts}. {planned.touches}",
                "warnings": (*planned.warnings, *stays),
            }
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return await self._lease.before(context) if _jobs(context) else {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        jobs = _jobs(context)
        if jobs is None:
            return StepResult(
                outcome="failed",
                says="which jobs to pause was not known when it was planned, so nothing was paused; run it again",
            )
        return await self._lease.act(context, before) if jobs else StepResult(outcome="done", says=_NOTHING)

    async def observe(self, context: StepContext) -> StepResult | None:
        if not _jobs(context):
            return await self.act(context, {})
        return await self._lease.observe(context)

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return await self._lease.undo(context, before) if _jobs(context) else None

    def _planned(
        self, context: StepContext, *, jobs: list[JsonValue], says: str, warnings: tuple[str, ...] = ()
    ) -> PlannedStep:
        return PlannedStep(
            kind=self.kind,
            title="",
            values={**context.values, "paused_jobs": jobs},
            says=says,
            undo_says="",
            warnings=warnings,
        )


def _jobs(context: StepContext) -> list[JsonValue] | None:
    """The jobs that the plan found; None where it could not look."""
    jobs = context.values.get("paused_jobs")
    return jobs if isinstance(jobs, list) else None


def _pausable(found: Comparison) -> tuple[str, ...]:
    """The lanes whose calls were answered "gone", save those that are never paused."""
    lanes = (one.called.lane for one in found.missing if one.called.gone)
    return tuple(dict.fromkeys(lane for lane in lanes if lane not in _STAYS))
