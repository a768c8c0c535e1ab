"""Which paths are called, by whom, and what MaintainX answers: an hour by the minute, bounded."""

import re
from collections import Counter

from pydantic import JsonValue

HOUR_MINUTES = 60
MOST_SHOWN = 200
OTHER = "other"
"""The path of what is beyond the bounds."""

_MOST_OF_A_MINUTE = 400
_MOST_FRESH = 500
_LONGEST = 200
_NUMBER = re.compile(r"/(?:\d+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[^/]{40,})(?=/|$)")

Call = tuple[str, str, str, int]
"""Method, path, lane and status."""


class Called:
    """Counts answered requests by method, path with ``{id}`` for numbers, lane and status."""

    def __init__(self) -> None:
        self._fresh: Counter[Call] = Counter()
        self._minute = 0
        self._minutes: dict[int, Counter[Call]] = {}

    def note(self, method: str, target: str, lane: str, status: int, *, now: float) -> None:
        """One request was answered. ``now`` is monotonic seconds. On the request's way, so it only counts."""
        minute = int(now // 60)
        if minute != self._minute or len(self._fresh) >= _MOST_FRESH:
            self._settle()
            self._minute = minute
        self._fresh[method, target, lane, status] += 1

    def json(self, *, now: float) -> dict[str, JsonValue]:
        """The last hour, the most called first; what is beyond 200 rows is added up by lane as ``other``."""
        self._settle()
        self._forget(int(now // 60))
        found: dict[tuple[str, str, str], Counter[str]] = {}
        for counts in self._minutes.values():
            for (method, path, lane, status), count in counts.items():
                found.setdefault((method, path, lane), Counter())[str(status)] += count
        rows = sorted(found.items(), key=lambda row: (row[0][1] == OTHER, -row[1].total(), row[0]))
        rest: dict[str, Counter[str]] = {}
        for (_, _, lane), statuses in rows[MOST_SHOWN:]:
            rest.setdefault(lane, Counter()).update(statuses)
        shown = rows[:MOST_SHOWN] + [(("*", OTHER, lane), statuses) for lane, statuses in rest.items()]
        return {
            "window_s": HOUR_MINUTES * 60,
            "paths": [
                {"method": method, "path": path, "lane": lane, "by_status": dict(sorted(statuses.items()))}
                for (method, path, lane), statuses in shown
            ],
        }

    def _settle(self) -> None:
        if not self._fresh:
            return
        counts = self._minutes.setdefault(self._minute, Counter())
        for (method, target, lane, status), count in self._fresh.items():
            call = (method, template(target), lane, status)
            if call not in counts and len(counts) >= _MOST_OF_A_MINUTE:
                call = ("*", OTHER, OTHER, status)
            counts[call] += count
        self._fresh.clear()
        self._forget(self._minute)

    def _forget(self, minute: int) -> None:
        for old in [known for known in self._minutes if known <= minute - HOUR_MINUTES]:
            del self._minutes[old]


def template(target: str) -> str:
    """The path of a request's target, with ``{id}`` in the place of numbers, UUIDs and very long segments."""
    path = target.partition("?")[0].partition("#")[0]
    return _NUMBER.sub("/{id}", path[: 4 * _LONGEST])[:_LONGEST]
