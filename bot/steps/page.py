"""The step ``page``: wakes the first, or the next in line, with the assessment in the page; undo calls it off."""

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

from bot.domain.assessment import Assessment, Severity
from bot.domain.incident import Incident
from bot.domain.mitigation import PlannedStep
from bot.ports import Page, Pager, StepContext, StepResult
from bot.steps import values

SET = "set PAGERDUTY_ROUTING_KEY, or page_url in mx.toml"
"""What a person is told where nobody can be woken."""

_KEYS: Mapping[str, values.Check] = {"who": values.one_of("first", "next")}
_PAGED = re.compile(r"paged pager (\d+) of \d+")
_MOST_FINDINGS = 5
_SEVERITIES: Mapping[Severity, Literal["critical", "error", "warning", "info"]] = {
    Severity.SEV1: "critical",
    Severity.SEV2: "error",
    Severity.SEV3: "warning",
    Severity.SEV4: "info",
}


class PageStep:
    """Pages under one dedup key for each incident and place in line, so the same page twice wakes nobody twice."""

    kind = "page"

    def __init__(self, pagers: tuple[Pager, ...]) -> None:
        self._pagers = pagers

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS, required=("who",))

    async def plan(self, context: StepContext) -> PlannedStep:
        if context.undoes is not None:
            place = _recorded(context.before)
            says = f"call off the page at {self._named(place)}" if place else "nobody was paged"
            return self._planned(context, says=says, undo_says="run the playbook again")
        if not self._pagers:
            return self._planned(
                context, says="page nobody", undo_says="", warning=f"nobody can be paged: {SET}"
            )
        place, last = self._whom(context)
        again = (
            f"{self._pagers[place - 1].name} was paged already and is the last in line: the same alert is sent "
            "once more, which wakes nobody while it is open"
        )
        return self._planned(
            context,
            says=f'page {self._named(place)}: "{_summary(context)}"',
            undo_says="call this page off",
            warning=again if last else "",
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        if context.undoes is not None or not self._pagers:
            return {}
        place, last = self._whom(context)
        return {"pager": place, "again": last}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        if not self._pagers:
            return StepResult(outcome="inconclusive", says=f"nobody was paged: none is configured; {SET}")
        place = _recorded(before) or self._whom(context)[0]
        place = min(place, len(self._pagers))
        says = await self._pagers[place - 1].page(_page(context, place))
        if before.get("again"):
            says += "; it is the last in line and was paged before, so an alert that is still open wakes nobody again"
        return StepResult(
            outcome="done", says=says, evidence=(f"paged pager {place} of {len(self._pagers)}",)
        )

    async def observe(self, context: StepContext) -> StepResult | None:
        """Does it once more: the pager joins what has the same dedup key, so nobody is woken twice."""
        step = _own_step(context)
        if context.undoes is not None:
            return await self.undo(context, context.before)
        result = await self.act(context, step)
        says = f"{result.says}; mx stopped in the middle, so it was sent once more under the same key, which the pager joins"
        return StepResult(outcome=result.outcome, says=says, evidence=result.evidence)

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        place = _recorded(before)
        if not place:
            return None
        if place > len(self._pagers):
            return StepResult(
                outcome="failed",
                says=f"pager {place} is not configured any more: close its alert by hand, or {SET}",
            )
        says = await self._pagers[place - 1].end(_dedup(context, place))
        return StepResult(outcome="done", says=says, evidence=(f"called off pager {place}",))

    def _planned(self, context: StepContext, *, says: str, undo_says: str, warning: str = "") -> PlannedStep:
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=says,
            touches="it wakes a person, and no traffic" if self._pagers else "",
            undo_says=undo_says,
            warnings=(warning,) if warning else (),
        )

    def _whom(self, context: StepContext) -> tuple[int, bool]:
        """Which pager, counted from 1, and whether it was paged before since nobody stands behind it."""
        if context.values.get("who") != "next":
            return 1, False
        paged = _paged(context.about)
        return min(paged + 1, len(self._pagers)), paged >= len(self._pagers)

    def _named(self, place: int) -> str:
        name = self._pagers[place - 1].name if place <= len(self._pagers) else "a pager that is gone"
        return f"{name} (pager {place} of {len(self._pagers)})"


def _paged(about: Incident | None) -> int:
    """The furthest pager in line that was paged in this incident; 0 where none was."""
    if about is None:
        return 0
    found = [
        int(match[1])
        for run in about.runs
        for step in run.steps
        for line in step.evidence
        if step.state == "done" and (match := _PAGED.fullmatch(line))
    ]
    return max(found, default=0)


def _own_step(context: StepContext) -> Mapping[str, JsonValue]:
    """What this very step wrote down before it began."""
    run = context.about.run(context.run) if context.about else None
    steps = run.steps if run else ()
    return (steps[context.index].before or {}) if context.index < len(steps) else {}


def _recorded(before: Mapping[str, JsonValue]) -> int:
    place = before.get("pager")
    return place if isinstance(place, int) and place > 0 else 0


def _dedup(context: StepContext, place: int) -> str:
    return f"maintainx:{context.integration}:{context.incident}:{place}"


def _summary(context: StepContext) -> str:
    about = context.about
    found = about.assessment.findings if about and about.assessment else ()
    severity = f"{about.severity} " if about and about.severity else ""
    symptom = found[0].symptom if found else "no finding says what it is"
    return f"{severity}MaintainX integration {context.integration}: {symptom} ({context.incident})"


def _page(context: StepContext, place: int) -> Page:
    severity = context.about.severity if context.about else None
    return Page(
        dedup=_dedup(context, place),
        summary=_summary(context),
        severity=_SEVERITIES[severity] if severity else "error",
        source=f"mx, integration {context.integration}",
        details={name: text for name, text in _details(context).items() if text},
    )


def _details(context: StepContext) -> dict[str, str]:
    about = context.about
    if about is None:
        return {"paged by": context.actor}
    taken = f"{about.acknowledged_by} has it" if about.acknowledged_by else "nobody has taken it yet"
    leases = "; ".join(f"{lease.says} (by {lease.owner})" for lease in about.leases)
    return {
        "paged by": context.actor,
        "who has it": taken,
        **(_assessed(about.assessment) if about.assessment else {}),
        "switched on": leases or "nothing",
        "open since": f"{about.opened_at:%Y-%m-%d %H:%M} UTC",
    }


def _assessed(assessment: Assessment) -> dict[str, str]:
    found = {
        f"finding {number}": f"{one.symptom}. Cause: {one.cause}. Check: {one.check}"
        for number, one in enumerate(assessment.findings[:_MOST_FINDINGS], start=1)
    }
    return {
        "verdict": assessment.verdict,
        "assessed at": f"{assessment.at:%Y-%m-%d %H:%M} UTC",
        **found,
        "blind spots": "; ".join(assessment.blind_spots),
    }
