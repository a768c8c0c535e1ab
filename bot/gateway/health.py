"""How the way to MaintainX fares: the last answer, the last good one of each collection, the last errors."""

import re
from collections import deque
from datetime import datetime

from pydantic import JsonValue

from bot.gateway.upstream import Lost
from bot.ports import Clock

_KEPT = 5
_COLLECTION = re.compile(r"/v1(/[a-z]{1,40})(?![A-Za-z0-9_-])")
_MOST_COLLECTIONS = 50


class Health:
    """Remembers what the upstream did lately; shown in ``/-/status``."""

    def __init__(self, host: str, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._answered: float | None = None
        self._in_a_row = 0
        self._errors: deque[tuple[datetime, Lost]] = deque(maxlen=_KEPT)
        self._good: dict[str, dict[str, datetime]] = {}

    def answered(self, now: float) -> None:
        """MaintainX answered, whatever the status."""
        self._answered = now
        self._in_a_row = 0

    def good(self, method: str, target: str) -> None:
        """MaintainX answered 2xx: what was read came in, what was written went out. Kept until the restart."""
        collection = _COLLECTION.match(target)
        if collection and (collection[1] in self._good or len(self._good) < _MOST_COLLECTIONS):
            direction = "in" if method in ("GET", "HEAD") else "out"
            self._good.setdefault(collection[1], {})[direction] = self._clock.now()

    def failed(self, lost: Lost) -> None:
        """There was no answer, or not a whole one."""
        self._errors.append((self._clock.now(), lost))
        self._in_a_row += 1

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``: newest error first."""
        errors: list[JsonValue] = [
            {"at": at.isoformat(), "phase": lost.phase, "says": str(lost)}
            for at, lost in reversed(self._errors)
        ]
        ago = None if self._answered is None else round(self._clock.monotonic() - self._answered, 3)
        return {
            "host": self._host,
            "last_answer_s_ago": ago,
            "failures_in_a_row": self._in_a_row,
            "last_error": errors[0] if errors else None,
            "errors": errors,
            "last_good": {
                collection: {direction: at.isoformat() for direction, at in seen.items()}
                for collection, seen in self._good.items()
            },
        }
