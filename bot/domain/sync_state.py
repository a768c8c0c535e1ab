"""The integration's own record of its last sync: read from its JSON, and judged by its age. Pure."""

import json
from datetime import UTC, datetime, timedelta

from bot.domain.readings import Reading, Status, SyncDetail
from bot.domain.telling import about

FILE_BYTES = 65536
"""What is larger than this is not such a record."""
_AHEAD = timedelta(minutes=5)
"""So far the clocks of two machines may differ."""
_NEVER = timedelta(days=2)
"""So near to 1970 the time is a record's first value, in whatever zone."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unreadable(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """The record cannot be read; the text says why, as the end of a sentence about it."""


def last_sync(found: bytes) -> datetime:
    """``lastSyncAt`` of such a record, in UTC. Raises Unreadable."""
    if len(found) > FILE_BYTES:
        raise Unreadable(f"it is larger than {FILE_BYTES // 1024} KiB, so it is not a sync's record")
    if not found.strip():
        raise Unreadable("it is empty")
    try:
        value = json.loads(found.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise Unreadable("its JSON is broken or breaks off, as when a sync died while it wrote it") from None
    text = value.get("lastSyncAt") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise Unreadable('it holds no "lastSyncAt" with a time')
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable('its "lastSyncAt" is not a time of the form 2026-11-23T02:40:00Z') from None


def judged(at: datetime, *, file: str, now: datetime, stale_s: float) -> Reading:
    """The reading of a record whose last sync was then: old is failing, ahead of our clock is not believed."""
    if at - now > _AHEAD:
        says = (
            f"{file} says that the last sync was on {_moment(at)}, {about((at - now).total_seconds())} ahead of mx's "
            "clock: compare both machines' clocks (`date -u`)"
        )
        return reading(Status.UNKNOWN, says)
    never = at - _EPOCH < _NEVER
    age_s = max(0.0, (now - at).total_seconds())
    detail = SyncDetail(file=file, last_sync_at=at, age_s=age_s, stale_s=stale_s, never=never)
    if never:
        says = f"{file} still holds its first value ({_moment(at)}): no sync has ended well since it was made"
    elif detail.stale:
        says = (
            f"the last sync ended {about(age_s)} ago by its own word ({_moment(at)}); "
            f"{about(stale_s).removeprefix('about ')} are allowed"
        )
    else:
        says = (
            f"the last sync ended {about(age_s)} ago by its own word ({_moment(at)}), which alone does not prove that "
            "data came"
        )
    return reading(Status.FAILING if detail.stale else Status.OK, says, detail)


def reading(status: Status, says: str, detail: SyncDetail | None = None) -> Reading:
    """A reading of the record."""
    return Reading(probe="sync", target="sync state", status=status, says=says, detail=detail)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
