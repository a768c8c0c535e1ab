"""What the timeline says to whoever runs mx: incidents by severity, how fast they were answered, what waits."""

from collections.abc import Iterable
from datetime import datetime

from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.events import Event
from bot.domain.incident import Incident
from bot.domain.stats import MEASURES, Measure, pair
from bot.meter import Durations, Family, Figure

_UNGRADED = "none"

_TOOK: dict[Measure, tuple[str, str]] = {
    "acknowledge": ("mx_time_to_acknowledge_seconds", "From opened to first acknowledged"),
    "mitigate": ("mx_time_to_mitigate_seconds", "From opened to the first mitigation that was on"),
    "resolve": ("mx_time_to_resolve_seconds", "From opened to first resolved"),
}


class Told:
    """Figures of the book, brought forward by what has moved: no scrape walks all incidents after the first.

    Each incident counts once for each figure, under a severity that no later fact changes, so that sums only grow,
    over a reopening and a restart too.
    """

    def __init__(self) -> None:
        self._seen = 0
        self._counted: set[tuple[str, str]] = set()
        self._opened = Figure(
            "mx_incidents_opened_total",
            "Incidents by the severity that they began with, without drills.",
            "severity",
        )
        self._took = {
            measure: Durations(
                name, f"{says}, by the worst severity before that, without drills.", "severity", bounds=()
            )
            for measure, (name, says) in _TOOK.items()
        }

    def families(self, book: Book, *, now: datetime) -> tuple[Family, ...]:
        """Every family as it is now."""
        for incident in book.moved(self._seen):
            self._count(incident)
        self._seen = book.head.seq
        facts = Figure("mx_timeline_events_total", "Facts on the timeline.")
        facts.add(by=book.head.seq)
        return (facts, self._opened, _open(book), *self._took.values(), *_waiting(book, now=now))

    def _count(self, incident: Incident) -> None:
        if incident.drill or not incident.oncall.graded:
            return
        if self._first("opened", incident):
            self._opened.add(incident.oncall.graded[0].severity)
        for measure in MEASURES:
            ended = _ended(incident, measure)
            if ended is not None and self._first(measure, incident):
                seconds = max(0.0, (ended - incident.opened_at).total_seconds())
                self._took[measure].note(seconds, _worst_before(incident, ended))

    def _first(self, what: str, incident: Incident) -> bool:
        """Whether this is counted for the first time; from now on it is."""
        known = (what, incident.id) in self._counted
        self._counted.add((what, incident.id))
        return not known


def _open(book: Book) -> Family:
    there = Figure(
        "mx_open_incidents", "Open incidents by severity, drills included.", "severity", kind="gauge"
    )
    for severity in Severity:
        there.set(0, severity)
    for incident in book.open_incidents():
        there.add(incident.severity or _UNGRADED)
    return there


def _ended(incident: Incident, measure: Measure) -> datetime | None:
    if measure == "resolve":
        return incident.oncall.first_resolved_at
    found = pair(incident, measure)
    return found.ended if found else None


def _worst_before(incident: Incident, ended: datetime) -> Severity:
    """How grave it was by then; nothing that is found later changes the answer."""
    graded = incident.oncall.graded
    before = [one.severity for one in graded if one.at < ended] or [graded[0].severity]
    return min(before, key=lambda severity: severity.number)


def _waiting(book: Book, *, now: datetime) -> tuple[Family, ...]:
    """What was asked for and no follower has answered: how many, and how old the oldest is."""
    pages = [page.at for incident in book.paging() for page in incident.oncall.waiting]
    runs = [run.requested_at for incident in book.running() for run in incident.live_runs if run.plan is None]
    orders = [order.at for one in book.ordering() for order in one.orders if order.ok is None]
    asked: dict[str, list[datetime]] = {
        "triage": _at(book.pending_triages()),
        "verify": _at(book.pending_verifies()),
        "report": _at(book.pending_reports()),
        "page": pages,
        "run": runs,
        "order": orders,
    }
    count = Figure(
        "mx_followers_behind",
        "Requests on the timeline that no follower has dealt with.",
        "what",
        kind="gauge",
    )
    age = Figure("mx_followers_lag_seconds", "The age of the oldest of these requests.", "what", kind="gauge")
    for what, times in asked.items():
        count.set(len(times), what)
        age.set(max(0.0, (now - min(times)).total_seconds()) if times else 0.0, what)
    return count, age


def _at(events: Iterable[Event]) -> list[datetime]:
    return [event.at for event in events]
