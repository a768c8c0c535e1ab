"""Since when data may be missing, by the best evidence there is, and in which words that is told. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.gap import Direction
from bot.domain.incident import Incident

MARGIN = timedelta(seconds=300)
"""So much earlier a gap begins than the last that is known to have come: clocks differ, and rows come late."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Since when, from where that is known, and when it first failed."""

    at: datetime
    says: str
    failed_at: datetime | None = None


def began(about: Incident | None, now: datetime) -> tuple[datetime, str]:
    """When it first failed, as far as the incident knows: by the monitor, by who asked first, else its opening."""
    if about is None:
        return now, "now"
    known = (
        (about.failing_since, "the first failed round"),
        (about.requested_at, "when the first triage was asked for"),
    )
    for at, says in known:
        if at is not None and at < about.opened_at:
            return at, says
    return about.opened_at, "when the incident was opened"


def beginning(
    good: datetime | None, direction: Direction, *, failed: tuple[datetime, str], margin: timedelta = MARGIN
) -> Begin:
    """From the gateway's last good answer where that was before the first failure, else from the failure itself."""
    at, what = failed
    if good is not None and good <= at:
        says = f"{_last(direction)} at the gateway before the incident"
        return Begin(good - margin, told(says, good, margin), at)
    says = f"{told(what, at, margin)}; the gateway knows of no good answer before it"
    return Begin(at - margin, says, at)


def stopped(good: datetime, direction: Direction) -> Begin:
    """From the last that the gateway saw come through, where that was after the first failure."""
    says = f"{_last(direction)} at the gateway before no more came through"
    return Begin(good - MARGIN, told(says, good, MARGIN), good)


def told(what: str, at: datetime, margin: timedelta) -> str:
    """``when the incident was opened (11:30 UTC), 5 minutes earlier``."""
    seconds = margin.total_seconds()
    span = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"  # noqa: PLR2004 - two minutes
    return f"{what} ({at:%H:%M} UTC)" + (f", {span} earlier" if margin else "")


def _last(direction: Direction) -> str:
    return "the last good answer" if direction == "in" else "the last write that was taken"
