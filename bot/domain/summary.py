"""The daily summary of an incident that stays open: whether one is due, and what it says. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain import events as e
from bot.domain import open_points
from bot.domain.fact import Fact
from bot.domain.incident import Incident
from bot.domain.notebook import DaySummed, HandedOver, MessageKept
from bot.domain.oncall import AckLapsed, PageSent, ResponseReminded
from bot.domain.response import quiet
from bot.domain.telling import moment

YOUNGEST = timedelta(hours=4)
"""An incident that was opened, or reopened, later than this before the hour has none that day: the card is news enough."""
LATEST = timedelta(hours=12)
"""After a standstill a summary may come this late; then the next day's is nearer."""


def due_day(incident: Incident, *, at: time, zone: ZoneInfo, now: datetime) -> date | None:
    """The day whose summary is to be written now; None where there is none. Of days that were missed only the latest."""
    if not incident.open or incident.drill:
        return None
    day = now.astimezone(zone).date()
    if _hour_of(day, at, zone) > now:
        day -= timedelta(days=1)
    hour = _hour_of(day, at, zone)
    since = max(incident.opened_at, incident.oncall.begun_at or incident.opened_at)
    if now - hour > LATEST or hour - since < YOUNGEST:
        return None
    summed = incident.notebook.summed
    return day if summed is None or summed < day else None


def key(incident: Incident, day: date) -> str:
    """Under which the summary of a day is written once, whoever leads."""
    return f"day:{incident.id}:{day.isoformat()}"


def summed(
    incident: Incident, history: Sequence[e.Event], *, day: date, zone: ZoneInfo, now: datetime
) -> DaySummed:
    """The summary of this day; ``history`` are the incident's facts."""
    since = max(
        (event.at for event in history if isinstance(event.fact, DaySummed)), default=incident.opened_at
    )
    news = [event for event in history if event.at > since]
    opened = moment(incident.opened_at, zone, beside=now)
    says = (
        f"{incident.id} has been open for {open_points.age(incident, now=now)}, since {opened}. "
        f"{open_points.how_bad(incident)}"
    )
    lines = (
        *_severities(incident, since, zone, now),
        *open_points.switched_on(incident, zone, now=now),
        *open_points.missing(incident, zone),
        *_happened(news, since, zone, now),
        *open_points.waiting(incident),
        *_wanted(incident),
        *_silence(incident, zone, now),
    )
    return DaySummed(day=day, says=says, lines=lines)


def _hour_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When that is, in UTC: an hour that a change of clocks leaves out is taken by the clocks before it."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _severities(incident: Incident, since: datetime, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    graded = incident.oncall.graded
    if not graded:
        return
    before = [one for one in graded if one.at <= since]
    changes = [one for one in graded if one.at > since]
    if not changes:
        yield f"Severity: {graded[-1].severity} since {moment(graded[-1].at, zone, beside=now)}."
        return
    steps = ", then ".join(f"{one.severity} at {moment(one.at, zone, beside=now)}" for one in changes)
    yield f"Severity: {before[-1].severity}, then {steps}." if before else f"Severity: {steps}."


def _happened(news: Sequence[e.Event], since: datetime, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    counts = [
        f"{count} {one if count == 1 else several}"
        for one, several, counts_as in _COUNTED
        if (count := sum(counts_as(event.fact) for event in news))
    ]
    when = moment(since, zone, beside=now)
    yield f"Since {when}: {', '.join(counts)}." if counts else f"Since {when} nothing was done or said."


def _wanted(incident: Incident) -> Iterator[str]:
    """What waits for a person's word."""
    if incident.acknowledged_by is None:
        yield "Nobody has it: /mx ack"
    if incident.recovery is not None and incident.recovery.fact.verdict == "proved":
        yield "Recovery is proved. If you agree that it is over: /mx resolve"
    elif incident.healthy_now:
        yield "Every probe answers well again. Is it over? /mx verify"
    elif incident.proposed:
        yield f"mx sees {incident.proposed}. To set that: /mx severity"


def _silence(incident: Incident, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    snooze = incident.oncall.snooze
    if snooze is not None and now < snooze.until and quiet(incident, now):
        yield f"It is quiet until {moment(snooze.until, zone, beside=now)}: {snooze.reason}"


def _run(mode: str) -> Callable[[Fact], bool]:
    return lambda fact: isinstance(fact, e.RunRequested) and fact.mode == mode


def _is(*kinds: type[Fact]) -> Callable[[Fact], bool]:
    return lambda fact: isinstance(fact, kinds)


def _paged(fact: Fact) -> bool:
    return isinstance(fact, PageSent) and fact.outcome == "taken"


def _missed(fact: Fact) -> bool:
    return isinstance(fact, ResponseReminded) and fact.stage == "missed"


_COUNTED: tuple[tuple[str, str, Callable[[Fact], bool]], ...] = (
    ("assessment", "assessments", _is(e.Assessed)),
    ("playbook run", "playbooks run", _run("apply")),
    ("taken back", "taken back", _run("undo")),
    ("kept on for longer", "kept on for longer", _run("extend")),
    ("note", "notes", _is(e.NoteAdded)),
    ("message kept", "messages kept", _is(MessageKept)),
    ("hand-over", "hand-overs", _is(HandedOver)),
    ("page", "pages", _paged),
    ("response missed", "responses missed", _missed),
    ("acknowledgement lapsed", "acknowledgements lapsed", _is(AckLapsed)),
)
"""What is counted, in the order in which it is told."""
