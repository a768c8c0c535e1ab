"""What an incident's clocks bring about now: a reminder, a question, a lapse, the end of quiet. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.calendar import Calendar, response_due
from bot.domain.incident import Incident
from bot.domain.oncall import AckLapsed, AckReminded, ResponseReminded, SnoozeEnded
from bot.domain.oncall_state import Snooze
from bot.domain.response import (
    LEAD,
    Deadline,
    deadline,
    missed,
    quiet,
    reminded,
    signed_at,
    worse_than_snoozed,
)
from bot.domain.telling import about, moment

_LATE = timedelta(minutes=2)
"""A reminder that comes later than this says how late it is."""

Reminder = ResponseReminded | AckReminded | AckLapsed | SnoozeEnded


@dataclass(frozen=True, slots=True)
class Duty:
    """What the team has settled: when it works, and how long an acknowledgement holds without a sign (0: for ever)."""

    calendar: Calendar
    lapses: timedelta = timedelta(0)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of every time that people read."""
        return self.calendar.zone


class Due(NamedTuple):
    """A fact that is to be written now, and the key under which it happens once."""

    fact: Reminder
    key: str


def due_now(incident: Incident, duty: Duty, *, now: datetime) -> Due | None:
    """The next fact that is due; ask again once it stands on the timeline, since one can bring about the next."""
    if not incident.open:
        return None
    snooze = incident.oncall.snooze
    if snooze is not None and (found := _quiet_over(incident, snooze, duty, now)):
        return found
    if quiet(incident, now):
        return None
    return _confirmation(incident, duty, now) if incident.acknowledged_by else _response(incident, duty, now)


def _quiet_over(incident: Incident, snooze: Snooze, duty: Duty, now: datetime) -> Due | None:
    key = f"quiet-over:{incident.id}:{snooze.at.isoformat()}:{snooze.until.isoformat()}"
    until = moment(snooze.until, duty.zone, beside=now)
    on = "Reminders and pages are on again."
    if worse_than_snoozed(incident):
        was = f"{snooze.severity} then" if snooze.severity else "without a severity then"
        says = (
            f"{incident.id} became worse than when quiet until {until} was asked for: {incident.severity} now, "
            f"{was}. {on}"
        )
        return Due(SnoozeEnded(cause="worse", says=says), key)
    if now < snooze.until:
        return None
    says = f"The quiet until {until} is over, and {incident.id} is still open{_graded(incident)}. {on}"
    return Due(SnoozeEnded(cause="time", says=says), key)


def _confirmation(incident: Incident, duty: Duty, now: datetime) -> Due | None:
    """Ask whoever has it in time, and let it lapse only where they were asked."""
    who, signed, asked = incident.acknowledged_by, signed_at(incident), incident.oncall.lapses_at
    if not duty.lapses or who is None or signed is None:
        return None
    lead = min(LEAD, duty.lapses / 3)
    if asked is None:
        if now < signed + duty.lapses - lead:
            return None
        lapses_at = max(signed + duty.lapses, now + lead)
        at = moment(lapses_at, duty.zone, beside=now)
        says = (
            f"do you still have {incident.id}? Press the button, type /mx ack, or do anything in it. "
            f"Without a sign nobody has it any more at {at}."
        )
        return Due(AckReminded(lapses_at=lapses_at, says=says), f"confirm:{incident.id}:{incident.version}")
    if now < asked:
        return None
    again = _again(incident, duty, now)
    says = (
        f"No sign since {moment(signed, duty.zone, beside=now)}, so nobody has {incident.id} any more"
        f"{_graded(incident)}, and its response clock starts anew{again}. To take it: /mx ack"
    )
    return Due(AckLapsed(who=who, says=says), f"lapsed:{incident.id}:{incident.version}")


def _again(incident: Incident, duty: Duty, now: datetime) -> str:
    if incident.severity is None:
        return ""
    due = response_due(incident.severity, now, calendar=duty.calendar)
    return f": respond by {moment(due, duty.zone, beside=now)}"


def _response(incident: Incident, duty: Duty, now: datetime) -> Due | None:
    """Remind before the deadline; where that is over already, say once that it was missed."""
    found = deadline(incident, duty.calendar)
    if found is None:
        return None
    at = moment(found.due, duty.zone, beside=now)
    if now >= found.due:
        if missed(incident, found.due):
            return None
        late = f", {about((now - found.due).total_seconds())} ago" if now - found.due > _LATE else ""
        says = (
            f"Nobody has answered {incident.id}{_graded(incident)}. Somebody was to have it by {at}{late}. "
            "To take it: /mx ack"
        )
        return _reminder(incident, found, ResponseReminded(due=found.due, stage="missed", says=says))
    before = found.reminded_at(duty.calendar)
    if before is None or now < before or reminded(incident, found.due):
        return None
    says = f"Nobody has {incident.id} yet{_graded(incident)}. Respond by {at}. To take it: /mx ack"
    return _reminder(incident, found, ResponseReminded(due=found.due, stage="before", says=says))


def _reminder(incident: Incident, found: Deadline, fact: ResponseReminded) -> Due:
    return Due(fact, f"reminded:{incident.id}:{fact.stage}:{found.due.isoformat()}")


def _graded(incident: Incident) -> str:
    """How bad and what, in brackets."""
    severity = str(incident.severity) if incident.severity else "no severity"
    findings = incident.assessment.findings if incident.assessment else ()
    what = f": {findings[0].symptom}" if findings else ", every probe answers well again"
    return f" ({severity}{what if incident.assessment else ''})"
