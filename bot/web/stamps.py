"""A point in time as a page shows it: exact for machines, in the team's zone for people, with its day where that is another."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import NamedTuple


class Stamp(NamedTuple):
    """One time; ``day`` is empty on the day that goes without saying."""

    iso: str
    text: str
    day: str


@dataclass(frozen=True, slots=True)
class Stamps:
    """Makes them for one page."""

    zone: tzinfo
    today: date
    """The day that goes without saying: the incident's first."""

    def __call__(self, at: datetime) -> Stamp:
        """To the second."""
        return self._made(at, f"{at.astimezone(self.zone):%H:%M:%S}")

    def short(self, at: datetime) -> Stamp:
        """To the minute, with the zone."""
        return self._made(at, f"{at.astimezone(self.zone):%H:%M %Z}")

    def _made(self, at: datetime, text: str) -> Stamp:
        local = at.astimezone(self.zone)
        day = "" if local.date() == self.today else f"{local:%a} {local.day} {local:%b}"
        return Stamp(at.astimezone(UTC).isoformat(timespec="seconds"), text, day)
