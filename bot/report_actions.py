"""The action items: what the timeline shows was missing, each with its evidence, and what people made of them."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from bot.domain.assessment import Assessment
from bot.domain.calendar import Calendar
from bot.domain.events import Assessed, Event, Reopened
from bot.domain.incident import Incident
from bot.domain.notebook_state import Item
from bot.domain.oncall import PageFailed
from bot.report_buffer import dropped
from bot.report_milestones import clocks, milestones
from bot.report_on import switched_on
from bot.report_people import is_person
from bot.report_words import Blank, blank, clock_time
from bot.templating import Written

Names = Callable[[str], str]

AUTO = "auto:"
"""How the ids of what mx suggests begin; behind it is the rule, and what it is about."""
_LONGEST_ID = 60
_BY_DESIGN = "each endpoint was asked once"
"""The monitor's rounds ask so: a blind spot of every report, and nothing to do about it."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do after the incident; ``evidence`` is what the timeline shows. A blank has no id."""

    text: str | Written
    evidence: str = ""
    id: str = ""
    done: bool = False
    assignee: str = ""
    """An actor; the report's ``who`` has the name."""
    who: str = ""
    due: date | None = None
    added_by: str = ""
    """The name of whoever added it; empty for what mx suggests."""

    @property
    def is_blank(self) -> bool:
        """It is for a person to write."""
        return isinstance(self.text, Blank)


def actions(
    incident: Incident,
    history: Sequence[Event],
    *,
    zone: tzinfo,
    names: Names,
    calendar: Calendar,
    now: datetime,
) -> tuple[Action, ...]:
    """What the timeline shows was missing as people left it, what they added, then the three blanks of every report."""
    return (
        *items(incident, history, zone=zone, names=names, calendar=calendar, now=now),
        Action(blank("a specific improvement")),
        Action(blank("monitoring for a gap that was found")),
        Action(blank("the lesson learned, for the runbook")),
    )


def items(
    incident: Incident,
    history: Sequence[Event],
    *,
    zone: tzinfo,
    names: Names,
    calendar: Calendar,
    now: datetime,
) -> tuple[Action, ...]:
    """The items alone, without blanks: those that can be changed, assigned and ticked."""
    found = {
        one.id: one
        for one in _suggested(incident, history, zone=zone, names=names, calendar=calendar, now=now)
    }
    known = incident.notebook.items
    merged = [
        _with(one, next((it for it in known if it.id == one.id), None), names) for one in found.values()
    ]
    # What people took up stays, also where the timeline no longer shows why it was suggested.
    merged += [_with(Action("", id=item.id), item, names) for item in known if item.id not in found]
    return tuple(merged)


def _with(action: Action, item: Item | None, names: Names) -> Action:
    if item is None:
        return action
    return replace(
        action,
        text=item.text or action.text,
        done=item.done,
        assignee=item.assignee or "",
        who=names(item.assignee) if item.assignee else "",
        due=item.due,
        added_by=names(item.added_by) if item.added_by else "",
    )


def _suggested(
    incident: Incident,
    history: Sequence[Event],
    *,
    zone: tzinfo,
    names: Names,
    calendar: Calendar,
    now: datetime,
) -> Iterator[Action]:
    assessed = [event.fact.assessment for event in history if isinstance(event.fact, Assessed)]
    yield from _unwatched(incident, zone=zone, names=names)
    missed = [
        one.says
        for one in clocks(incident, history, calendar=calendar, now=now, names=names)
        if one.met is False
    ]
    if missed:
        yield _auto("clock-missed", "", "Find out why nobody answered in time", "; ".join(missed))
    failed = [f"{clock_time(e.at, zone)} {e.fact.says}" for e in history if isinstance(e.fact, PageFailed)]
    if failed:
        yield _auto("page-failed", "", "Mend the pager: a page did not go out", "; ".join(failed[:3]))
    yield from _blind(assessed)
    yield from _failed(incident)
    yield from _left_on(history, zone=zone, names=names, now=now)
    if lines := dropped(history):
        yield _auto(
            "dropped", "", "Enter by hand what was dropped, where it is still wanted", "; ".join(lines)
        )
    yield from _gaps(incident, zone=zone, names=names)
    yield from _ended(incident, history, zone=zone, names=names)


