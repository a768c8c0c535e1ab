"""The step ``gateway``: puts a lease on the gateway (a rate, paused jobs, a buffer) and ends that lease, no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot.domain.gateway import ROUTE, Effect, GatewayLease, GatewayStatus, Policy, listed
from bot.domain.mitigation import Lease, PlannedStep
from bot.domain.telling import waits
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values

CRITICAL = "critical"
HOUR_S = 3600.0
_ONCE_DOWN = " as soon as the gateway finds MaintainX down"

_EFFECTS: Mapping[str, values.Check] = {
    "rate_per_s": values.number(0.01, 1000),
    "paused_jobs": values.names,
    "buffer": values.one_of("on", "auto"),
    "retry": values.switch,
    "poll": values.switch,
}
_KEYS: Mapping[str, values.Check] = {**_EFFECTS, "ttl_s": values.whole(30, 86400)}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a playbook asks of the gateway."""

    effect: Effect
    ttl_s: int

    @classmethod
    def of(cls, table: Mapping[str, JsonValue]) -> "_Wish":
        ttl = table.get("ttl_s")
        return cls(effect=_effect(table), ttl_s=ttl if isinstance(ttl, int) else int(HOUR_S))

    @property
    def says(self) -> str:
        return f"gateway{':' if self.effect.rate_per_s is None else ' at'} {self.effect.says}"

    @property
    def todo(self) -> str:
        """What will be done: "limit the gateway to 1 request per second and pause asset-sync"."""
        effect = self.effect
        rate, jobs = effect.rate_per_s, effect.paused_jobs
        todo = [f"limit the gateway to {Effect(rate_per_s=rate).says}"] if rate is not None else []
        todo += [f"pause {listed(jobs)}"] if jobs else []
        if effect.buffer is not None:
            todo.append("buffer writes on disk" + (_ONCE_DOWN if effect.buffer == "auto" else ""))
        todo += ["retry safe requests"] if effect.retry else []
        todo += ["poll for what webhooks do not bring"] if effect.poll else []
        return f"{listed(tuple(todo))}, for {_minutes(self.ttl_s)}"

    @property
    def needs_traffic(self) -> bool:
        """Whether it is of no use where no request passes the gateway; polling is of use all the same."""
        return not self.effect.same_as(Effect(poll=self.effect.poll))


