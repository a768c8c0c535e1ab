"""How each collection of the API answered mx from one assessment to the next. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from bot.domain.assessment import Assessment


class Seen(NamedTuple):
    """One collection: its latest good answer, and since when there has been none."""

    good_at: datetime | None = None
    bad_since: datetime | None = None
    """The first of the assessments in a row that had no good answer; None while it answers."""
    limited: bool = False
    """The latest had none for the rate limit alone."""


_NEVER = Seen()


def after(was: Mapping[str, Seen], found: Assessment) -> Mapping[str, Seen]:
    """What is known of each after one more assessment; of what that did not ask, what was known before."""
    if not (found.answered or found.unanswered or found.limited):
        return was
    now = dict(was)
    for path in found.answered:
        now[path] = Seen(good_at=found.at)
    for path in (*found.unanswered, *found.limited):
        before, limited = was.get(path, _NEVER), path in found.limited
        worse = before.limited and not limited  # some may have come through until now, and none do from here
        since = found.at if worse or before.bad_since is None else before.bad_since
        now[path] = Seen(before.good_at, since, limited)
    return now
