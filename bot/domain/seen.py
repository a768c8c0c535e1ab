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
        before = was.get(path, _NEVER)
        now[path] = Seen(before.good_at, before.bad_since or found.at, path in found.limited)
    return now
