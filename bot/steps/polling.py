"""The step ``verify-polling``: waits until polling has come round once, and tells what it brought."""

from collections.abc import Mapping

from pydantic import JsonValue

from bot.domain.gateway import GatewayStatus
from bot.domain.inbox import Inbox, inbox_words
from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values

LOOK_S = 2.0
_KEYS: Mapping[str, values.Check] = {"within_s": values.whole(5, 3600)}
_DEFAULT_S = 300


class VerifyPolling:
    """Only reads, so it can be cut short, and watched again."""

    kind = "verify-polling"

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        touches, warnings = "", tuple[str, ...]()
        try:
            touches = f"now: {inbox_words(await self._inbox())}"
        except OutsideError as error:
            warnings = (str(error),)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"watch up to {_within(context.values)} s for a whole round of polling, and what it brings",
            touches=touches,
            undo_says="",
            warnings=warnings,
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {"found": (await self._inbox()).polling.found}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        within_s, started = _within(context.values), self._clock.monotonic()
        seen: Inbox | None = None
        trouble = ""
        while True:
            try:
                seen = await self._inbox()
            except OutsideError as error:
                trouble = str(error)  # the gateway may come back within the time
            else:
                trouble = seen.polling.says
                if seen.polling.on and seen.polling.asked_at is not None and not trouble and _told(seen):
                    return _brought(seen)
            if self._clock.monotonic() - started >= within_s:
                return _not_round(seen, trouble, within_s)
            await self._clock.sleep(LOOK_S)

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    async def _inbox(self) -> Inbox:
        return GatewayStatus.from_json(await self._gateway.status(window_s=60)).webhooks


def _told(mail: Inbox) -> bool:
    """Whether what came in has gone out, or is kept back on purpose."""
    return not mail.waiting or mail.forwarding.state == "paused"


def _brought(mail: Inbox) -> StepResult:
    at = mail.polling.asked_at
    says = f"polling came round at {at:%H:%M:%S} UTC: " if at else ""
    found = mail.polling.found
    says += f"{found} change{'' if found == 1 else 's'} found since the gateway's start, {inbox_words(mail)}"
    if mail.forwarding.state == "paused":
        says += ", and nothing is sent on until forwarding is resumed by the undo"
    if mail.forwarding.state == "off":
        return StepResult(outcome="inconclusive", says=f"{says}; {mail.forwarding.says}")
    if mail.kept:
        return StepResult(outcome="inconclusive", says=f"{says}; look at GET /-/deliveries?state=kept")
    return StepResult(outcome="done", says=says)


def _not_round(mail: Inbox | None, trouble: str, within_s: int) -> StepResult:
    if mail is None:
        return StepResult(outcome="inconclusive", says=f"nothing could be watched: {trouble}")
    if not mail.polling.on:
        says = "the gateway does not poll: put its lease on first"
        return StepResult(outcome="failed", says=says)
    if mail.polling.asked_at is None or trouble:
        says = f"polling did not come round in {within_s} s" + (f": {trouble}" if trouble else "")
        return StepResult(outcome="failed", says=says)
    says = f"polling comes round, and the integration does not take all of it: {inbox_words(mail)}"
    return StepResult(
        outcome="inconclusive", says=says + (f"; {mail.forwarding.says}" if mail.forwarding.says else "")
    )


def _within(table: Mapping[str, JsonValue]) -> int:
    found = table.get("within_s")
    return found if isinstance(found, int) else _DEFAULT_S
