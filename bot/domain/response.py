"""By when somebody must have answered an incident, how long an answer holds, and why nobody is disturbed. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assessment import Assessment, Severity
from bot.domain.calendar import RESPONSE, Calendar, response_due
from bot.domain.incident import Incident
from bot.domain.oncall_state import Graded
from bot.domain.readings import StatusPageDetail

LEAD = timedelta(minutes=15)
"""A reminder comes this long before the end at most: of a short time, in its last third."""

_ALL = tuple(Severity)


class Deadline(NamedTuple):
    """The time that somebody has to answer: of which severity it is, since when it runs, and when it is over, in UTC."""

    severity: Severity
    since: datetime
    due: datetime

    def reminded_at(self, calendar: Calendar) -> datetime | None:
        """When to remind before it is over; of SEV-4 when the team last opens before, None where it does not."""
        if self.severity in RESPONSE:
            return self.due - min(LEAD, (self.due - self.since) / 3)
        opening = calendar.last_opening(self.due)
        return opening if opening is not None and opening > self.since else None


def due(incident: Incident, calendar: Calendar) -> datetime | None:
    """By when somebody must have it, in UTC; None where somebody has, or where it has no severity or is over."""
    found = deadline(incident, calendar)
    return found.due if found is not None else None


def deadline(incident: Incident, calendar: Calendar) -> Deadline | None:
    """The deadline that runs now; None where none does."""
    if not incident.open or incident.acknowledged_by is not None:
        return None
    oncall = incident.oncall
    return nearest(incident.severity, oncall.graded, since=oncall.clock_from, calendar=calendar)


def nearest(
    severity: Severity | None, graded: Sequence[Graded], *, since: datetime, calendar: Calendar
) -> Deadline | None:
    """The earliest of the deadlines of this severity and the milder ones; None without a severity.

    Each one's time runs since the incident has been at least as grave without a break, and from ``since`` at the
    earliest. So a raised severity never gives more time, and one that was lowered in between is not counted as if it
    had not been.
    """
    if severity is None:
        return None
    found: list[Deadline] = []
    for level in _ALL[severity.number - 1 :]:
        began = _grave_since(graded, level)
        if began is not None:
            start = max(began, since)
            found.append(Deadline(level, start, response_due(level, start, calendar=calendar)))
    return min(found, key=lambda one: one.due, default=None)


def earliest(
    severity: Severity | None, graded: Sequence[Graded], *, since: datetime, calendar: Calendar
) -> datetime | None:
    """When the nearest deadline is over, in UTC."""
    found = nearest(severity, graded, since=since, calendar=calendar)
    return found.due if found is not None else None


def missed(incident: Incident, due: datetime) -> bool:
    """It was told that nobody answered by then."""
    return f"missed:{due.isoformat()}" in incident.oncall.told


def reminded(incident: Incident, due: datetime) -> bool:
    """It was told, before that time, that nobody has it."""
    return f"before:{due.isoformat()}" in incident.oncall.told


def signed_at(incident: Incident) -> datetime | None:
    """The time from which an acknowledgement holds: the latest sign of whoever has it, or the end of quiet; None: nobody has it."""
    oncall = incident.oncall
    if incident.acknowledged_by is None or incident.acknowledged_at is None:
        return None
    signs = [oncall.confirmed_at or incident.acknowledged_at, oncall.clock_from]
    signs += [oncall.quiet_ended_at] if oncall.quiet_ended_at else []
    signs += [oncall.snooze.until] if oncall.snooze else []
    return max(signs)


def holds_until(incident: Incident, lapses: timedelta) -> datetime | None:
    """Until when whoever has it has it, without a further sign; None where nobody has, or where it holds for ever."""
    signed = signed_at(incident)
    if signed is None or not incident.open or not lapses:
        return None
    return incident.oncall.lapses_at or signed + lapses


def quiet(incident: Incident, now: datetime) -> str:
    """Why nobody is woken or reminded of this incident now; empty where somebody may be."""
    if incident.drill:
        return "it is a drill"
    snooze = incident.oncall.snooze
    if snooze is not None and now < snooze.until and not worse_than_snoozed(incident):
        return f"{snooze.by} wants quiet until {snooze.until:%H:%M} UTC: {snooze.reason}"
    if incident.assessment is not None and announced(incident.assessment):
        return "MaintainX announced maintenance for now"
    return ""


def worse_than_snoozed(incident: Incident) -> bool:
    """It became graver than when somebody asked for quiet."""
    snooze, severity = incident.oncall.snooze, incident.severity
    return snooze is not None and severity is not None and severity.worse_than(snooze.severity)


def announced(found: Assessment) -> bool:
    """The trouble is on MaintainX's side, and its status page announced the maintenance."""
    return found.verdict in {"maintainx", "network"} and any(
        isinstance(reading.detail, StatusPageDetail) and reading.detail.maintenance
        for reading in found.readings
    )


def _grave_since(graded: Sequence[Graded], level: Severity) -> datetime | None:
    """Since when it has been at least as grave as this without a break; None where it is not."""
    began: datetime | None = None
    for one in reversed(graded):
        if one.severity.number > level.number:
            break
        began = one.at
    return began
