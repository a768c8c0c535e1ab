"""The step ``gateway``: puts a lease on the gateway (a rate, paused jobs) and ends that lease, and no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot.domain.gateway import ROUTE, GatewayLease, GatewayStatus, Policy, effect, listed
from bot.domain.mitigation import Lease, PlannedStep
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values

CRITICAL = "critical"
HOUR_S = 3600.0

_KEYS: Mapping[str, values.Check] = {
    "rate_per_s": values.number(0.01, 1000),
    "paused_jobs": values.names,
    "ttl_s": values.whole(30, 86400),
}


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a playbook asks of the gateway."""

    rate_per_s: float | None
    paused_jobs: tuple[str, ...]
    ttl_s: int

    @classmethod
    def of(cls, table: Mapping[str, JsonValue]) -> "_Limit":
        rate, jobs, ttl = table.get("rate_per_s"), table.get("paused_jobs"), table.get("ttl_s")
        return cls(
            rate_per_s=float(rate) if isinstance(rate, int | float) else None,
            paused_jobs=tuple(str(job) for job in jobs) if isinstance(jobs, list) else (),
            ttl_s=ttl if isinstance(ttl, int) else int(HOUR_S),
        )

    @property
    def says(self) -> str:
        return f"gateway at {effect(self.rate_per_s, self.paused_jobs)}"

    def held_by(self, lease: GatewayLease) -> bool:
        return lease.rate_per_s == self.rate_per_s and set(lease.paused_jobs) == set(self.paused_jobs)


class GatewayStep:
    """Limits the gateway by a lease whose id is the run's; undo ends that lease."""

    kind = "gateway"

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        found = values.faults(table, keys=_KEYS)
        jobs = table.get("paused_jobs")
        if isinstance(jobs, list) and CRITICAL in jobs:
            found = (*found, f"paused_jobs: {CRITICAL} is the lane that always goes first; leave it out")
        if not found and not ({"rate_per_s", "paused_jobs"} & set(table)):
            found = ("rate_per_s: it is missing; write rate_per_s, paused_jobs or both",)
        return found

    async def plan(self, context: StepContext) -> PlannedStep:
        limit = _Limit.of(context.values)
        if context.undoes is not None:
            return await self._plan_undo(context, limit)
        touches, warnings = await self._touches(limit)
        todo = (
            [f"limit the gateway to {effect(limit.rate_per_s, ())}"] if limit.rate_per_s is not None else []
        )
        todo += [f"pause {listed(limit.paused_jobs)}"] if limit.paused_jobs else []
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"{' and '.join(todo)}, for {_minutes(limit.ttl_s)}",
            touches=touches,
            undo_says="end this lease and no other",
            warnings=warnings,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        policy = await self._policy()
        return {
            "mode": policy.mode,
            "rate_per_s": policy.rate_per_s,
            "paused_jobs": list(policy.paused_jobs),
            "leases": [{"id": lease.id, "owner": lease.owner, "says": lease.says} for lease in policy.leases],
        }

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        limit = _Limit.of(context.values)
        body: dict[str, JsonValue] = {
            "rate_per_s": limit.rate_per_s,
            "paused_jobs": list(limit.paused_jobs),
            "owner": context.actor,
            "reason": f"{context.playbook} in {context.incident}",
            "ttl_s": limit.ttl_s,
        }
        trouble: OutsideError | None = None
        answer: JsonValue = None
        try:
            wanted = {key: value for key, value in body.items() if value not in (None, [])}
            answer = await self._gateway.put_lease(context.run, wanted)
        except OutsideError as error:
            if error.permanent:
                raise
            trouble = error  # the answer was lost, not necessarily the lease: look
        try:
            held = (await self._policy()).lease(context.run)
        except OutsideError as error:
            return self._unseen(context, limit, trouble=trouble or error)
        if held is None:
            raise trouble or OutsideError("the gateway took the lease but does not list it; look at its log")
        return await self._on(context, held, evidence=_warnings(answer))

    async def observe(self, context: StepContext) -> StepResult | None:
        held = (await self._policy()).lease(context.undoes or context.run)
        if context.undoes is None:
            if held is None:
                return StepResult(
                    outcome="failed",
                    says="mx stopped before the gateway took the lease; the gateway is as it was. Run it again",
                )
            return await self._on(context, held)
        if held is None:
            return StepResult(outcome="done", says="the lease is off", ended=context.undoes)
        return StepResult(
            outcome="failed", says=f"mx stopped before the lease {held.id} was ended; undo it again"
        )

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        lease = context.undoes or context.run
        policy = await self._policy()
        held = policy.lease(lease)
        if held is None:
            return StepResult(
                outcome="done",
                says=f"the lease had ended already, nothing was left to take back; {_left(policy)}",
                ended=lease,
            )
        if changed := _changed(context, held):
            return StepResult(
                outcome="failed",
                says=f"{changed}. It stays on: it is no longer this run's. Ask {held.owner}, "
                f"or end it by hand with DELETE /-/leases/{lease} at the gateway",
            )
        await self._gateway.delete_lease(lease, owner=context.actor, reason=f"undo of {context.playbook}")
        after = await self._policy()
        return StepResult(outcome="done", says=f"the lease is off; {_left(after)}", ended=lease)

    async def _policy(self) -> Policy:
        return Policy.from_json(await self._gateway.policy())

    async def _status(self) -> GatewayStatus:
        return GatewayStatus.from_json(await self._gateway.status(window_s=HOUR_S))

    async def _touches(self, limit: _Limit) -> tuple[str, tuple[str, ...]]:
        try:
            traffic = (await self._status()).traffic
        except OutsideError as error:
            return "not known: the gateway did not answer", (str(error),)
        if not traffic.total:
            return "", (ROUTE,)
        parts = [f"{traffic.total} requests under the rate"] if limit.rate_per_s is not None else []
        jobs = ", ".join(f"{job} {traffic.lane(job)}" for job in limit.paused_jobs)
        return f"last hour: {'; '.join([*parts, f'{jobs} paused'] if jobs else parts)}", ()

    async def _plan_undo(self, context: StepContext, limit: _Limit) -> PlannedStep:
        lease = context.undoes or context.run
        warnings: tuple[str, ...] = ()
        try:
            policy = await self._policy()
        except OutsideError as error:
            now, warnings = "not known: the gateway did not answer", (str(error),)
        else:
            held = policy.lease(lease)
            now = held.says if held else "the lease has ended already"
            if held and (changed := _changed(context, held)):
                warnings += (f"{changed}; undo will leave it on",)
            known = {context.run, lease, *_known(context.before)}
            for other in policy.leases:
                if other.id not in known:
                    warnings += (f"{other.id} of {other.owner} ({other.says}) is on since; it stays on",)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"end this limit: {limit.says}. Before it: {_recorded(context.before)}",
            touches=f"on now: {now}",
            undo_says="run the playbook again",
            warnings=warnings,
        )

    async def _on(
        self, context: StepContext, held: GatewayLease, *, evidence: tuple[str, ...] = ()
    ) -> StepResult:
        started = self._lease(context, since=held.since, expires_at=held.expires_at)
        until = f" until {started.expires_at:%H:%M} UTC" if started.expires_at else ""
        try:
            total = (await self._status()).traffic.total
        except OutsideError:
            total = None  # the lease is on, which is what matters here
        if total == 0:
            says = f"the lease is on{until}, but {ROUTE}"
            return StepResult(outcome="inconclusive", says=says, evidence=evidence, started=started)
        return StepResult(outcome="done", says=f"{started.says}{until}", evidence=evidence, started=started)

    def _unseen(self, context: StepContext, limit: _Limit, *, trouble: OutsideError) -> StepResult:
        """The gateway may have taken the lease: it counts as on, so that nobody forgets it."""
        now = self._clock.now()
        return StepResult(
            outcome="failed",
            says=f"{trouble}. Whether the lease is on is not known; it counts as on until it is undone or its "
            f"{_minutes(limit.ttl_s)} are over",
            started=self._lease(context, since=now, expires_at=now + timedelta(seconds=limit.ttl_s)),
        )

    def _lease(self, context: StepContext, *, since: datetime | None, expires_at: datetime | None) -> Lease:
        return Lease(
            id=context.run,
            run=context.run,
            playbook=context.playbook,
            says=_Limit.of(context.values).says,
            owner=context.actor,
            reason=f"{context.playbook} in {context.incident}",
            since=since or self._clock.now(),
            expires_at=expires_at,
        )


