"""The book: every incident and every desk as they are now, folded from all facts in order."""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.domain.chain import GENESIS, Head
from bot.domain.change import Change
from bot.domain.desk import STREAM, Desk, at_desk
from bot.domain.events import (
    Assessed,
    Event,
    RunRequested,
    StepFinished,
)
from bot.domain.fold import evolve, replay
from bot.domain.incident import Incident
from bot.domain.unmarked import UNMARKED
from bot.domain.watching import VendorReported

_FOLD_AT = 10_000
"""So many facts may wait for a reader; an assessment does not wait, since it is a hundred times as big as the rest."""

_NEVER = (0, 0)


class Book:
    """What the timeline says now; a copy that a reader holds does not move on. ``head`` says up to which fact."""

    def __init__(self) -> None:
        self.head = Head(0, GENESIS)
        self._last: dict[str, tuple[int, int]] = {}
        """Stream -> version and number of its last fact, the stream that moved last at the end."""
        self._unfolded: deque[Event] = deque()  # folding waits for a reader: a burst of appends need not
        self._now = _Now()

    def incident(self, incident: str) -> Incident | None:
        """The incident with this id."""
        return self._folded().incidents.get(incident)

    def incidents(self) -> tuple[Incident, ...]:
        """All of them, in the order in which they were opened."""
        return tuple(self._folded().incidents.values())

    def open_incidents(self) -> tuple[Incident, ...]:
        """Those that are not resolved."""
        now = self._folded()
        return tuple(now.incidents[stream] for stream in now.open)

    def open_incident(self, integration: str) -> Incident | None:
        """The one that is open for this integration; there is never a second."""
        now = self._folded()
        stream = now.open_of.get(integration)
        return now.incidents[stream] if stream is not None else None

    def moved(self, after: int) -> tuple[Incident, ...]:
        """Incidents with a fact after this number, the one that moved last first; nobody needs to walk all of them."""
        incidents, found = self._folded().incidents, []
        for stream, (_, seq) in reversed(self._last.items()):
            if seq <= after:
                break
            if stream in incidents:
                found.append(incidents[stream])
        return tuple(found)

    def of(self, integration: str) -> tuple[Incident, ...]:
        """Those of one integration, in the order in which they were opened."""
        now = self._folded()
        return tuple(now.incidents[stream] for stream in now.of.get(integration, ()))

    def leased(self) -> tuple[Incident, ...]:
        """Incidents in which something is switched on; resolved ones too."""
        now = self._folded()
        return tuple(now.incidents[stream] for stream in now.leased)

    def of_run(self, run: str) -> Incident | None:
        """The incident in which this run was asked for."""
        now = self._folded()
        stream = now.runs.get(run)
        return now.incidents[stream] if stream is not None else None

    def latest(self, integration: str | None = None) -> Incident | None:
        """The one that was opened last, of this integration or of any."""
        of_it = self._folded().incidents.values() if integration is None else self.of(integration)
        return max(of_it, key=_opening, default=None)

    def desk(self, integration: str) -> Desk:
        """The integration's desk; a clean one where nothing was ever asked."""
        return self._folded().desks.get(STREAM + integration) or Desk(integration=integration)

    def changes(self, integration: str) -> tuple[Change, ...]:
        """What was changed at MaintainX lately, as the desk and the open incident know it."""
        there = self.open_incident(integration)
        told = (
            Change(event.at, event.fact.event, event.fact.says, event.fact.delivery)
            for event in self.desk(integration).changes
            if isinstance(event.fact, VendorReported)
        )
        return (*told, *(there.changes if there else ()))

    def pending_triages(self) -> tuple[Event, ...]:
        """Requests for a triage that are not answered, oldest first, from desks and incidents."""
        now = self._folded()
        return _by_age(event for stream in now.triages for event in now.state(stream).triages_pending)

    def pending_reports(self) -> tuple[Event, ...]:
        """Requests for a report that are not answered, oldest first; resolved incidents have them too."""
        now = self._folded()
        return _by_age(event for stream in now.reports for event in now.incidents[stream].reports_pending)

    def pending_verifies(self) -> tuple[Event, ...]:
        """Requests for a proof of recovery that are not answered, oldest first, from desks and incidents."""
        now = self._folded()
        return _by_age(event for stream in now.verifies for event in now.state(stream).verifies_pending)

    def pending_drills(self) -> tuple[Event, ...]:
        """Drills that were asked for and are not over, oldest first."""
        now = self._folded()
        return _by_age(event for stream in now.drills for event in now.desks[stream].drills_pending)

    def paging(self) -> tuple[Incident, ...]:
        """Incidents with a page that is still to be sent; resolved ones too."""
        now = self._folded()
        return tuple(now.incidents[stream] for stream in now.paging)

    def running(self) -> tuple[Incident, ...]:
        """Incidents with a run that is not over."""
        now = self._folded()
        return tuple(now.incidents[stream] for stream in now.running)

    def ordering(self) -> tuple[Incident, ...]:
        """Incidents with something asked of the gateway that is not answered; resolved ones too."""
        now = self._folded()
        return tuple(now.incidents[stream] for stream in now.ordering)

    def version(self, stream: str) -> int:
        """How many facts the stream has."""
        return self._last.get(stream, _NEVER)[0]

    def apply(self, event: Event) -> None:
        """Take the next event of the whole timeline."""
        self.head = Head(event.seq, event.hash)
        self._last.pop(event.stream, None)
        self._last[event.stream] = (event.version, event.seq)
        self._unfolded.append(event)
        if len(self._unfolded) >= _FOLD_AT or type(event.fact) is Assessed:
            self._folded()

    def refold(self, stream: str, events: Sequence[Event]) -> None:
        """Take a stream's history anew, after a redaction has changed what it says."""
        self._folded().replace(stream, events)

    def copy(self) -> "Book":
        """A book that stays as it is; what is in it is frozen and shared."""
        other = Book()
        other.head = self.head
        other._last = dict(self._last)
        other._now = self._folded().copy()
        return other

    def _folded(self) -> "_Now":
        while self._unfolded:
            self._now.take(self._unfolded.popleft())
        return self._now


