"""Who did what in an incident: the acts of people among its facts. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from bot.domain.events import Event, TriageFinished
from bot.domain.notebook import (
    ActionAdded,
    ActionChanged,
    ActionTicked,
    KeptMessageChanged,
    KeptMessageRemoved,
)
from bot.domain.showing import ReportRequested
from bot.domain.words import sentence

_PEOPLE = ("slack:", "cli:", "pagerduty:")
"""How the names of actors begin that are somebody."""
_NO_ACT = (
    TriageFinished,
    ReportRequested,
    ActionAdded,
    ActionChanged,
    ActionTicked,
    KeptMessageChanged,
    KeptMessageRemoved,
)
"""What is written in somebody's name and is no act in the incident."""


class Act(NamedTuple):
    """One thing that one person did."""

    at: datetime
    actor: str
    says: str


class Person(NamedTuple):
    """One person, and how much they did."""

    name: str
    first: datetime
    acts: tuple[Act, ...]


def is_person(actor: str) -> bool:
    """Whether this actor of the timeline is somebody, and not mx, the gateway or MaintainX."""
    return actor.startswith(_PEOPLE)


def acts(history: Sequence[Event]) -> tuple[Act, ...]:
    """Every act of a person, oldest first."""
    found = [
        Act(event.at, event.actor, sentence(event.fact))
        for event in history
        if is_person(event.actor) and not isinstance(event.fact, _NO_ACT)
    ]
    return tuple(sorted(found, key=lambda one: one.at))


def people(history: Sequence[Event], names: Callable[[str], str]) -> tuple[Person, ...]:
    """Who took part, whoever came first at the top."""
    found: dict[str, list[Act]] = {}
    for one in acts(history):
        found.setdefault(one.actor, []).append(one)
    return tuple(Person(names(actor), did[0].at, tuple(did)) for actor, did in found.items())
