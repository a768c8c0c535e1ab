"""How times, spans and counts are said: "14:05 UTC", "about 3 minutes", "1 write". Pure."""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from difflib import get_close_matches

_IN_SECONDS = 90
_IN_MINUTES = 120
_NAMED = 8


def hour(at: datetime, zone: tzinfo) -> str:
    """The time of day as people of this zone say it: "14:05 UTC"."""
    return f"{at.astimezone(zone):%H:%M %Z}"


def moment(at: datetime, zone: tzinfo, *, beside: datetime) -> str:
    """The same, with the weekday and date where it is another day than ``beside``: "Mon 23 Nov 09:00 UTC"."""
    local = at.astimezone(zone)
    return f"{local:%a %d %b %H:%M %Z}" if local.date() != beside.astimezone(zone).date() else hour(at, zone)


def about(seconds: float) -> str:
    """A length of time to plan by: "about 40 s", "about 3 minutes", "about 2 hours"."""
    if seconds < _IN_SECONDS:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes < _IN_MINUTES else f"about {round(minutes / 60)} hours"


def writes(count: int) -> str:
    """Writes counted: "1 write", "137 writes"."""
    return f"{count} write{'' if count == 1 else 's'}"


def waits(count: int, what: str = "") -> str:
    """Writes that wait: "1 write waits", "4 writes of unknown fate wait"."""
    return f"{writes(count)}{what and ' ' + what} wait{'s' if count == 1 else ''}"


def each(seconds: float) -> str:
    """An interval as it was set: "30 s", "5 min"."""
    return f"{seconds / 60:g} min" if seconds >= _IN_MINUTES else f"{seconds:g} s"


def some(names: Iterable[str], *, like: str = "") -> str:
    """Names in a row; of very many the first few, or those most like a mistyped one, and how many more there are."""
    known = sorted(names)
    if len(known) <= _NAMED:
        return ", ".join(known)
    shown = (get_close_matches(like, known, n=3) if like else []) or known[:_NAMED]
    return f"{', '.join(shown)} and {len(known) - len(shown)} more"
