"""The step ``replay``: ends this run's buffering, has what waits at the gateway delivered, and follows it to its end."""

from collections.abc import Mapping

from pydantic import JsonValue

from bot.domain.backlog import Backlog, ReplayProgress
from bot.domain.gateway import GatewayStatus, Policy
from bot.domain.mitigation import PlannedStep
from bot.domain.telling import waits, writes
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values

LOOK_S = 1.0
AWAY_S = 60.0
"""How long a gateway that does not answer is asked again while its replay is followed."""
_SWITCH_S = 10.0
"""How long the gateway may take from buffering to draining once nothing holds it there."""
_DEFAULT_S = 3600

_KEYS: Mapping[str, values.Check] = {"within_s": values.whole(5, 86400)}


class ReplayStep:
    """Delivered writes stay delivered: it cannot be taken back. After a crash the gateway is looked at."""

    kind = "replay"

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        warnings: tuple[str, ...] = ()
        says, touches, button = "deliver what waits at the gateway, in order", "", ""
        try:
            counted = ReplayProgress.from_json(
                await self._gateway.control_replay(
                    "start", owner=context.actor, reason=context.playbook, dry_run=True
                )
            )
            waiting = (await self._status()).buffer.undelivered
        except OutsideError as error:
            warnings = (str(error),)
        else:
            says = "deliver what waits at the gateway, in order, behind live traffic"
            touches = f"now: {counted.says}"
            button = f"Replay {writes(waiting)}" if waiting else ""
        if any(lease.run == context.run for lease in context.leases):
            says = f"end this run's buffering, and {says}"
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=says,
            touches=touches,
            undo_says=None,
            warnings=warnings,
            waits=True,
            button=button,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {"waiting": (await self._status()).buffer.undelivered}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        ended = await self._end_buffering(context)
        status = await self._draining()
        if not status.buffer.undelivered and not status.replay.under_way:
            return StepResult(
                outcome="inconclusive" if _left(status.buffer) else "done",
                says="nothing waits at the gateway" + _left(status.buffer),
                ended=ended,
            )
        if status.mode == "buffering":
            return StepResult(outcome="failed", says=await self._still_buffered(), ended=ended)
        if status.replay.state == "paused":
            await self._gateway.control_replay("resume", owner=context.actor, reason=context.playbook)
        elif status.replay.state != "running":
            await self._gateway.control_replay("start", owner=context.actor, reason=context.playbook)
        return await self._followed(context, ended=ended)

    async def observe(self, context: StepContext) -> StepResult | None:
        status = await self._status()
        policy = Policy.from_json(await self._gateway.policy())
        known = any(lease.id == context.run for lease in context.leases)
        ended = context.run if known and policy.lease(context.run) is None else None
        if status.replay.under_way:
            return await self._followed(context, ended=ended)
        if status.buffer.undelivered:
            return StepResult(
                outcome="failed",
                says=f"mx stopped before the replay was started; {waits(status.buffer.undelivered)}. Try again",
                ended=ended,
            )
        return _judged(status.replay, status.buffer, ended=ended)

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    async def _end_buffering(self, context: StepContext) -> str | None:
        """End this run's own lease, which keeps the gateway buffering; the id that is off from here."""
        if not any(lease.id == context.run for lease in context.leases):
            return None
        await self._gateway.delete_lease(
            context.run, owner=context.actor, reason=f"replay of {context.playbook}"
        )
        return context.run

    async def _draining(self) -> GatewayStatus:
        """The gateway's state once it has left buffering; as it is where something else keeps it there."""
        until = self._clock.monotonic() + _SWITCH_S
        while (status := await self._status()).mode == "buffering" and self._clock.monotonic() < until:
            await self._clock.sleep(LOOK_S)
        return status

    async def _still_buffered(self) -> str:
        policy = Policy.from_json(await self._gateway.policy())
        holding = [f"{lease.id} of {lease.owner}" for lease in policy.leases if lease.buffer]
        by = f" by {' and '.join(holding)}" if holding else ""
        return f"writes are still buffered{by}, so no replay is started; end that first, then try again"

    async def _followed(self, context: StepContext, *, ended: str | None) -> StepResult:
        within = context.values.get("within_s")
        until = self._clock.monotonic() + (within if isinstance(within, int) else _DEFAULT_S)
        heard = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_S)
            now = self._clock.monotonic()
            try:
                status = await self._status()
            except OutsideError:
                if now - heard > AWAY_S:
                    raise
                continue
            heard = now
            if status.replay.state != "running":
                return _judged(status.replay, status.buffer, ended=ended)
            if now > until:
                says = f"the replay goes on: {status.replay.line}. Try again to go on watching it"
                return StepResult(outcome="inconclusive", says=says, ended=ended)

    async def _status(self) -> GatewayStatus:
        return GatewayStatus.from_json(await self._gateway.status())


def _judged(replay: ReplayProgress, buffer: Backlog, *, ended: str | None) -> StepResult:
    if replay.state == "paused":
        why = f": {replay.says}" if replay.says else ""
        says = f"the replay is held{why} ({replay.line}). Resume it on the card, or try again"
        return StepResult(outcome="failed", says=says, ended=ended)
    if buffer.undelivered:
        says = f"the replay ended before its end; {waits(buffer.undelivered)}. Try again"
        return StepResult(outcome="failed", says=says, ended=ended)
    left = _left(buffer)
    says = f"{replay.done} of {writes(replay.total)} delivered{left}"
    return StepResult(outcome="inconclusive" if left else "done", says=says, ended=ended)


def _left(buffer: Backlog) -> str:
    """What is not delivered and waits for somebody; empty where nothing is."""
    parts = []
    if buffer.parked:
        parts.append(f"{waits(buffer.parked, 'of unknown fate')} for a person's word: decide on the card")
    if buffer.rejected:
        parts.append(f"{writes(buffer.rejected)} rejected by MaintainX: mx buffer list --state rejected")
    return "".join(f"; {part}" for part in parts)
