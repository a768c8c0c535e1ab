"""Triage: ask everything at once, assess, and answer the requests that wait on the timeline."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.assessment import Assessment
from bot.domain.book import Book
from bot.domain.calendar import Calendar
from bot.domain.change import Change
from bot.domain.diagnosis import diagnose
from bot.domain.events import Assessed, Draft, Event, IncidentOpened, TriageFinished, TriageRequested, desk
from bot.domain.integration import Integration
from bot.domain.readings import Reading, Status
from bot.domain.telling import some
from bot.domain.watching import VendorReported
from bot.errors import Conflict
from bot.meter import Meter
from bot.ports import Clock, Probe

ACTOR = "mx"
_TRIES = 8
_CHANGED_BEFORE = timedelta(hours=24)
"""How long before an incident a change at MaintainX still belongs to it."""
_WHOSE: Mapping[str, str] = {
    "maintainx": "MaintainX's side",
    "us": "our side",
    "key": "the API key",
    "network": "the network",
    "nobody": "nobody's",
}


class Facts(Protocol):
    """What triage needs of the timeline."""

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Write all the drafts or none. Raises Conflict and StoreError."""
        ...

    async def book(self) -> Book:
        """What the timeline says now."""
        ...


async def read_all(probes: Sequence[Probe], *, samples: int) -> tuple[Reading, ...]:
    """Every probe at once, each under its own deadline; the readings in the probes' order."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(probe.read(samples=samples)) for probe in probes]
    return tuple(task.result() for task in tasks)


async def assess(
    integration: Integration,
    probes: Sequence[Probe],
    *,
    samples: int,
    clock: Clock,
    calendar: Calendar,
    changes: Sequence[Change] = (),
) -> Assessment:
    """Ask now, and say what is wrong. Never raises for anything that the outside does."""
    at = clock.now()
    readings = await read_all(probes, samples=samples)
    return diagnose(integration, readings, at=at, calendar=calendar, changes=changes)


class Triage:
    """The follower that answers triage requests; the leader's root calls ``advance`` whenever there is news.

    ``drill``: every incident that it opens is one to train with.
    """

    def __init__(
        self,
        timeline: Facts,
        clock: Clock,
        *,
        probes_of: Callable[[str], Sequence[Probe]],
        integrations: Mapping[str, Integration],
        calendar: Calendar,
        new_id: Callable[[], str],
        meter: Meter | None = None,
        drill: bool = False,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._drill = drill
        self._probes_of = probes_of
        self._integrations = integrations
        self._calendar = calendar
        self._new_id = new_id
        self._meter = meter or Meter()

    async def assess(self, name: str, *, samples: int = 3) -> Assessment:
        """Ask about one integration now; writes nothing. Raises StoreError."""
        found = await assess(
            self._integrations[name],
            self._probes_of(name),
            samples=samples,
            clock=self._clock,
            calendar=self._calendar,
            changes=(await self._timeline.book()).changes(name),
        )
        self._meter.assessments.add(found.verdict, str(found.severity or "none"))
        return found

    async def advance(self) -> bool:
        """Answer the oldest request that waits, and with the same readings all others for that integration.

        False where none waits. The answer is one append under the requests' own keys: a restart before it asks
        again, a restart after it finds it done. Raises StoreError, and Conflict where others keep being first.
        """
        pending = (await self._timeline.book()).pending_triages()
        if not pending:
            return False
        name = _request(pending[0]).integration
        asked = tuple(event for event in pending if _request(event).integration == name)
        if name not in self._integrations:
            await self._timeline.append(*(self._unknown(event) for event in asked))
            return True
        samples = max(_request(event).samples for event in asked)
        await self._write(asked, await self.assess(name, samples=samples))
        return True

    async def record(self, found: Assessment, *, actor: str, samples: int) -> None:
        """Write down what was asked and found in this process. Raises StoreError and Conflict."""
        name = found.integration
        request = TriageRequested(request=self._new_id(), integration=name, samples=samples)
        draft = Draft(stream=desk(name), actor=actor, at=found.at, fact=request)
        await self._write(await self._timeline.append(draft), found)

    async def open(self, found: Assessment, *, failing_since: datetime) -> str | None:
        """Open the incident that the monitor found; its id, or None where one is open for it by now.

        Raises StoreError, and Conflict where others keep being first.
        """
        fact = IncidentOpened(
            integration=found.integration,
            channel=self._integrations[found.integration].channel,
            found_by="monitor",
            failing_since=failing_since,
            drill=self._drill,
        )
        for _ in range(_TRIES):
            book = await self._timeline.book()
            if book.open_incident(found.integration) is not None:
                return None
            incident, drafts = self._opening(fact, Assessed(assessment=found), book)
            try:
                await self._timeline.append(*drafts)
            except Conflict:  # a person's triage may have been first
                continue
            return incident
        raise Conflict(f"opening an incident of {found.integration}: others were first {_TRIES} times")

    async def _write(self, asked: tuple[Event, ...], found: Assessment) -> None:
        for _ in range(_TRIES):
            try:
                await self._timeline.append(*self._answer(asked, found, await self._timeline.book()))
            except Conflict:  # another fact was first: the answer is written anew on what stands there now
                continue
            return
        raise Conflict(
            f"answering the triage of {found.integration}: others were first {_TRIES} times; it is asked again"
        )

    def _answer(self, asked: tuple[Event, ...], found: Assessment, book: Book) -> tuple[Draft, ...]:
        """The facts of an answer: the incident it opens or feeds, and one line for each who asked."""
        at = self._clock.now()
        first = _request(asked[0])
        there = book.open_incident(found.integration)
        assessed = Assessed(request=first.request, assessment=found)
        drafts: list[Draft] = []
        incident: str | None = None
        if there is not None:
            incident = there.id
            drafts.append(Draft(stream=incident, actor=ACTOR, at=at, fact=assessed, expect=there.version))
        elif not found.healthy:
            incident, drafts = self._opening(self._opened(asked[0], found), assessed, book)
        for event in asked:
            request = _request(event)
            finished = TriageFinished(
                request=request.request,
                severity=found.severity,
                verdict=found.verdict,
                incident=incident,
                says=summary(found),
                address=request.address,
            )
            drafts.append(_finish(event, finished, at=at))
        return tuple(drafts)

    def _opening(self, fact: IncidentOpened, assessed: Assessed, book: Book) -> tuple[str, list[Draft]]:
        """A new incident and its first facts: why, and what was changed at MaintainX shortly before."""
        at = self._clock.now()
        incident = self._new_incident(at, book)
        drafts = [
            Draft(stream=incident, actor=ACTOR, at=at, fact=fact, expect=0),
            Draft(stream=incident, actor=ACTOR, at=at, fact=assessed),
        ]
        changes = {
            event.fact.delivery: event
            for event in book.desk(fact.integration).changes
            if isinstance(event.fact, VendorReported) and at - event.at <= _CHANGED_BEFORE
        }
        drafts += [
            Draft(
                stream=incident,
                actor=event.actor,
                at=event.at,
                fact=event.fact,
                key=f"vendor:{incident}:{delivery}",
            )
            for delivery, event in changes.items()
        ]
        return incident, drafts

    def _opened(self, event: Event, found: Assessment) -> IncidentOpened:
        request = _request(event)
        return IncidentOpened(
            integration=found.integration,
            request=request.request,
            requested_by=event.actor,
            requested_at=event.at,
            channel=self._integrations[found.integration].channel or request.address.channel,
            drill=self._drill,
        )

    def _new_incident(self, at: datetime, book: Book) -> str:
        day = at.astimezone(self._calendar.zone)
        while True:
            # Short, because it is read aloud; the loop sees to it that it is the only one.
            incident = f"mx-{day:%Y%m%d}-{self._new_id()[:4]}"
            if book.incident(incident) is None:
                return incident

    def _unknown(self, event: Event) -> Draft:
        request = _request(event)
        known = some(self._integrations, like=request.integration)
        says = f"there is no integration {request.integration}; configured: {known}"
        finished = TriageFinished(
            request=request.request,
            severity=None,
            verdict="nobody",
            incident=None,
            says=says,
            address=request.address,
        )
        return _finish(event, finished, at=self._clock.now())


def summary(found: Assessment) -> str:
    """One line: how bad, whose fault, what; or that nothing is wrong and how many questions say so."""
    if found.severity is None:
        good = sum(reading.status is Status.OK for reading in found.readings)
        blind = len(found.blind_spots)
        unseen = f"; {blind} blind spot{'' if blind == 1 else 's'}" if blind else ""
        return f"healthy: {good} of {len(found.readings)} questions answered well{unseen}"
    more = f" (and {len(found.findings) - 1} more)" if len(found.findings) > 1 else ""
    return f"{found.severity}, {_WHOSE[found.verdict]}: {found.findings[0].symptom}{more}"


def _request(event: Event) -> TriageRequested:
    assert isinstance(event.fact, TriageRequested)
    return event.fact


def _finish(event: Event, finished: TriageFinished, *, at: datetime) -> Draft:
    key = f"triage:{finished.request}"
    return Draft(stream=event.stream, actor=ACTOR, at=at, fact=finished, key=key)
