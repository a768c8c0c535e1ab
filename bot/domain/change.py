"""What somebody changed at MaintainX: as it is kept, which of it is recent, and in which words it is told. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from bot.domain.telling import about, hour

RECENT = timedelta(days=1)
"""How long before a failure a change may be its cause."""
KEY_ENDED = frozenset(("API_TOKEN_REVOKED", "USER_REMOVED"))
"""After these a key is rejected, if it was that one."""
KEY_LESS = frozenset(("USER_ROLE_CHANGED", "USER_PERMISSIONS_CHANGED", "ROLE_UPDATED", "ROLE_ARCHIVED"))
"""After these a key's user may do less."""


class Change(NamedTuple):
    """What somebody changed at MaintainX, as its audit webhooks told it."""

    at: datetime
    event: str
    says: str
    delivery: str = ""
    """The gateway's id of the delivery that told it."""


def recent(changes: Iterable[Change], at: datetime) -> tuple[Change, ...]:
    """Those of the day before, each delivery once, oldest first."""
    once = {(one.delivery, one.event, one.at): one for one in changes if timedelta() <= at - one.at <= RECENT}
    return tuple(sorted(once.values(), key=lambda one: one.at))


def told(change: Change, *, failed_at: datetime, what: str = "it first failed", zone: tzinfo = UTC) -> str:
    """``user 7 revoked an API token at 02:58 UTC, 4 minutes before the first 401``."""
    gap_s = (failed_at - change.at).total_seconds()
    span, side = about(abs(gap_s)).removeprefix("about "), "before" if gap_s >= 0 else "after"
    return f"{change.says} at {hour(change.at, zone)}, {span} {side} {what}"
