"""When the team works: time zone, hours, days and holidays, and the next moment at which it opens. Pure."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.assessment import Severity

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_CLOSED = 366
"""Days that are looked through for one that is open."""

RESPONSE = {
    Severity.SEV1: timedelta(minutes=15),
    Severity.SEV2: timedelta(hours=1),
    Severity.SEV3: timedelta(hours=4),
}
"""Within what somebody must have answered, by day and night; SEV-4: the next business day, when it opens."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The team's business days. ``closed`` holds its holidays; days are counted from Monday, 0."""

    zone: ZoneInfo
    opens: time = time(9)
    closes: time = time(17)
    days: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    closed: Container[date] = frozenset()

    def business_day(self, day: date) -> bool:
        """Whether the team works that day."""
        return day.weekday() in self.days and day not in self.closed

    def next_business_day(self, at: datetime) -> datetime:
        """When the team opens on the first business day after the day of ``at``, in UTC."""
        day = at.astimezone(self.zone).date()
        for _ in range(_LONGEST_CLOSED):
            day += timedelta(days=1)
            if self.business_day(day):
                break
        return datetime.combine(day, self.opens, tzinfo=self.zone).astimezone(UTC)

    def last_opening(self, before: datetime) -> datetime | None:
        """When the team last opened before this time, in UTC; None where it did not in a year."""
        day = before.astimezone(self.zone).date() + timedelta(days=1)
        for _ in range(_LONGEST_CLOSED):
            day -= timedelta(days=1)
            opening = datetime.combine(day, self.opens, tzinfo=self.zone).astimezone(UTC)
            if self.business_day(day) and opening < before:
                return opening
        return None

    def open_at(self, at: datetime) -> bool:
        """Whether it is business hours."""
        local = at.astimezone(self.zone)
        return self.business_day(local.date()) and self.opens <= local.time() < self.closes


def response_due(severity: Severity, at: datetime, *, calendar: Calendar) -> datetime:
    """By when somebody must have answered, in UTC: 15 minutes, 1 hour, 4 hours, or the next business day's opening."""
    within = RESPONSE.get(severity)
    return at + within if within is not None else calendar.next_business_day(at)
