"""What the timeline says to whoever runs mx: incidents by severity, how fast they were answered, what waits."""

from collections.abc import Iterable, Sequence
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
    """Figures of the book, made anew only where it has moved on: a scrape must not walk all incidents each time."""

    def __init__(self) -> None:
        self._head = -1
        self._told: tuple[Family, ...] = ()

    def families(self, book: Book, *, now: datetime) -> tuple[Family, ...]:
        """Every family. What only grows on the timeline only grows here, over restarts too."""
        if book.head.seq != self._head:
            self._head, self._told = book.head.seq, (*_incidents(book), *_took(book.incidents()))
        return (*self._told, *_waiting(book, now=now))


def _incidents(book: Book) -> tuple[Family, ...]:
    facts = Figure("mx_timeline_events_total", "Facts on the timeline.")
    facts.add(by=book.head.seq)
    opened = Figure(
        "mx_incidents_opened_total",
        "Incidents by the severity that they began with, without drills.",
        "severity",
    )
    for incident in book.incidents():
        if incident.oncall.graded and not incident.drill:
            opened.add(incident.oncall.graded[0].severity)
    there = Figure(
        "mx_open_incidents", "Open incidents by severity, drills included.", "severity", kind="gauge"
    )
    for severity in Severity:
        there.set(0, severity)
    for incident in book.open_incidents():
        there.add(incident.severity or _UNGRADED)
    return facts, opened, there


def _took(incidents: Sequence[Incident]) -> tuple[Family, ...]:
    """MTTA, time to mitigate and MTTR: no later rise of the severity and no reopening makes one of these sums fall."""
    made: list[Family] = []
    for measure in MEASURES:
        name, says = _TOOK[measure]
        took = Durations(
            name, f"{says}, by the worst severity until then, without drills.", "severity", bounds=()
        )
        for incident in incidents:
            found = pair(incident, measure)
            ended = found.ended if found else None
            if measure == "resolve":
                ended = incident.oncall.first_resolved_at
            severity = _worst_before(incident, ended) if ended is not None else None
            if ended is not None and severity is not None and not incident.drill:
                took.note(max(0.0, (ended - incident.opened_at).total_seconds()), severity)
        made.append(took)
    return tuple(made)


def _worst_before(incident: Incident, ended: datetime) -> Severity | None:
    """How grave it was by then, and nothing that is found later changes the answer; None: nobody has said yet."""
    graded = incident.oncall.graded
    before = [one.severity for one in graded if one.at < ended] or [one.severity for one in graded[:1]]
    return min(before, key=lambda severity: severity.number, default=None)


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
