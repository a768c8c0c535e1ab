"""The step ``gateway``: puts a lease on the gateway (a rate, paused jobs, a buffer) and ends that lease, no other."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot.domain.gateway import ROUTE, GatewayLease, GatewayStatus, Policy
from bot.domain.inbox import inbox_words
from bot.domain.mitigation import Lease, PlannedStep
from bot.domain.suggestion import suggest
from bot.domain.telling import waits
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values
from bot.steps.wish import EFFECTS, KEYS, Wish, effect_of, minutes, sent

CRITICAL = "critical"
HOUR_S = 3600.0
RECENT_S = 60.0
"""The window of MaintainX's own limits: what it grants shows over that long."""


class GatewayStep:
    """Changes the traffic by a lease whose id is the run's; undo ends that lease."""

    kind = "gateway"

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        found = values.faults(table, keys=KEYS)
        jobs = table.get("paused_jobs")
        if isinstance(jobs, list) and CRITICAL in jobs:
            found = (*found, f"paused_jobs: {CRITICAL} is the lane that always goes first; leave it out")
        if not found and not sent(table):
            found = (f"rate_per_s: it is missing; write at least one of {', '.join(EFFECTS)}",)
        return found

    async def plan(self, context: StepContext) -> PlannedStep:
        wish = Wish.of(context.values)
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
            advice=await self._advice(wish),
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        policy = await self._policy()
        return {
            "mode": policy.mode,
            **{name: value for name, value in policy.model_dump(mode="json").items() if name in EFFECTS},
            "leases": [{"id": lease.id, "owner": lease.owner, "says": lease.says} for lease in policy.leases],
        }

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        wish = Wish.of(context.values)
        body: dict[str, JsonValue] = {
            **sent(context.values),
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

    async def _stays(self) -> tuple[str, ...]:
        """What ending the buffering leaves behind: what waits is not delivered by that."""
        try:
            waiting = (await self._status()).buffer.undelivered
        except OutsideError:
            return ()
        told = f"{waits(waiting)} at the gateway, and new ones queue behind, until you deliver them: Replay on the card"
        return (told,) if waiting else ()

    async def _advice(self, wish: Wish) -> tuple[str, ...]:
        """The rate that the numbers of the latest minutes speak for, where a rate is asked for."""
        if wish.effect.rate_per_s is None:
            return ()
        try:
            suggested = suggest(GatewayStatus.from_json(await self._gateway.status(window_s=RECENT_S)))
        except OutsideError:
            return ()  # what did not answer is a warning of this plan already
        return () if suggested is None else (suggested.says,)

    async def _touches(self, wish: Wish) -> tuple[str, tuple[str, ...]]:
        try:
            status = await self._status()
        except OutsideError as error:
            return "not known: the gateway did not answer", (str(error),)
        traffic, inbox = status.traffic, status.webhooks
        tell = wish.about_webhooks and (inbox.waiting or inbox.kept or not wish.needs_traffic)
        mail = inbox_words(inbox) if tell else ""
        if not wish.needs_traffic or not traffic.total:
            return mail, (ROUTE,) if wish.needs_traffic else ()
        under = "under the rate" if wish.effect.rate_per_s is not None else "passed the gateway"
        parts = (
            [f"{traffic.total} requests {under}"]
            if wish.effect.rate_per_s is not None or not wish.effect.paused_jobs
            else []
        )
        jobs = ", ".join(f"{job} {traffic.lane(job)}" for job in wish.effect.paused_jobs)
        hour = f"last hour: {'; '.join([*parts, f'{jobs} paused'] if jobs else parts)}"
        return f"{hour}; {mail}" if mail else hour, ()

    async def _plan_undo(self, context: StepContext, wish: Wish) -> PlannedStep:
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
                    warnings += (f"{other.says}: this is on beside it, and stays on",)
            if wish.effect.buffer:
                warnings += await self._stays()
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"end {'this buffering' if wish.effect.buffer else 'this limit'}: {wish.says}. "
            f"Before it: {effect_of(context.before).says}",
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
        if total == 0 and Wish.of(context.values).needs_traffic:
            says = f"the lease is on{until}, but {ROUTE}"
            return StepResult(outcome="inconclusive", says=says, evidence=evidence, started=started)
        return StepResult(outcome="done", says=f"{started.says}{until}", evidence=evidence, started=started)

    def _unseen(self, context: StepContext, wish: Wish, *, trouble: OutsideError) -> StepResult:
        """The gateway may have taken the lease: it counts as on, so that nobody forgets it."""
        now = self._clock.now()
        return StepResult(
            outcome="failed",
            says=f"{trouble}. Whether the lease is on is not known; it counts as on until it is undone or its "
            f"{minutes(wish.ttl_s)} are over",
            started=self._lease(context, since=now, expires_at=now + timedelta(seconds=wish.ttl_s)),
        )

    def _lease(self, context: StepContext, *, since: datetime | None, expires_at: datetime | None) -> Lease:
        return Lease(
            id=context.run,
            run=context.run,
            playbook=context.playbook,
            says=Wish.of(context.values).says,
            owner=context.actor,
            reason=f"{context.playbook} in {context.incident}",
            since=since or self._clock.now(),
            expires_at=expires_at,
        )


def _changed(context: StepContext, held: GatewayLease) -> str | None:
    """Who changed the lease since it was put on, and how it is now; None where it is as it was."""
    recorded = next((lease for lease in context.leases if lease.id == held.id), None)
    if Wish.of(context.values).effect.same_as(held) and (recorded is None or held.owner == recorded.owner):
        return None
    return f"the lease {held.id} was changed since by {held.owner or 'somebody'}: it is now {held.says}"


def _warnings(answer: JsonValue) -> tuple[str, ...]:
    """What the gateway remarked on the lease: a job that it does not know."""
    found = answer.get("warnings") if isinstance(answer, dict) else None
    return tuple(str(warning) for warning in found) if isinstance(found, list) else ()


def _left(policy: Policy) -> str:
    if not policy.leases:
        return "the gateway has no limit of ours on"
    others = "; ".join(lease.says for lease in policy.leases)
    return f"still on: {others}"


def _known(before: Mapping[str, JsonValue]) -> set[str]:
    leases = before.get("leases")
    found = leases if isinstance(leases, list) else []
    return {str(lease.get("id")) for lease in found if isinstance(lease, dict)}
