"""Parts of the report: what was on and for how long, who did what, and the messages that people kept. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.events import Event
from bot.domain.incident import Incident
from bot.report_on import On, switched_on
from bot.report_people import people
from bot.report_words import clock_time, took, with_names

Names = Callable[[str], str]

_ACTS = 12
"""So many acts of one person are named; the report's timeline has each."""


@dataclass(frozen=True, slots=True)
class Switched:
    """A mitigation that was on: ``until`` is empty while it is."""

    says: str
    who: str
    since: str
    until: str
    lasted: str
    ended: str
    on: On


@dataclass(frozen=True, slots=True)
class Took:
    """Who took part: what they did, oldest first, and how much more of it there was."""

    name: str
    acts: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A message that somebody put on the timeline."""

    at: datetime
    time: str
    who: str
    text: str
    link: str
    note: str
    """By whom it was kept, and what became of it."""


def switched(history: Sequence[Event], *, zone: ZoneInfo, now: datetime, names: Names) -> Iterator[Switched]:
    """Everything that was on."""
    for one in switched_on(history):
        yield Switched(
            one.lease.says,
            names(one.lease.owner),
            clock_time(one.since, zone),
            clock_time(one.until, zone) if one.until else "",
            took((one.until or now) - one.since),
            one.ended or "still on",
            one,
        )


def took_part(history: Sequence[Event], *, zone: ZoneInfo, names: Names) -> Iterator[Took]:
    """Everybody who took part."""
    for person in people(history, names):
        shown = tuple(
            f"{clock_time(act.at, zone)} {with_names(act.says, names)}" for act in person.acts[:_ACTS]
        )
        yield Took(person.name, shown, len(person.acts) - len(shown))


def kept(incident: Incident, *, zone: ZoneInfo, names: Names) -> Iterator[KeptLine]:
    """The messages that are on the timeline, in the order in which they were said."""
    for one in sorted(incident.notebook.kept, key=lambda one: one.fact.said_at):
        if one.removed == "unkept":
            continue
        note = f"kept by {names(one.kept_by)}"
        note += f", edited at {clock_time(one.edited_at, zone)}" if one.edited_at else ""
        note += ", deleted in Slack since" if one.removed else ""
        files = f" [{', '.join(file.title for file in one.fact.files)}]" if one.fact.files else ""
        said = one.fact.said_at
        yield KeptLine(
            said,
            clock_time(said, zone),
            names(one.fact.author),
            one.text + files,
            one.fact.permalink or "",
            note,
        )
