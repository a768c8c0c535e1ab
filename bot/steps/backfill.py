"""The step ``backfill``: walks what MaintainX has since each gap began, hands it to the integration, and counts.

Rows are imported by their id, so walking again from the start does no harm: a crash in its middle is settled by doing
it again, and whoever stops it may cut it short. A gap that was not walked to its end stays open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from bot.domain.gap import Gap, GapEnd, told
from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.maintainx_pages import MOST_ROWS, dated, query, read
from bot.ports import Clock, Gateway, StepContext, StepResult
from bot.steps import outbound, values
from bot.steps.importing import Batch, Import, import_of
from bot.steps.surroundings import Surroundings, known
from bot.straight import Straight

PAGE = 100
RATE_PER_S = 1.0
NAMED = 10
"""Missing ids that are named."""

_KEYS: Mapping[str, values.Check] = {
    "entities": values.paths,
    "page": values.whole(1, MOST_ROWS),
    "rate_per_s": values.number(0.01, 1.67),
}


@dataclass(slots=True)
class _Tally:
    """What one walk has seen. Ids are kept, rows are not."""

    expected: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    confirmed: bool = True
    nameless: int = 0
    """Rows without an id, which nobody can look for."""


class Backfill:
    """Reads MaintainX with the integration's key, straight; writes to the integration alone."""

    kind = "backfill"

    def __init__(self, gateway: Gateway, clock: Clock, around: Surroundings) -> None:
        self._gateway = gateway
        self._clock = clock
        self._around = around

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS)

    async def plan(self, context: StepContext) -> PlannedStep:
        gaps, rate = _open(context), _rate(context.values)
        warnings: tuple[str, ...] = ()
        try:
            integration, _ = known(self._around, context.integration)
            import_of(integration, self._clock)
        except OutsideError as error:
            warnings = (str(error),)
        whole = sorted({gap.entity for gap in gaps if gap.direction == "in" and not dated(gap.entity)})
        says = f"read what MaintainX has, {rate:g} request{'' if rate == 1 else 's'} per second, and hand it to the integration by id"
        says += f"; {', '.join(whole)} whole, since no date filters them" if whole else ""
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=says,
            touches=told(gaps) or "no gap is open yet; those noted before this step are filled",
            undo_says=None,
            warnings=warnings,
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        gaps = _open(context)
        if not gaps:
            return StepResult(outcome="done", says="no gap is open, so there is nothing to fill")
        inward = [gap for gap in gaps if gap.direction == "in"]
        outward = [gap for gap in gaps if gap.direction == "out"]
        ends: list[GapEnd] = []
        trouble: list[str] = []
        if inward:
            integration, key = known(self._around, context.integration)
            into = import_of(integration, self._clock)
            async with Straight.open(
                integration, key, gateway=self._gateway, clock=self._clock, rate_per_s=_rate(context.values)
            ) as straight:
                for gap in inward:
                    try:
                        ends.append(await self._filled(gap, straight, into, context))
                    except OutsideError as error:
                        trouble.append(f"{gap.name} is not walked to its end: {error}")
        if outward:
            try:
                ends += await outbound.settled(self._gateway, outward)
            except OutsideError as error:
                trouble.append(f"the integration's own writes are not looked at: {error}")
        return _result(ends, trouble)

    async def observe(self, context: StepContext) -> StepResult | None:
        """Walked again: importing is by id, so twice is as good as once."""
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    async def _filled(self, gap: Gap, straight: Straight, into: Import, context: StepContext) -> GapEnd:
        """Every page, each handed on before the next is asked for. Raises OutsideError."""
        size = context.values.get("page")
        limit = size if isinstance(size, int) else PAGE
        tally = _Tally()
        cursor, seen = None, set[str]()
        while True:
            asked = query(gap.entity, since=gap.since, cursor=cursor, limit=limit)
            page = read(gap.entity, await straight.body(gap.entity, asked))
            if page is None:
                raise OutsideError(f"MaintainX's answer about {gap.entity} is no list; look at it by hand")
            if page.rows:
                batch = Batch(context.incident, gap.entity, gap.since, page.rows)
                taken = await into.take(batch)
                tally.expected |= batch.ids
                tally.found |= taken.found
                tally.confirmed &= taken.confirmed
                tally.nameless += sum(row.get("id") is None for row in page.rows)
            if page.cursor is None:
                return _end(gap, tally)
            if page.cursor in seen:
                raise OutsideError(
                    f"MaintainX's pages of {gap.entity} go round in circles; run it again later"
                )
            cursor = page.cursor
            seen.add(cursor)


def _end(gap: Gap, tally: _Tally) -> GapEnd:
    missing = sorted(tally.expected - tally.found, key=lambda one: (len(one), one))
    expected, found = len(tally.expected), len(tally.expected) - len(missing)
    says = f"{gap.name}: {expected} expected, {found} found, {len(missing)} missing"
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        says += f" ({', '.join(missing[:NAMED])}{more})"
    says += "" if tally.confirmed else "; taken, not confirmed one by one"
    says += f"; {tally.nameless} without an id could not be counted" if tally.nameless else ""
    return GapEnd(gap=gap.id, expected=expected, found=found, missing=len(missing), says=says)


def _result(ends: Sequence[GapEnd], trouble: Sequence[str]) -> StepResult:
    short = [end for end in ends if not end.closed]
    says = "; ".join([*(end.says for end in ends), *trouble])
    if short or trouble:
        left = len(short) + len(trouble)
        says += f". {left} of what was looked at stays open; mend what is named, and run it again"
    return StepResult(
        outcome="failed" if short or trouble else "done",
        says=says,
        evidence=tuple(end.says for end in ends),
        settled=tuple(ends),
    )


def _open(context: StepContext) -> tuple[Gap, ...]:
    gaps = context.about.gaps if context.about else ()
    wanted = context.values.get("entities")
    return tuple(gap for gap in gaps if not isinstance(wanted, list) or gap.entity in wanted)


def _rate(table: Mapping[str, JsonValue]) -> float:
    rate = table.get("rate_per_s")
    return float(rate) if isinstance(rate, int | float) else RATE_PER_S
