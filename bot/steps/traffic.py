"""The step ``verify-traffic``: watches MaintainX's answers at the gateway until 429s stop or errors are few, or not."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from bot.domain.gateway import RATE_LIMITED, ROUTE, GatewayStatus, Traffic
from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import errorshare, values

HOUR_S = 3600.0
LOOK_S = 1.0
"""How often the gateway is asked while watching."""

_KEYS: Mapping[str, values.Check] = {
    "answered": values.whole(1, 1000),
    "within_s": values.whole(5, 3600),
    "errors_below": values.number(0.001, 1),
}


@dataclass(frozen=True, slots=True)
class _Watch:
    """What was seen so far: all answers since the start, and those since the latest 429."""

    whole: Traffic
    clean: int

    def says(self) -> str:
        answered = self.whole.answered
        return f"{answered} request{'' if answered == 1 else 's'} answered, {self.whole.rate_limited} of them 429"

    def evidence(self) -> tuple[str, ...]:
        return tuple(f"{count} answered {status}" for status, count in sorted(self.whole.by_status.items()))


class VerifyTraffic:
    """Needs the latest N answers of MaintainX to be free of 429; only reads, so it can be done again."""

    kind = "verify-traffic"

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS, required=("answered", "within_s"))

    async def plan(self, context: StepContext) -> PlannedStep:
        needed, within_s = _wanted(context.values)
        below = errorshare.below(context.values)
        warnings: tuple[str, ...] = ()
        touches = ""
        try:
            traffic = await self._traffic(HOUR_S)
        except OutsideError as error:
            warnings = (str(error),)
        else:
            if traffic.total and below is not None:
                touches = f"last hour: {errorshare.words(traffic)}"
            elif traffic.total:
                touches = f"last hour: {traffic.rate_limited} of {traffic.answered} answers were 429"
            else:
                warnings = (ROUTE,)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"watch up to {within_s} s for {needed} answers in a row without a 429"
            if below is None
            else f"watch up to {within_s} s until fewer than {below:.1%} of the latest requests fail, of {needed} at least",
            touches=touches,
            undo_says="",
            warnings=warnings,
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        if errorshare.below(context.values) is None:
            return {}
        return await errorshare.before(self._traffic)

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        needed, within_s = _wanted(context.values)
        if (below := errorshare.below(context.values)) is not None:
            return await errorshare.watch(
                self._traffic,
                self._clock,
                errorshare.Wanted(needed, within_s, below),
                before,
            )
        started = clean_since = self._clock.monotonic()
        seen: _Watch | None = None
        trouble = ""
        while True:
            await self._clock.sleep(LOOK_S)
            now = self._clock.monotonic()
            try:
                whole = await self._traffic(now - started)
                latest = whole if clean_since == started else await self._traffic(now - clean_since)
            except OutsideError as error:
                trouble = str(error)  # the gateway may come back within the window
            else:
                if latest.rate_limited:
                    clean_since = now
                seen = _Watch(whole=whole, clean=0 if latest.rate_limited else latest.answered)
                if seen.clean >= needed:
                    return _stopped(seen, after_s=now - started)
            if now - started >= within_s:
                return await self._judge(seen, needed=needed, within_s=within_s, trouble=trouble)

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    async def _judge(self, seen: _Watch | None, *, needed: int, within_s: int, trouble: str) -> StepResult:
        if seen is None:
            return StepResult(outcome="inconclusive", says=f"nothing could be watched: {trouble}")
        if seen.whole.answered < needed:
            says = f"no traffic to judge by: {seen.says()} in {within_s} s, {needed} answers are needed"
            if not seen.whole.answered and not await self._passed():
                says += f"; {ROUTE}"
            return StepResult(outcome="inconclusive", says=says, evidence=seen.evidence())
        return StepResult(
            outcome="failed",
            says=f"the 429s go on: {seen.says()} in {within_s} s, and only {seen.clean} since the latest 429; "
            "somebody else may be spending the organisation's limit",
            evidence=seen.evidence(),
        )

    async def _passed(self) -> bool:
        """Whether any request passed the gateway in the last hour; what cannot be asked counts as yes."""
        try:
            return (await self._traffic(HOUR_S)).total > 0
        except OutsideError:
            return True

    async def _traffic(self, window_s: float) -> Traffic:
        return GatewayStatus.from_json(await self._gateway.status(window_s=window_s)).traffic


def _stopped(seen: _Watch, *, after_s: float) -> StepResult:
    stopped = "no 429 was seen" if RATE_LIMITED not in seen.whole.by_status else "the 429s stopped"
    return StepResult(
        outcome="done",
        says=f"{stopped}: the latest {seen.clean} answers are free of 429, after {after_s:.0f} s ({seen.says()})",
        evidence=seen.evidence(),
    )


def _wanted(table: Mapping[str, JsonValue]) -> tuple[int, int]:
    answered, within_s = table.get("answered"), table.get("within_s")
    return (
        answered if isinstance(answered, int) else 5,
        within_s if isinstance(within_s, int) else 60,
    )