def _changed(context: StepContext, held: GatewayLease) -> str | None:
    """Who changed the lease since it was put on, and how it is now; None where it is as it was."""
    recorded = next((lease for lease in context.leases if lease.id == held.id), None)
    if _Limit.of(context.values).held_by(held) and (recorded is None or held.owner == recorded.owner):
        return None
    return f"the lease {held.id} was changed since by {held.owner or 'somebody'}: it is now {held.says}"


def _warnings(answer: JsonValue) -> tuple[str, ...]:
    """What the gateway remarked on the lease: a job that it does not know."""
    found = answer.get("warnings") if isinstance(answer, dict) else None
    return tuple(str(warning) for warning in found) if isinstance(found, list) else ()


def _left(policy: Policy) -> str:
    if not policy.leases:
        return "the gateway has no limit of ours on"
    others = "; ".join(f"{lease.id} of {lease.owner} ({lease.says})" for lease in policy.leases)
    return f"still on: {others}"


def _recorded(before: Mapping[str, JsonValue]) -> str:
    rate, jobs = before.get("rate_per_s"), before.get("paused_jobs")
    return effect(
        float(rate) if isinstance(rate, int | float) else None,
        tuple(str(job) for job in jobs) if isinstance(jobs, list) else (),
    )


def _known(before: Mapping[str, JsonValue]) -> set[str]:
    leases = before.get("leases")
    found = leases if isinstance(leases, list) else []
    return {str(lease.get("id")) for lease in found if isinstance(lease, dict)}


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 2 * 60 else f"{round(seconds / 60)} minutes"
