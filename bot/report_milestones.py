"""From beginning to end: the milestones with the time between them, and each response clock, met or missed. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.domain.calendar import Calendar
from bot.domain.events import Acknowledged, Assessed, Event, Reopened, Resolved
from bot.domain.incident import Incident
from bot.domain.notebook import HandedOver
from bot.domain.oncall import AckLapsed, PageFailed, PageRequested, PageSent, Snoozed
from bot.domain.response import nearest
from bot.domain.swimlane import began
from bot.domain.watching import RecoveryChecked
from bot.report_words import clock_time, took

Names = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step on the way; ``at`` is None where it was not reached (yet)."""

    name: str
    label: str
    at: datetime | None
    time: str
    says: str
    after_start: str
    """How long after the beginning; empty for the beginning itself and for what was not reached."""
    after_last: str
    """How long after the milestone before it that was reached."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One time that somebody had to answer."""

    due: datetime
    answered: datetime | None
    met: bool | None
    """None: it still runs."""
    says: str


def milestones(
    incident: Incident, history: Sequence[Event], *, zone: tzinfo, names: Names
) -> tuple[Milestone, ...]:
    """The seven of every incident, in the order in which they should come."""
    start = began(incident)
    found: list[tuple[str, str, datetime | None, str]] = [
        ("began", "Began", start, _from_where(incident)),
        ("detected", "Detected", incident.opened_at, _by_whom(incident, names)),
        ("acknowledged", "Acknowledged", *_first(history, (Acknowledged, Snoozed, HandedOver), names)),
        ("mitigated", "Mitigated", incident.oncall.mitigated_at, "the first mitigation was on"),
        ("recovered", "Recovered", _recovered(history), "every probe answered well from here on"),
        ("proved", "Proved", _proved(history), "recovery was proved line by line"),
        (
            "resolved",
            "Resolved",
            incident.resolved_at,
            f"by {names(incident.resolved_by)}" if incident.resolved_by else "",
        ),
    ]
    made: list[Milestone] = []
    last: datetime | None = None
    for name, label, at, says in found:
        shape = (
            "%H:%M"
            if at is None or at.astimezone(zone).date() == start.astimezone(zone).date()
            else "%Y-%m-%d %H:%M"
        )
        made.append(
            Milestone(
                name,
                label,
                at,
                f"{at.astimezone(zone):{shape}}" if at else "",
                says if at else "not yet" if incident.open else "not seen",
                took(at - start) if at and name != "began" else "",
                took(at - last) if at and last and at >= last else "",
            )
        )
        last = max(at, last) if at and last else at or last
    return tuple(made)


def clocks(
    incident: Incident,
    history: Sequence[Event],
    *,
    calendar: Calendar,
    now: datetime,
    names: Names,
) -> tuple[Clock, ...]:
    """Each time nobody had it (opened, reopened, an acknowledgement lapsed): by when somebody had to, and whether they did."""
    starts = [(incident.opened_at, "it was opened")]
    starts += [(event.at, "it was reopened") for event in history if isinstance(event.fact, Reopened)]
    starts += [
        (event.at, "an acknowledgement lapsed") for event in history if isinstance(event.fact, AckLapsed)
    ]
    starts.sort()
    made: list[Clock] = []
    for number, (since, why) in enumerate(starts):
        until = starts[number + 1][0] if number + 1 < len(starts) else now
        answers = [event for event in history if since <= event.at <= until and _answers(event)]
        answer = min(answers, key=lambda event: event.at, default=None)
        graded = [one for one in incident.oncall.graded if one.at <= (answer.at if answer else until)]
        found = nearest(graded[-1].severity if graded else None, graded, since=since, calendar=calendar)
        if found is None:
            continue
        at = answer.at if answer else None
        met = (
            at <= found.due if at else None if until == now and now <= found.due and incident.open else False
        )
        by = clock_time(found.due, calendar.zone)
        who = f"{names(answer.actor)} at {clock_time(answer.at, calendar.zone)}" if answer else "nobody"
        verdict = "met" if met else "missed" if met is False else "still running"
        made.append(
            Clock(
                found.due,
                at,
                met,
                f"Since {why}, {found.severity}: due by {by}, answered by {who}: {verdict}",
            )
        )
    return tuple(made)


def pages(history: Sequence[Event], *, zone: tzinfo) -> Iterator[str]:
    """Each page that was to wake somebody, and what became of it."""
    became: dict[str, str] = {}
    for event in history:
        at = clock_time(event.at, zone)
        match event.fact:
            case PageSent(page=page, outcome="taken", pager=pager):
                became[page] = f"{pager} took it at {at}"
            case PageSent(page=page, outcome=outcome):
                became[page] = (
                    "not sent, nobody needed it any more" if outcome == "not_wanted" else "perhaps sent"
                )
            case PageFailed(page=page, pager=pager, tries=tries, says=says):
                became[page] = f"{pager} did not take it after {tries} tries: {says}"
            case _:
                pass
    for event in history:
        match event.fact:
            case PageRequested(page=page, action="trigger", level=level, says=says):
                yield f"{clock_time(event.at, zone)} level {level}, {says}: {became.get(page, 'still to be sent')}"
            case _:
                pass


def _answers(event: Event) -> bool:
    return isinstance(event.fact, Acknowledged | Snoozed | HandedOver | Resolved)


def _first(history: Sequence[Event], kinds: tuple[type, ...], names: Names) -> tuple[datetime | None, str]:
    found = next((event for event in history if isinstance(event.fact, kinds)), None)
    return (found.at, f"by {names(found.actor)}") if found else (None, "")


def _from_where(incident: Incident) -> str:
    if incident.failing_since is not None:
        return "the monitor's first bad round"
    return "when a triage was asked for; it may have begun earlier"


def _by_whom(incident: Incident, names: Names) -> str:
    return (
        "by the monitor"
        if incident.found_by == "monitor"
        else f"by {names(incident.requested_by or incident.opened_by)}"
    )


def _recovered(history: Sequence[Event]) -> datetime | None:
    """The first good assessment with no bad one behind it, where there was a bad one before."""
    found: datetime | None = None
    bad = False
    for event in history:
        if isinstance(event.fact, Assessed):
            healthy = event.fact.assessment.healthy
            bad = bad or not healthy
            found = (found or event.at) if healthy and bad else None
    return found


def _proved(history: Sequence[Event]) -> datetime | None:
    """The first proof with no other verdict and no reopening behind it."""
    found: datetime | None = None
    for event in history:
        match event.fact:
            case RecoveryChecked(verdict=verdict):
                found = (found or event.at) if verdict == "proved" else None
            case Reopened():
                found = None
            case _:
                pass
    return found
