"""What people may do to the action items of a report: tick, reword, assign, add. One request is one append, whole or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from bot.deciding import worded
from bot.domain.calendar import Calendar
from bot.domain.events import AnyFact, Draft
from bot.domain.notebook import ActionAdded, ActionChanged, ActionTicked
from bot.errors import Refused
from bot.ports import Clock
from bot.report_actions import Action, items
from bot.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Assignment:
    """How one item is to read from here; None leaves that as it is."""

    item: str
    text: str | None = None
    assignee: str | None = None
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants of the items: ticks by id, one assignment, one new item."""

    ticks: Mapping[str, bool] = field(default_factory=dict)
    assign: Assignment | None = None
    add: str = ""
    add_for: str | None = None
    """Who is to do the new one."""
    add_due: date | None = None


class ActionItems:
    """The items of incidents. All methods raise Refused, Conflict or StoreError."""

    def __init__(
        self, timeline: Timeline, clock: Clock, *, new_id: Callable[[], str], calendar: Calendar
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._new_id = new_id
        self._calendar = calendar

    async def listed(self, incident: str, *, names: Callable[[str], str] = str) -> tuple[Action, ...]:
        """The items as they are now: what the timeline suggests and what people made of it."""
        found = (await self._timeline.book()).incident(incident)
        if found is None:
            raise Refused(f"{incident} is not on this timeline, so nothing was done.")
        history = await self._timeline.history(incident)
        return items(
            found,
            history,
            zone=self._calendar.zone,
            names=names,
            calendar=self._calendar,
            now=self._clock.now(),
        )

    async def change(self, incident: str, wanted: Wanted, *, actor: str, key: str | None = None) -> str:
        """Do all of it; what was done, in a sentence. What reads so already is not written again."""
        known = {one.id: one for one in await self.listed(incident)}
        facts = [*_ticked(known, wanted.ticks), *_changed(known, wanted.assign), *self._added(wanted)]
        if not facts:
            return "Nothing was changed."
        now = self._clock.now()
        await self._timeline.append(
            *(
                Draft(
                    stream=incident,
                    actor=actor,
                    at=now,
                    fact=fact,
                    key=f"{key}:{number}" if key else None,
                )
                for number, fact in enumerate(facts)
            )
        )
        many = len(facts)
        return f"{many} change{'' if many == 1 else 's'} to the action items of {incident}."

    def _added(self, wanted: Wanted) -> list[AnyFact]:
        if not wanted.add.strip():
            return []
        text = worded(wanted.add, example="alert on any 429")
        return [
            ActionAdded(item=f"item-{self._new_id()}", text=text, assignee=wanted.add_for, due=wanted.add_due)
        ]


def _ticked(known: Mapping[str, Action], ticks: Mapping[str, bool]) -> list[AnyFact]:
    return [
        ActionTicked(item=name, done=done, text=str(known[name].text))
        for name, done in ticks.items()
        if name in known and known[name].done != done
    ]


def _changed(known: Mapping[str, Action], assign: Assignment | None) -> list[AnyFact]:
    if assign is None:
        return []
    was = known.get(assign.item)
    if was is None:
        raise Refused(f"There is no action item {assign.item} any more; open the list anew.")
    text = worded(assign.text, example="alert on any 429") if assign.text else str(was.text)
    assignee = assign.assignee or was.assignee or None
    due = assign.due or was.due
    if (text, assignee, due) == (str(was.text), was.assignee or None, was.due):
        return []
    return [ActionChanged(item=assign.item, text=text, assignee=assignee, due=due)]
