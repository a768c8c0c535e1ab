"""Lengths of time as people type them: ``30m``, ``1h30m``, ``90`` (minutes). Pure."""

import re
from datetime import timedelta

from bot.errors import Refused

SHORTEST = timedelta(minutes=5)
LONGEST = timedelta(hours=8)

_SPAN = re.compile(r"(?:(?P<hours>\d{1,4})h)?(?:(?P<minutes>\d{1,4})(?:m|min)?)?", re.IGNORECASE | re.ASCII)
_EXAMPLES = "such as 30m, 1h30m or 90 (minutes)"


def span(text: str) -> timedelta:
    """How long is meant, from 5 minutes to 8 hours. Raises Refused with what to type."""
    typed = text.strip()
    found = _SPAN.fullmatch(typed)
    if found is None or not typed:
        raise Refused(f"{typed[:40] or 'Nothing'} is no length of time: type one {_EXAMPLES}.")
    length = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    if not SHORTEST <= length <= LONGEST:
        raise Refused(
            f"Quiet may last from 5 minutes to 8 hours, and {typed} is not: type a time {_EXAMPLES}."
        )
    return length
