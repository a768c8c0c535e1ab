"""Traffic truth: what passed the gateway, by time, lane and outcome, for one hour; kept in memory only."""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

HOUR_S = 3600
RECENT_S = 60
_FINE_S = 120
_TICKS = 10
"""Parts of a second that the last two minutes are kept in."""
_MOST_LANES = 100
"""Lanes told apart; jobs beyond that (by ``X-MX-Job``) are counted as ``other``."""

Kind = Literal["answered", "limited", "failed", "refused", "buffered", "stale", "replayed"]
"""``answered`` by MaintainX, with its status; ``limited``, ``failed`` and ``refused`` by the gateway itself:
held back (rate, budget, paused), no answer to be had (the phase), not fit to be forwarded (the status)."""

Key = tuple[str, Kind, str]


class Traffic:
    """Counts each request once, under its lane and its outcome. Bounded: an hour, 100 lanes.

    The last two minutes are kept by tenths of a second, since a verification watches short windows; what is older
    by seconds.
    """

    def __init__(self) -> None:
        self._fine: deque[tuple[int, dict[Key, int]]] = deque()
        self._coarse: deque[tuple[int, Counter[Key]]] = deque()
        self._tick = -1
        self._now: dict[Key, int] = {}
        self._lanes: set[str] = set()
        self._ever: Counter[Key] = Counter()

    def note(self, lane: str, kind: Kind, what: str, *, now: float) -> None:
        """One request is settled. ``what`` is the status, the cause or the phase; ``now`` is monotonic seconds."""
        tick = int(now * _TICKS)
        if tick != self._tick:
            self._roll(tick)
        if lane not in self._lanes:
            if len(self._lanes) >= _MOST_LANES:
                lane = "other"
            self._lanes.add(lane)
        key = (lane, kind, what)
        self._now[key] = self._now.get(key, 0) + 1

    def seen(self, lane: str) -> bool:
        """Whether a request of this lane passed since the start."""
        return lane in self._lanes

    def window(self, window_s: float, *, now: float) -> dict[str, JsonValue]:
        """The JSON of the last ``window_s`` seconds."""
        return _view(self._sum(window_s, now), window_s)

    def ever(self) -> Mapping[Key, int]:
        """Counts since the start, for counters that must only rise."""
        total = Counter(self._ever)
        total.update(self._now)
        return total

    def _roll(self, tick: int) -> None:
        self._ever.update(self._now)
        while self._fine and self._fine[0][0] <= tick - _FINE_S * _TICKS:
            old, counts = self._fine.popleft()
            if not self._coarse or self._coarse[-1][0] != old // _TICKS:
                self._coarse.append((old // _TICKS, Counter()))
            self._coarse[-1][1].update(counts)
        while self._coarse and self._coarse[0][0] < tick // _TICKS - HOUR_S:
            self._coarse.popleft()
        self._tick, self._now = tick, {}
        self._fine.append((tick, self._now))

    def _sum(self, window_s: float, now: float) -> Counter[Key]:
        found: Counter[Key] = Counter()
        since = now - window_s
        for ring, ticks in ((self._fine, _TICKS), (self._coarse, 1)):
            for tick, counts in reversed(ring):
                if tick < int(since * ticks):
                    break
                for key, count in counts.items():
                    found[key] += count
        return found


def _view(counts: Mapping[Key, int], window_s: float) -> dict[str, JsonValue]:
    by_status: Counter[str] = Counter()
    lanes: dict[str, Counter[str]] = {}
    own: dict[Kind, Counter[str]] = {"limited": Counter(), "failed": Counter(), "refused": Counter()}
    held: dict[str, Counter[str]] = {}
    for (lane, kind, what), count in sorted(counts.items()):
        if kind == "answered":
            by_status[what] += count
            lanes.setdefault(lane, Counter())[what] += count
        elif kind in own:
            own[kind][what] += count
            if kind == "limited":
                held.setdefault(lane, Counter())[what] += count
    return {
        "window_s": window_s,
        "total": sum(counts.values()),
        "by_status": dict(by_status),
        "lanes": {lane: dict(statuses) for lane, statuses in lanes.items()},
        **{kind: dict(causes) for kind, causes in own.items()},
        "limited_by_lane": {lane: dict(causes) for lane, causes in held.items()},
    }
