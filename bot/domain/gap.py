"""A gap: a window in which data may have been missed, per entity and direction, until it is shown to be closed. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

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
    """None: it may go on."""
    says: str = ""
    """From where its beginning is known."""

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


def after(gaps: tuple[Gap, ...], noted: Iterable[Gap], settled: Iterable[GapEnd]) -> tuple[Gap, ...]:
    """The open gaps after these were noted and those were looked for."""
    closed = {end.gap for end in settled if end.closed}
    by_id = {gap.id: gap for gap in (*gaps, *noted)}
    return tuple(gap for gap in by_id.values() if gap.id not in closed)
