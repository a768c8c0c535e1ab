"""A gap: a window in which data may have been missed, per entity and direction, until it is shown to be closed. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Literal, NamedTuple

from bot.domain.readings import Frozen

Direction = Literal["in", "out"]
"""``in``: from MaintainX to the integration; ``out``: the integration's writes."""


class Gap(Frozen):
    """Data of ``entity`` (a collection's path) that may have been missed since ``since``; open until it is filled."""

    id: str
    entity: str
    direction: Direction
    since: datetime
    until: datetime | None = None
    """When there was a good answer again; None: it may go on."""
    says: str = ""
    """From where its beginning is known."""
    failed_at: datetime | None = None
    """The first failed round of it; only a good answer after that ends it."""

    @property
    def name(self) -> str:
        """What it is about, in two words."""
        return f"{self.entity.strip('/')} {'from' if self.direction == 'in' else 'to'} MaintainX"


class GapEnd(Frozen):
    """What the look for a gap's data came to: how much there should be, how much is there, how much is not."""

    gap: str
    expected: int
    found: int
    missing: int
    says: str

    @property
    def closed(self) -> bool:
        """Nothing is missing; only then is the gap closed."""
        return self.missing == 0


class ClosedGap(NamedTuple):
    """A gap that is open no longer: filled, with the counts, or accepted by a person, with the reason."""

    gap: Gap
    at: datetime
    actor: str
    how: Literal["filled", "accepted"]
    says: str


def after(gaps: tuple[Gap, ...], noted: Iterable[Gap], settled: Iterable[GapEnd]) -> tuple[Gap, ...]:
    """The open gaps after these were noted and those were looked for.

    Of one entity and direction there is one open gap: noted anew, by whomever, it is that one, and may only grow.
    """
    open_now = {(gap.entity, gap.direction): gap for gap in gaps}
    for gap in noted:
        was = open_now.get((gap.entity, gap.direction))
        open_now[gap.entity, gap.direction] = gap if was is None else _grown(was, gap)
    closed = {end.gap for end in settled if end.closed}
    return tuple(gap for gap in open_now.values() if gap.id not in closed)


def _grown(was: Gap, gap: Gap) -> Gap:
    earlier = gap if gap.since < was.since else was
    return gap.model_copy(update={"id": was.id, "since": earlier.since, "says": earlier.says})


def told(gaps: Iterable[Gap], zone: tzinfo = UTC) -> str:
    """The windows in words, those that are alike told together: "users, assets from MaintainX since … UTC"."""
    found: dict[tuple[Direction, str], list[str]] = {}
    for gap in gaps:
        found.setdefault((gap.direction, window(gap, zone)), []).append(gap.entity.strip("/"))
    return "; ".join(
        f"{', '.join(entities)} {'from' if direction == 'in' else 'to'} MaintainX {when}"
        for (direction, when), entities in found.items()
    )


def window(gap: Gap, zone: tzinfo = UTC) -> str:
    """From when until when: "2026-11-23 02:40 to 03:31 UTC", "since 2026-11-23 02:40 UTC" where it may go on."""
    since = gap.since.astimezone(zone)
    if gap.until is None:
        return f"since {since:%Y-%m-%d %H:%M %Z}"
    until = gap.until.astimezone(zone)
    day = "" if until.date() == since.date() else f"{until:%Y-%m-%d} "
    return f"{since:%Y-%m-%d %H:%M} to {day}{until:%H:%M %Z}"
