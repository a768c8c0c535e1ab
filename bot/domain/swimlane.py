"""How each probe fared over time, and what passed the gateway: stretches and counts for the picture. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.events import Assessed, Event
from bot.domain.incident import Incident
from bot.domain.readings import Status

SILENT = timedelta(minutes=12)
"""After so long without a round nothing is known: twice the slow pace of the monitor, and a little."""
SHORTEST_S = 30.0
"""A stretch of traffic that is shorter belongs to the one before it."""
MOST_COUNTS = 240
"""So many stretches of traffic are kept; where there are more, neighbours become one."""


class Look(NamedTuple):
    """One round or assessment: when, and how each probe (its kind and target) fared."""

    at: datetime
    statuses: Mapping[tuple[str, str], Status]


class Stretch(NamedTuple):
    """A time in which a probe fared the same."""

    probe: str
    target: str
    status: Status
    since: datetime
    until: datetime


class Counted(NamedTuple):
    """What passed the gateway in a stretch of time, by what became of it."""

    since: datetime
    until: datetime
    ok: int = 0
    """Answered by MaintainX with less than 400."""
    client: int = 0
    """Answered with 4xx, 429 apart."""
    limited: int = 0
    """Answered with 429."""
    server: int = 0
    """Answered with 5xx."""
    lost: int = 0
    """Sent towards MaintainX without an answer."""
    buffered: int = 0
    """Writes that the gateway kept to deliver them later."""
    held: int = 0
    """Requests that the gateway itself held back."""

    @property
    def failed(self) -> int:
        """Requests that MaintainX did not serve: 429, 5xx, no answer."""
        return self.limited + self.server + self.lost

    @property
    def total(self) -> int:
        """Every request of the integration."""
        return self.ok + self.client + self.failed + self.buffered + self.held

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.until - self.since).total_seconds()


class Swimlane(NamedTuple):
    """All that the picture of one incident needs beside its timeline."""

    stretches: tuple[Stretch, ...] = ()
    traffic: tuple[Counted, ...] = ()
    """What is counted; where mx was away, nothing is."""

    def until(self, at: datetime) -> "Swimlane":
        """What was known by then."""
        return Swimlane(
            tuple(one._replace(until=min(one.until, at)) for one in self.stretches if one.since < at),
            tuple(one for one in self.traffic if one.until <= at),
        )


def began(incident: Incident) -> datetime:
    """When it began, as far as mx knows: the first bad round, else when somebody asked, else its opening."""
    asked = min(incident.requested_at or incident.opened_at, incident.opened_at)
    return min(incident.failing_since or asked, asked)


def assessed(history: Iterable[Event]) -> Sequence[Look]:
    """The looks that the timeline itself holds: every assessment with its readings."""
    return [
        Look(
            event.fact.assessment.at,
            {(one.probe, one.target): one.status for one in event.fact.assessment.readings},
        )
        for event in history
        if isinstance(event.fact, Assessed)
    ]


def stretches(looks: Iterable[Look], *, until: datetime) -> tuple[Stretch, ...]:
    """Looks as stretches: each holds until the next look at the same probe, at most so long as one is waited for."""
    found: dict[tuple[str, str], list[Stretch]] = {}
    for look in sorted(looks, key=lambda one: one.at):
        for key, status in look.statuses.items():
            row = found.setdefault(key, [])
            if row and look.at <= row[-1].since:
                continue
            if row:
                row[-1] = row[-1]._replace(until=min(look.at, row[-1].until))
            end = min(look.at + SILENT, max(until, look.at))
            row.append(Stretch(*key, status, look.at, end))
    return tuple(one for row in found.values() for one in _merged(row))


def joined(was: Sequence[Stretch], more: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Earlier stretches with later ones behind them, row by row; where both know a time, the later ones do."""
    rows: dict[tuple[str, str], list[Stretch]] = {}
    for one in was:
        rows.setdefault((one.probe, one.target), []).append(one)
    for key in {(one.probe, one.target) for one in more}:
        new = [one for one in more if (one.probe, one.target) == key]
        begins = min(one.since for one in new)
        old = [one._replace(until=min(one.until, begins)) for one in rows.get(key, ())]
        rows[key] = [*(one for one in old if one.since < begins), *new]
    return tuple(one for row in rows.values() for one in _merged(row))


def with_counted(was: Sequence[Counted], more: Counted) -> tuple[Counted, ...]:
    """The counts with these behind them; of too many, neighbours are added up, and so is what is too short for a rate."""
    short = bool(was) and more.seconds < SHORTEST_S
    counts = [*was[:-1], _sum(was[-1], more)] if short else [*was, more]
    if len(counts) <= MOST_COUNTS:
        return tuple(counts)
    halved = [_sum(*counts[index : index + 2]) for index in range(0, len(counts) - 1, 2)]
    return (*halved, *counts[len(halved) * 2 :])


def _sum(one: Counted, other: Counted) -> Counted:
    added = [a + b for a, b in zip(one[2:], other[2:], strict=True)]
    return Counted(one.since, other.until, *added)


def _merged(row: Sequence[Stretch]) -> list[Stretch]:
    """Neighbours of one status as one."""
    made: list[Stretch] = []
    for one in row:
        if made and made[-1].status is one.status and made[-1].until >= one.since:
            made[-1] = made[-1]._replace(until=max(made[-1].until, one.until))
        else:
            made.append(one)
    return made
