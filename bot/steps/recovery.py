"""The step ``recovery``: asks MaintainX itself, past the gateway, until it has answered well for some rounds in a row."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from bot.domain.integration import Integration
from bot.domain.mitigation import PlannedStep
from bot.domain.telling import about
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values
from bot.steps.surroundings import Surroundings, known
from bot.straight import Answered, Straight

_KEYS: Mapping[str, values.Check] = {
    "rounds": values.whole(1, 100),
    "every_s": values.number(1, 3600),
    "within_s": values.whole(5, 86400),
}
_BURST_PER_S = 1.67


class _Wanted(NamedTuple):
    """So many good rounds in a row, so far apart, within so long (seconds)."""

    rounds: int
    every_s: float
    within_s: int


class Recovery:
    """Needs N good rounds in a row; only reads, so it may be cut short, and watched again after a crash."""

    kind = "recovery"

    def __init__(self, gateway: Gateway, clock: Clock, around: Surroundings) -> None:
        self._gateway = gateway
        self._clock = clock
        self._around = around

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        wanted = _wanted(context.values)
        warnings: tuple[str, ...] = ()
        paths = "its critical lists"
        try:
            integration, _ = known(self._around, context.integration)
            paths = ", ".join(_critical(integration))
        except OutsideError as error:
            warnings = (str(error),)
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"ask MaintainX itself for {paths} every {wanted.every_s:g} s, for {about(wanted.within_s)} at most, until "
            f"{wanted.rounds} rounds in a row are answered well",
            undo_says="",
            warnings=warnings,
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        wanted = _wanted(context.values)
        integration, key = known(self._around, context.integration)
        started, in_a_row, asked, seen = self._clock.monotonic(), 0, 0, ""
        while True:
            try:  # a client of its own each round: the key may be exchanged meanwhile
                async with Straight.open(
                    integration, key, gateway=self._gateway, clock=self._clock, rate_per_s=_BURST_PER_S
                ) as straight:
                    trouble = await _round(straight, integration)
            except OutsideError as error:
                trouble = str(error)
            asked += 1
            in_a_row = 0 if trouble else in_a_row + 1
            seen = trouble or seen
            passed = self._clock.monotonic() - started
            if in_a_row >= wanted.rounds:
                return StepResult(
                    outcome="done", says=_well(wanted, integration, passed), evidence=_last(seen)
                )
            if passed + wanted.every_s > wanted.within_s:
                return StepResult(outcome="failed", says=_not_well(asked, in_a_row, wanted, seen))
            await self._clock.sleep(wanted.every_s)

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None


async def _round(straight: Straight, integration: Integration) -> str:
    """What is not well; empty where every critical list was answered."""
    for path in _critical(integration):
        found = await straight.listed(path, {"limit": "1"})
        if isinstance(found, Answered):
            return f"{path}: {found.says}"
    return ""


def _critical(integration: Integration) -> tuple[str, ...]:
    return integration.critical or integration.endpoints


def _well(wanted: _Wanted, integration: Integration, passed: float) -> str:
    rounds = f"{wanted.rounds} round{'' if wanted.rounds == 1 else 's'} in a row"
    return f"MaintainX answered well in {rounds} ({', '.join(_critical(integration))}), after {passed:.0f} s"


def _not_well(asked: int, in_a_row: int, wanted: _Wanted, seen: str) -> str:
    last = f"the last that went wrong was {seen}" if seen else "nothing went wrong, there was not the time"
    return (
        f"MaintainX is not back after {wanted.within_s} s: {asked} rounds, the latest {in_a_row} of them good, "
        f"{wanted.rounds} in a row are needed; {last}. Run it again, or watch it by hand"
    )


def _last(seen: str) -> tuple[str, ...]:
    return (f"before that: {seen}",) if seen else ()


def _wanted(table: Mapping[str, JsonValue]) -> _Wanted:
    rounds, every_s, within_s = (table.get(key) for key in _KEYS)
    return _Wanted(
        rounds if isinstance(rounds, int) else 3,
        float(every_s) if isinstance(every_s, int | float) else 30.0,
        within_s if isinstance(within_s, int) else 21600,
    )
