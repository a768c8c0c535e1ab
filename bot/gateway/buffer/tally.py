"""How many writes are where: counted along with every change, so that no request has to ask the disk. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

Place = Literal["waiting", "sending", "delivered", "rejected", "unknown", "parked", "dropped"]
"""A write's state, with ``parked`` for those of unknown fate that a person must decide about."""

_HELD = ("waiting", "sending", "unknown", "parked")


@dataclass(slots=True)
class Tally:
    """The counts of one file; one process at a time changes them."""

    places: dict[Place, int] = field(default_factory=dict)
    held_bytes: int = 0
    """Bytes of bodies that are not settled."""
    oldest: datetime | None = None
    """When the oldest waiting write came."""
    arriving: int = 0
    """Writes that are just being written down."""
    arriving_bytes: int = 0
    stuck: bool = False
    """All that waits stands behind a parked write of its own entity."""
    blocked: dict[str, int] = field(default_factory=dict)
    """Entities with parked writes, and how many."""

    def of(self, place: Place) -> int:
        """How many are there."""
        return self.places.get(place, 0)

    @property
    def moving(self) -> bool:
        """Whether a replay has, or will have, something to do without a person's decision."""
        waiting = 0 if self.stuck else self.of("waiting")
        return bool(self.arriving or waiting or self.of("sending") or self.of("unknown"))

    def added(self, *, entity: str, size: int, at: datetime) -> None:
        """One more waits."""
        self.stuck = entity in self.blocked and (self.stuck or not self.of("waiting"))
        self._count("waiting", 1, size)
        self.oldest = self.oldest or at

    def moved(self, was: Place, to: Place, *, entity: str, size: int) -> None:
        """One went from here to there."""
        self._count(was, -1, size)
        self._count(to, 1, size)
        for place, step in ((was, -1), (to, 1)):
            if place == "parked":
                self.blocked[entity] = self.blocked.get(entity, 0) + step
                if not self.blocked[entity]:
                    del self.blocked[entity]
        if was == "parked" or to == "waiting":
            self.stuck = False

    def forgotten(self, place: Place, count: int) -> None:
        """So many settled ones were deleted."""
        self.places[place] = self.of(place) - count

    def json(self) -> dict[str, JsonValue]:
        """The counts as the contract shows them."""
        return {
            "waiting": self.of("waiting"),
            "sending": self.of("sending"),
            "delivered": self.of("delivered"),
            "rejected": self.of("rejected"),
            "unknown": self.of("unknown") + self.of("parked"),
        }

    def _count(self, place: Place, step: int, size: int) -> None:
        self.places[place] = self.of(place) + step
        if place in _HELD:
            self.held_bytes += step * size
