"""How the report says times, durations and blanks."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from markupsafe import escape

from bot.templating import Written

_MINUTE_S = 60
_HOUR_S = 3600
_ACTOR = re.compile(r"\bslack:[UW][A-Z0-9]{1,30}\b")


class Blank(Written):
    """A place for a person to write, the same in every format; never filled by mx."""

    __slots__ = ()

    def __html__(self) -> str:
        """The same for a page."""
        return f'<em class="blank">{escape(self.strip("_"))}</em>'


def blank(what: str) -> Blank:
    """A place for a person to write; never filled by mx."""
    return Blank(f"_to be filled in: {what}_")


def with_names(text: str, names: Callable[[str], str]) -> str:
    """A sentence of the timeline with people's names in place of ``slack:U123``."""
    return _ACTOR.sub(lambda found: names(found[0]), text)


def clock_time(at: datetime, zone: tzinfo) -> str:
    """``02:14``, in the report's zone, which the report names."""
    return f"{at.astimezone(zone):%H:%M}"


def duration(began: datetime, ended: datetime | None, *, now: datetime) -> str:
    """``26 hours 3 minutes``; an incident that is open lasts until now."""
    said = hours_and_minutes((ended or now) - began)
    return said if ended else f"ongoing, {said} so far"


def hours_and_minutes(span: timedelta) -> str:
    """Whole minutes, days counted as hours."""
    hours, minutes = divmod(max(0, int(span.total_seconds())) // _MINUTE_S, 60)
    return f"{hours} hour{'' if hours == 1 else 's'} {minutes} minute{'' if minutes == 1 else 's'}"


def took(span: timedelta) -> str:
    """``40 seconds``, ``4 minutes``, ``2 hours 15 minutes``: short for what is short."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < _MINUTE_S:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    if seconds < _HOUR_S:
        minutes = seconds // _MINUTE_S
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return hours_and_minutes(span)


def spans(seconds: int) -> str:
    """``in the last hour``, ``in the last 10 minutes``."""
    if seconds == _HOUR_S:
        return "in the hour"
    return f"in the {seconds // _MINUTE_S} minutes"
