"""By when somebody must have answered an incident, and why nobody is woken or reminded of it. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.assessment import Assessment, Severity
from bot.domain.calendar import Calendar, response_due
from bot.domain.incident import Incident
from bot.domain.oncall import Graded
from bot.domain.readings import StatusPageDetail

_ALL = tuple(Severity)


def due(incident: Incident, calendar: Calendar) -> datetime | None:
    """By when somebody must have it, in UTC; None where somebody has, or where it has no severity or is over.

    Each severity's time runs from when the incident was first at least as grave, and anew from when it was reopened
    or an acknowledgement lapsed; the earliest counts, so that a raised severity never gives more time.
    """
    if not incident.open or incident.acknowledged_by is not None:
        return None
    oncall = incident.oncall
    return earliest(incident.severity, oncall.graded, since=oncall.clock_from, calendar=calendar)


def earliest(
    severity: Severity | None, graded: Sequence[Graded], *, since: datetime, calendar: Calendar
) -> datetime | None:
    """The earliest of the deadlines of this severity and the milder ones, each from when it was first that grave."""
    if severity is None:
        return None
    found: list[datetime] = []
    for level in _ALL[severity.number - 1 :]:
        first = next((one.at for one in graded if one.severity.number <= level.number), None)
        if first is not None:
            found.append(response_due(level, max(first, since), calendar=calendar))
    return min(found, default=None)


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