class _Now:
    """The state itself, and the streams that somebody looks for at every wake-up, found without a search."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self.desks: dict[str, Desk] = {}
        self.open: dict[str, None] = {}
        self.open_of: dict[str, str] = {}
        """Integration -> its open incident."""
        self.of: dict[str, tuple[str, ...]] = {}
        """Integration -> its incidents: with a thousand of them nobody searches all."""
        self.runs: dict[str, str] = {}
        """Run -> its incident."""
        self.leased: dict[str, None] = {}
        self.triages: dict[str, None] = {}
        self.reports: dict[str, None] = {}
        self.running: dict[str, None] = {}
        self.ordering: dict[str, None] = {}
        self.verifies: dict[str, None] = {}
        self.paging: dict[str, None] = {}
        self.drills: dict[str, None] = {}

    def state(self, stream: str) -> Incident | Desk:
        return self.desks[stream] if stream.startswith(STREAM) else self.incidents[stream]

    def take(self, event: Event) -> None:
        if event.stream.startswith(STREAM):
            self.desks[event.stream] = at_desk(self.desks.get(event.stream), event)
        else:
            was = self.incidents.get(event.stream)
            now = self.incidents[event.stream] = evolve(was, event)
            fact = event.fact
            if was is None:
                self.of[now.integration] = (*self.of.get(now.integration, ()), now.id)
            elif type(fact) is RunRequested:
                self.runs[fact.run] = now.id
            elif type(fact) is StepFinished:
                _mark(self.leased, now.id, present=bool(now.leases))
        if type(event.fact) not in UNMARKED:
            self._mark(event.stream)

    def replace(self, stream: str, events: Sequence[Event]) -> None:
        if stream.startswith(STREAM):
            desk: Desk | None = None
            for event in events:
                desk = at_desk(desk, event)
            if desk is not None:
                self.desks[stream] = desk
        else:
            self.incidents[stream] = replay(events)
        self._mark(stream)

    def copy(self) -> "_Now":
        other = _Now()
        other.incidents, other.desks = dict(self.incidents), dict(self.desks)
        other.open, other.triages = dict(self.open), dict(self.triages)
        other.reports, other.running = dict(self.reports), dict(self.running)
        other.ordering, other.open_of = dict(self.ordering), dict(self.open_of)
        other.verifies, other.paging = dict(self.verifies), dict(self.paging)
        other.drills = dict(self.drills)
        other.of, other.runs, other.leased = dict(self.of), dict(self.runs), dict(self.leased)
        return other

    def _mark(self, stream: str) -> None:
        state = self.state(stream)
        _mark(self.triages, stream, present=bool(state.triages_pending))
        _mark(self.verifies, stream, present=bool(state.verifies_pending))
        if isinstance(state, Incident):
            _mark(self.open, stream, present=state.open)
            if state.open:
                self.open_of[state.integration] = stream
            elif self.open_of.get(state.integration) == stream:
                del self.open_of[state.integration]
            _mark(self.leased, stream, present=bool(state.leases))
            _mark(self.reports, stream, present=bool(state.reports_pending))
            _mark(self.running, stream, present=bool(state.runs) and any(run.live for run in state.runs))
            _mark(self.paging, stream, present=any(page.waits for page in state.oncall.pages))
            _mark(self.ordering, stream, present=any(order.ok is None for order in state.orders))
        else:
            _mark(self.drills, stream, present=bool(state.drills_pending))


def _opening(incident: Incident) -> tuple[datetime, str]:
    return incident.opened_at, incident.id


def _mark(among: dict[str, None], stream: str, *, present: bool) -> None:
    if present:
        among.setdefault(stream)
    else:
        among.pop(stream, None)


def _by_age(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: event.seq))
