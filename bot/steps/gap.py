"""The step ``gap``: notes since when data may be missing, per collection and direction, for a backfill to fill."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar, cast

from pydantic import JsonValue

from bot.domain.gap import Direction, Gap, told
from bot.domain.gap_begin import MARGIN, Begin, began, beginning
from bot.domain.gateway import GatewayStatus
from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import values
from bot.steps.surroundings import Surroundings

_Word = TypeVar("_Word", bound=str)

DIRECTIONS: tuple[Direction, ...] = ("in", "out")
_KEPT = "undo leaves it noted, since what may be missing is missing all the same; a backfill closes it"


def _directions(value: JsonValue) -> str | None:
    if isinstance(value, list) and value and all(one in DIRECTIONS for one in value):
        return None
    return 'write ["in"], ["out"], or both'


_KEYS: Mapping[str, values.Check] = {
    "entities": values.paths,
    "directions": _directions,
    "since": values.moment,
    "margin_s": values.whole(0, 86400),
}


class GapStep:
    """Changes nothing outside: the windows stand on the timeline, where they keep the incident from being resolved."""

    kind = "gap"

    def __init__(self, gateway: Gateway, clock: Clock, around: Surroundings) -> None:
        self._gateway = gateway
        self._clock = clock
        self._around = around

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        gaps, trouble = await self._gaps(context)
        lines = tuple(dict.fromkeys(f"since {gap.since:%Y-%m-%d %H:%M} UTC: {gap.says}" for gap in gaps))
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"note that data may be missing: {told(gaps)}. Nothing is changed; {_KEPT}",
            touches="; ".join(lines),
            undo_says="",
            warnings=trouble,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        gaps, _ = await self._gaps(context)
        evidence = tuple(f"{gap.name} since {gap.since:%Y-%m-%d %H:%M} UTC: {gap.says}" for gap in gaps)
        return StepResult(outcome="done", says=f"noted: {told(gaps)}", evidence=evidence, noted=gaps)

    async def observe(self, context: StepContext) -> StepResult | None:
        """Noted again under the same names, so nothing is there twice."""
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return StepResult(outcome="done", says=f"nothing was changed; the gap stays noted: {_KEPT}")

    async def _gaps(self, context: StepContext) -> tuple[tuple[Gap, ...], tuple[str, ...]]:
        status: GatewayStatus | None = None
        trouble: tuple[str, ...] = ()
        given = values.time_of(str(context.values.get("since", "")))
        if given is None and context.integration == self._around.served:
            try:
                status = GatewayStatus.from_json(await self._gateway.status(window_s=60))
            except OutsideError as error:
                trouble = (f"{error}; the gap's beginning is taken from the incident",)
        gaps = tuple(
            self._gap(context, entity, direction, self._begin(context, entity, direction, given, status))
            for entity in self._entities(context)
            for direction in _of(context, "directions", DIRECTIONS)
        )
        return gaps, trouble

    def _entities(self, context: StepContext) -> tuple[str, ...]:
        integration = self._around.integrations.get(context.integration)
        return _of(context, "entities", integration.endpoints if integration else ("/workorders",))

    def _begin(
        self,
        context: StepContext,
        entity: str,
        direction: Direction,
        given: datetime | None,
        status: GatewayStatus | None,
    ) -> Begin:
        if given is not None:
            return Begin(given, "as it was given")
        found = context.values.get("margin_s")
        margin = timedelta(seconds=found) if isinstance(found, int) else MARGIN
        good = status.last_good.get(entity, {}).get(direction) if status else None
        return beginning(good, direction, failed=began(context.about, self._clock.now()), margin=margin)

    def _gap(self, context: StepContext, entity: str, direction: Direction, begin: Begin) -> Gap:
        """A gap, or the one that is open already, which then begins at the earlier of both times."""
        noted = context.about.gaps if context.about else ()
        for gap in noted:
            if (gap.entity, gap.direction) == (entity, direction):
                if gap.since <= begin.at:
                    return gap
                return gap.model_copy(update={"since": begin.at, "says": begin.says})
        return Gap(
            id=f"{context.run}:{direction}:{entity}",
            entity=entity,
            direction=direction,
            since=begin.at,
            says=begin.says,
            failed_at=begin.failed_at,
        )


def _of(context: StepContext, key: str, default: tuple[_Word, ...]) -> tuple[_Word, ...]:
    found = context.values.get(key)
    return cast("tuple[_Word, ...]", tuple(found)) if isinstance(found, list) and found else default
