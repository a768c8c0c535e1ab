"""How the report says times, durations and blanks."""

from datetime import datetime, timedelta, tzinfo

from bot.templating import Written

_MINUTE_S = 60
_HOUR_S = 3600


def blank(what: str) -> Written:
    """A place for a person to write; never filled by mx."""
    return Written(f"_to be filled in: {what}_")


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


def spans(seconds: int) -> str:
    """``in the last hour``, ``in the last 10 minutes``."""
    if seconds == _HOUR_S:
        return "in the hour"
    return f"in the {seconds // _MINUTE_S} minutes"