def _unwatched(incident: Incident, *, zone: tzinfo, names: Names) -> Iterator[Action]:
    who, at = incident.requested_by, incident.requested_at
    if who is not None and is_person(who) and at is not None and incident.found_by == "person":
        yield _auto(
            "no-alert",
            "",
            "Add an alert for this failure: a person noticed it before any monitor did",
            f"{names(who)} asked for the triage at {clock_time(at, zone)}",
        )


def _blind(assessed: Sequence[Assessment]) -> Iterator[Action]:
    """What could not be asked; not what an answer does not prove, which no team can mend."""
    for spot in dict.fromkeys(spot for found in assessed for spot in found.blind_spots):
        about = spot.partition(":")[0]
        if not about.startswith(_BY_DESIGN):
            what = f"the {about}" if f"{about}:" in spot and "/" not in about else "this"
            yield _auto("blind", about, f"Make {what} visible to the triage", spot)


def _failed(incident: Incident) -> Iterator[Action]:
    for run in incident.runs:
        if run.outcome in ("failed", "interrupted"):
            yield _auto(
                "playbook", run.playbook, f"Look why the playbook {run.playbook} {run.outcome}", run.says
            )


def _left_on(history: Sequence[Event], *, zone: tzinfo, names: Names, now: datetime) -> Iterator[Action]:
    for one in switched_on(history):
        end = one.overdue(now)
        if end is not None:
            until = f"until {clock_time(one.until, zone)}" if one.until else "and still is"
            says = f"{one.lease.says}, on past {clock_time(end, zone)} {until}, by {names(one.lease.owner)}"
            text = f"See to it that {one.lease.playbook} is taken back in time"
            yield _auto("left-on", one.lease.id, text, says)


def _gaps(incident: Incident, *, zone: tzinfo, names: Names) -> Iterator[Action]:
    for gap in incident.gaps:
        yield _auto(
            "gap", f"{gap.entity}-{gap.direction}", f"Fill the gap of {gap.name}, or accept it", gap.says
        )
    for one in incident.closed_gaps:
        if one.how == "accepted":
            says = f"accepted by {names(one.actor)} at {clock_time(one.at, zone)}: {one.says}"
            about = f"{one.gap.entity}-{one.gap.direction}"
            yield _auto("gap-accepted", about, f"Tell whoever needs {one.gap.name} what is missing", says)


def _ended(incident: Incident, history: Sequence[Event], *, zone: tzinfo, names: Names) -> Iterator[Action]:
    """What its end left behind."""
    for line in incident.accepted:
        yield _auto("accepted", line, "Settle what was accepted when it was resolved", line)
    reached = {one.name: one.at for one in milestones(incident, history, zone=zone, names=names)}
    if incident.resolved_at is not None and reached["proved"] is None:
        says = f"resolved at {clock_time(incident.resolved_at, zone)} by {names(incident.resolved_by or '')}, never proved"
        yield _auto("not-proved", "", "Prove that it works again, or make it provable", says)
    reopened = [event for event in history if isinstance(event.fact, Reopened)]
    if reopened:
        says = "; ".join(
            f"{clock_time(event.at, zone)} {names(event.actor)}: {event.fact.reason}"
            for event in reopened
            if isinstance(event.fact, Reopened)
        )
        yield _auto("reopened", "", "Find out why it was called over too early", says)


def _auto(rule: str, about: str, text: str, evidence: str) -> Action:
    return Action(text, evidence, id=stable_id(rule, about))


def stable_id(rule: str, about: str = "") -> str:
    """``auto:blind:log``: the same for the same finding, however often the report is made; short enough for Slack."""
    slug = re.sub(r"[^a-z0-9]+", "-", about.lower()).strip("-")
    made = f"{AUTO}{rule}" + (f":{slug}" if slug else "")
    if len(made) <= _LONGEST_ID:
        return made
    return f"{made[: _LONGEST_ID - 9]}-{hashlib.sha256(about.encode()).hexdigest()[:8]}"
