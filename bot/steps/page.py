"""The step ``page``: wakes the first, or the next in line, with the assessment in the page; undo calls it off.

It shares dedup key and levels with the paging follower, so that neither pages a level that the other has paged, unless
that wakes somebody: a person who asks for the last in line once more gets them rung again.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from bot.domain.incident import Incident
from bot.domain.mitigation import PlannedStep
from bot.domain.paged import dedup_key, evidence, triggers
from bot.errors import OutsideError
from bot.page_about import page_about
from bot.ports import Page, Pager, StepContext, StepResult
from bot.steps import values

SET = "set PAGERDUTY_ROUTING_KEY, or page_url in mx.toml"
"""What a person is told where nobody can be woken."""

_KEYS: Mapping[str, values.Check] = {"who": values.one_of("first", "next")}


class _Whom(NamedTuple):
    """Which pager, counted from 1; ``had``: it was paged in this incident already."""

    level: int
    had: bool = False


class PageStep:
    """Pages under the incident's one dedup key, so the same page twice wakes nobody twice."""

    kind = "page"

    def __init__(
        self, pagers: tuple[Pager, ...], *, link: Callable[[Incident], str | None] = lambda _: None
    ) -> None:
        self._pagers = pagers
        self._link = link

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS, required=("who",))

    async def plan(self, context: StepContext) -> PlannedStep:
        if context.undoes is not None:
            level = _recorded(context.before)
            says = f"call off the page at {self._named(level)}" if level else "nobody was paged"
            return self._planned(context, says=says, undo_says="run the playbook again")
        if not self._pagers:
            return self._planned(
                context, says="page nobody", undo_says="", warning=f"nobody can be paged: {SET}"
            )
        whom = self._whom(context)
        if whom.had and not _next(context):
            says = f"page nobody: {self._named(whom.level)} was paged for this incident already"
            return self._planned(context, says=says, undo_says="")
        again = (
            f"{self._pagers[whom.level - 1].name} was paged already and is the last in line: the alert is closed "
            "and opened again, so that it rings once more"
        )
        return self._planned(
            context,
            says=f'page {self._named(whom.level)}: "{_page(context, None).summary}"',
            undo_says="call this page off",
            warning=again if whom.had else "",
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        if context.undoes is not None or not self._pagers:
            return {}
        whom = self._whom(context)
        if whom.had and not _next(context):
            return {}
        return {"pager": whom.level, "again": whom.had}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        if not self._pagers:
            return StepResult(outcome="inconclusive", says=f"nobody was paged: none is configured; {SET}")
        level = _recorded(before)
        if not level:
            whom = self._whom(context)
            if whom.had and not _next(context):
                says = f"nobody was paged once more: {self._named(whom.level)} was paged for this incident already"
                return StepResult(outcome="done", says=says)
            level = whom.level
        return await self._sent(context, min(level, len(self._pagers)), again=before.get("again") is True)

    async def observe(self, context: StepContext) -> StepResult | None:
        """Does it once more: the pager joins what has the same dedup key, so nobody is woken twice."""
        step = _own_step(context)
        if context.undoes is not None:
            return await self.undo(context, context.before)
        result = await self.act(context, {name: value for name, value in step.items() if name != "again"})
        says = f"{result.says}; mx stopped in the middle, so it was sent once more under the same key, which the pager joins"
        return StepResult(outcome=result.outcome, says=says, evidence=result.evidence)

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        level = _recorded(before)
        if not level:
            return None
        if level > len(self._pagers):
            return StepResult(
                outcome="failed",
                says=f"pager {level} is not configured any more: close its alert by hand, or {SET}",
            )
        if _paged_by_mx(context, level):
            says = f"left as it is: mx itself has paged {self._named(level)} for this incident since"
            return StepResult(outcome="done", says=says)
        says = await self._pagers[level - 1].end(_page(context, None).dedup)
        return StepResult(outcome="done", says=says, evidence=(f"called off pager {level}",))

    async def _sent(self, context: StepContext, level: int, *, again: bool) -> StepResult:
        pager, page = self._pagers[level - 1], _page(context, self._link)
        try:
            if again:
                await pager.end(page.dedup)
            says = await pager.page(page)
        except OutsideError as error:
            raise OutsideError(f"{error}: call the person yourself", permanent=error.permanent) from None
        if again:
            says += "; it is the last in line and was paged before, so its alert was closed and opened again"
        return StepResult(outcome="done", says=says, evidence=(evidence(level, len(self._pagers)),))

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

    def _whom(self, context: StepContext) -> _Whom:
        paged = {one.level for one in triggers(context.about)} if context.about else set()
        if not _next(context):
            return _Whom(1, had=1 in paged)
        furthest = max(paged, default=0)
        return _Whom(min(furthest + 1, len(self._pagers)), had=furthest >= len(self._pagers))

    def _named(self, level: int) -> str:
        name = self._pagers[level - 1].name if level <= len(self._pagers) else "a pager that is gone"
        return f"{name} (pager {level} of {len(self._pagers)})"


def _next(context: StepContext) -> bool:
    return context.values.get("who") == "next"


def _paged_by_mx(context: StepContext, level: int) -> bool:
    """The follower has triggered this level too: that page is not the playbook's to call off."""
    found = triggers(context.about) if context.about and context.about.open else ()
    return any(one.page is not None and one.level == level for one in found)


def _own_step(context: StepContext) -> Mapping[str, JsonValue]:
    """What this very step wrote down before it began."""
    run = context.about.run(context.run) if context.about else None
    steps = run.steps if run else ()
    return (steps[context.index].before or {}) if context.index < len(steps) else {}


def _recorded(before: Mapping[str, JsonValue]) -> int:
    level = before.get("pager")
    return level if isinstance(level, int) and level > 0 else 0


def _page(context: StepContext, link: Callable[[Incident], str | None] | None) -> Page:
    about = context.about
    if about is None:
        return Page(
            dedup=dedup_key(context.integration, context.incident),
            summary=f"MaintainX integration {context.integration} ({context.incident})",
            severity="error",
            source=f"mx, integration {context.integration}",
            details={"paged by": context.actor},
        )
    return page_about(about, by=context.actor, link=link(about) if link else None)
