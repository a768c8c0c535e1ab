"""How fast incidents were answered, mitigated and resolved: pairs of facts, and what they add up to. Pure.

Each figure is the time between two facts of one incident, so it can be looked up on its timeline. Drills are left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from statistics import fmean, median
from typing import Literal, NamedTuple, assert_never, get_args

from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar
from bot.domain.incident import Incident
from bot.domain.response import earliest

Measure = Literal["acknowledge", "mitigate", "resolve"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

FACTS: dict[Measure, tuple[str, str]] = {
    "acknowledge": ("incident_opened", "the first acknowledged, snoozed or handed over"),
    "mitigate": ("incident_opened", "the first step_finished that switched something on, or run_finished"),
    "resolve": ("incident_opened", "the last resolved"),
}
"""Between which two facts each measure lies."""

MONTHS = 6
"""So many are told of where nobody says otherwise."""

_NONE = "none"


class Pair(NamedTuple):
    """One measure of one incident: when the first of its two facts was, and the second."""

    incident: str
    began: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()


class Spread(NamedTuple):
    """Several pairs of one measure, in seconds; the worst one can be looked up."""

    pairs: int
    mean_s: float
    median_s: float
    worst_s: float
    worst_incident: str


class Deadlines(NamedTuple):
    """How many first responses were due by now, and how many of them were in time."""

    due: int = 0
    met: int = 0

    @property
    def share(self) -> float | None:
        """The part that was met; None where none was due."""
        return self.met / self.due if self.due else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Incidents of one severity, of one month, or of both."""

    severity: str = ""
    """``SEV-1`` to ``SEV-4``, or ``none``; empty: of all severities."""
    month: str = ""
    """``2026-11``, in the team's zone; empty: of all months."""
    resolved: int = 0
    open: int = 0
    deadlines: Deadlines
    acknowledge: Spread | None = None
    mitigate: Spread | None = None
    resolve: Spread | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Everything that is told of a stretch of months."""

    total: Group
    by_severity: tuple[Group, ...]
    by_month: tuple[Group, ...]
    by_both: tuple[Group, ...]
    """Each month's severities, the latest month first."""
    drills: int
    """Left out of all of it."""
    since: str
    """The first month that counts; empty: all do."""
    zone: str
    """In which a month begins."""
    counted: frozenset[str]
    """The incidents' ids."""


def pair(incident: Incident, measure: Measure) -> Pair | None:
    """The two facts of a measure; None where the second has not come (yet)."""
    match measure:
        case "acknowledge":
            ended = incident.oncall.first_acknowledged_at
        case "mitigate":
            ended = incident.oncall.mitigated_at
        case "resolve":
            ended = incident.resolved_at
        case _:
            assert_never(measure)
    return None if ended is None else Pair(incident.id, incident.opened_at, max(ended, incident.opened_at))


def gravest(incident: Incident) -> Severity | None:
    """The worst that it ever was; a person who lowers it later does not change that."""
    found = [one.severity for one in incident.oncall.graded]
    return min(found, key=lambda severity: severity.number, default=None)


def response_met(incident: Incident, calendar: Calendar, *, now: datetime) -> bool | None:
    """Whether somebody had it in time for the first time; None where nobody needs to have yet, or nobody has to."""
    ends = [at for at in (incident.oncall.first_acknowledged_at, incident.resolved_at) if at is not None]
    until = min(ends, default=now)
    graded = [one for one in incident.oncall.graded if one.at <= until]
    if not graded:
        return None
    due = earliest(graded[-1].severity, graded, since=incident.opened_at, calendar=calendar)
    if due is None or (not ends and now <= due):
        return None
    return until <= due


def month_of(at: datetime, zone: tzinfo) -> str:
    """``2026-11``: the month, by the clock on the team's wall."""
    return f"{at.astimezone(zone):%Y-%m}"


def first_month(now: datetime, zone: tzinfo, *, months: int) -> str:
    """The month with which the last so many months begin, this one included."""
    today = now.astimezone(zone)
    year, month = divmod(today.year * 12 + today.month - months, 12)
    return f"{year:04}-{month + 1:02}"


def stats(
    incidents: Iterable[Incident], *, calendar: Calendar, now: datetime, months: int | None = None
) -> Stats:
    """What the incidents that were opened in these last ``months`` add up to; None: ever."""
    since = "" if months is None else first_month(now, calendar.zone, months=months)
    counted = [one for one in incidents if month_of(one.opened_at, calendar.zone) >= since]
    real = [_Counted.of(one, calendar, now=now) for one in counted if not one.drill]
    severities = sorted({one.severity for one in real})
    recent = sorted({one.month for one in real}, reverse=True)
    return Stats(
        total=_group(real),
        by_severity=tuple(_group(real, severity=severity) for severity in severities),
        by_month=tuple(_group(real, month=month) for month in recent),
        by_both=tuple(
            group
            for month in recent
            for severity in severities
            if (group := _group(real, severity=severity, month=month)).resolved or group.open
        ),
        drills=len(counted) - len(real),
        since=since,
        zone=str(calendar.zone),
        counted=frozenset(one.incident.id for one in real),
    )


class _Counted(NamedTuple):
    """What is needed of one incident."""

    incident: Incident
    severity: str
    month: str
    met: bool | None

    @classmethod
    def of(cls, incident: Incident, calendar: Calendar, *, now: datetime) -> "_Counted":
        return cls(
            incident,
            str(gravest(incident) or _NONE),
            month_of(incident.opened_at, calendar.zone),
            response_met(incident, calendar, now=now),
        )


def _group(counted: Sequence[_Counted], *, severity: str = "", month: str = "") -> Group:
    of_it = [one for one in counted if severity in ("", one.severity) and month in ("", one.month)]
    due = [one.met for one in of_it if one.met is not None]
    resolved = sum(not one.incident.open for one in of_it)
    group = Group(
        severity=severity,
        month=month,
        resolved=resolved,
        open=len(of_it) - resolved,
        deadlines=Deadlines(due=len(due), met=sum(due)),
    )
    spread = _spreads([one.incident for one in of_it])
    return replace(
        group,
        acknowledge=spread("acknowledge"),
        mitigate=spread("mitigate"),
        resolve=spread("resolve"),
    )


def _spreads(incidents: Sequence[Incident]) -> Callable[[Measure], Spread | None]:
    def spread(measure: Measure) -> Spread | None:
        pairs = [found for one in incidents if (found := pair(one, measure)) is not None]
        if not pairs:
            return None
        worst = max(pairs, key=lambda one: one.seconds)
        took = [one.seconds for one in pairs]
        return Spread(len(took), fmean(took), median(took), worst.seconds, worst.incident)

    return spread