class GatewayStep:
    """Changes the traffic by a lease whose id is the run's; undo ends that lease."""

    kind = "gateway"

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        found = values.faults(table, keys=_KEYS)
        jobs = table.get("paused_jobs")
        if isinstance(jobs, list) and CRITICAL in jobs:
            found = (*found, f"paused_jobs: {CRITICAL} is the lane that always goes first; leave it out")
        if not found and not (set(_EFFECTS) & set(table)):
            found = (f"rate_per_s: it is missing; write at least one of {', '.join(_EFFECTS)}",)
        return found

    async def plan(self, context: StepContext) -> PlannedStep:
        wish = _Wish.of(context.values)
        if context.undoes is not None:
            return await self._plan_undo(context, wish)
        touches, warnings = await self._touches(wish)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=wish.todo,
            touches=touches,
            undo_says="end this lease and no other"
            + ("; what is buffered stays until the replay is started" if wish.effect.buffer else ""),
            warnings=warnings,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        policy = await self._policy()
        return {
            "mode": policy.mode,
            **{name: value for name, value in policy.model_dump(mode="json").items() if name in _EFFECTS},
            "leases": [{"id": lease.id, "owner": lease.owner, "says": lease.says} for lease in policy.leases],
        }

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        wish = _Wish.of(context.values)
        body: dict[str, JsonValue] = {
            **{name: value for name, value in context.values.items() if name in _EFFECTS},
            "owner": context.actor,
            "reason": f"{context.playbook} in {context.incident}",
            "ttl_s": wish.ttl_s,
        }
        trouble: OutsideError | None = None
        answer: JsonValue = None
        try:
            answer = await self._gateway.put_lease(context.run, body)
        except OutsideError as error:
            if error.permanent:
                raise
            trouble = error  # the answer was lost, not necessarily the lease: look
        try:
            held = (await self._policy()).lease(context.run)
        except OutsideError as error:
            return self._unseen(context, wish, trouble=trouble or error)
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
        waiting = await self._waiting() if held.buffer is not None else ""
        return StepResult(outcome="done", says=f"the lease is off; {_left(after)}{waiting}", ended=lease)

    async def _policy(self) -> Policy:
        return Policy.from_json(await self._gateway.policy())

    async def _status(self) -> GatewayStatus:
        return GatewayStatus.from_json(await self._gateway.status(window_s=HOUR_S))

    async def _waiting(self) -> str:
        """What to do with the writes that the lease has left in the buffer."""
        try:
            waiting = (await self._status()).buffer.undelivered
        except OutsideError:
            return "; what it buffered is kept: look with mx buffer list"
        return (
            f"; {waits(waiting)} for the replay: start it on the card, or with mx replay" if waiting else ""
        )

    async def _touches(self, wish: _Wish) -> tuple[str, tuple[str, ...]]:
        try:
            traffic = (await self._status()).traffic
        except OutsideError as error:
            return "not known: the gateway did not answer", (str(error),)
        if not traffic.total:
            return "", (ROUTE,) if wish.needs_traffic else ()
        under = "under the rate" if wish.effect.rate_per_s is not None else "passed the gateway"
        parts = (
            [f"{traffic.total} requests {under}"]
            if wish.effect.rate_per_s is not None or not wish.effect.paused_jobs
            else []
        )
        jobs = ", ".join(f"{job} {traffic.lane(job)}" for job in wish.effect.paused_jobs)
        return f"last hour: {'; '.join([*parts, f'{jobs} paused'] if jobs else parts)}", ()

    async def _plan_undo(self, context: StepContext, wish: _Wish) -> PlannedStep:
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
            says=f"end this limit: {wish.says}. Before it: {_effect(context.before).says}",
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
        if total == 0 and _Wish.of(context.values).needs_traffic:
            says = f"the lease is on{until}, but {ROUTE}"
            return StepResult(outcome="inconclusive", says=says, evidence=evidence, started=started)
        return StepResult(outcome="done", says=f"{started.says}{until}", evidence=evidence, started=started)

    def _unseen(self, context: StepContext, wish: _Wish, *, trouble: OutsideError) -> StepResult:
        """The gateway may have taken the lease: it counts as on, so that nobody forgets it."""
        now = self._clock.now()
        return StepResult(
            outcome="failed",
            says=f"{trouble}. Whether the lease is on is not known; it counts as on until it is undone or its "
            f"{_minutes(wish.ttl_s)} are over",
            started=self._lease(context, since=now, expires_at=now + timedelta(seconds=wish.ttl_s)),
        )

    def _lease(self, context: StepContext, *, since: datetime | None, expires_at: datetime | None) -> Lease:
        return Lease(
            id=context.run,
            run=context.run,
            playbook=context.playbook,
            says=_Wish.of(context.values).says,
            owner=context.actor,
            reason=f"{context.playbook} in {context.incident}",
            since=since or self._clock.now(),
            expires_at=expires_at,
        )


def _changed(context: StepContext, held: GatewayLease) -> str | None:
    """Who changed the lease since it was put on, and how it is now; None where it is as it was."""
    recorded = next((lease for lease in context.leases if lease.id == held.id), None)
    if _Wish.of(context.values).effect.same_as(held) and (recorded is None or held.owner == recorded.owner):
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


def _effect(table: Mapping[str, JsonValue]) -> Effect:
    """The effect that these values describe: a playbook's, checked before, or a state that was recorded."""
    return Effect.from_json({name: value for name, value in table.items() if name in _EFFECTS})


def _known(before: Mapping[str, JsonValue]) -> set[str]:
    leases = before.get("leases")
    found = leases if isinstance(leases, list) else []
    return {str(lease.get("id")) for lease in found if isinstance(lease, dict)}


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 2 * 60 else f"{round(seconds / 60)} minutes"
