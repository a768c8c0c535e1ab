"""Traffic truth: what passed the gateway, by time, lane, fate and latency; the last hour is kept in memory."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from pydantic import JsonValue

from bot.gateway.called import Called
from bot.gateway.fates import Key, Kind
from bot.gateway.latency import placed
from bot.gateway.rings import Ring
from bot.gateway.traffic_view import view

HOUR_S = 3600
RECENT_S = 60
_FINE_S = 120
_TICKS = 10
"""Parts of a second that the last two minutes are kept in."""
_MOST_LANES = 100
"""Lanes told apart; jobs beyond that (by ``X-MX-Job``) are counted as ``other``."""
_MOST_SERIES = 10_000
"""Keys told apart, some megabytes; what comes beyond is ``other`` in lane and outcome."""
_OTHER = "other"
_UNTIMED = -1


class Traffic:
    """Counts each request under its lane, fate and latency. Bounded: an hour, 100 lanes, 10,000 series.

    The last two minutes are kept by tenths of a second, since a verification watches short windows; the hour by
    seconds. Older counts are on disk (``TrafficStore``).
    """

    def __init__(self) -> None:
        self._tick = 0
        self._until = 0.0
        self._now: dict[tuple[str, Kind, str], list[float]] = {}
        self._fine = Ring(_FINE_S * _TICKS)
        self._hour = Ring(HOUR_S)
        self._minutes = Ring(HOUR_S // 60)
        self._ever: Counter[int] = Counter()
        self._unsaved: Counter[int] = Counter()
        self._answer_ms: dict[str, float] = {}
        self._lanes: set[str] = set()
        self._numbers: dict[Key, int] = {}
        self._keys: list[Key] = []
        self.called = Called()
        """Which paths are called."""

    def note(self, lane: str, kind: Kind, what: str, *, now: float, ms: float | None = None) -> None:
        """One request is settled. ``now`` is monotonic seconds; ``ms`` from its arrival to its answer's head.

        It is on the request's way, so it only appends; whoever asks, and the next tenth of a second, sorts it in.
        """
        if now >= self._until:
            self._settle()
            self._tick = math.floor(now * _TICKS)
            self._until = (self._tick + 1) / _TICKS
        key = (lane, kind, what)
        waited = self._now.get(key)
        if waited is None:
            waited = self._now[key] = []
        waited.append(_UNTIMED if ms is None else ms)

    def seen(self, lane: str) -> bool:
        """Whether a request of this lane passed since the start, or in the hour before it."""
        self._settle()
        return lane in self._lanes

    def window(self, window_s: float, *, now: float) -> dict[str, JsonValue]:
        """The JSON of the last ``window_s`` seconds, at most an hour."""
        self._settle()
        since = now - window_s
        if window_s <= _FINE_S:
            found = self._fine.since(math.floor(since * _TICKS))
        else:
            # Whole minutes as such: an hour of seconds is too much to add up while requests wait.
            minute = math.ceil(math.floor(since) / 60)
            found = self._hour.since(math.floor(since), minute * 60)
            found.update(self._minutes.since(minute))
        return view(self._named(found), window_s)

    def ever(self) -> dict[Key, int]:
        """Counts since the start, for counters that must only rise."""
        self._settle()
        return self._named(self._ever)

    def answer_ms(self) -> Mapping[str, float]:
        """The milliseconds that MaintainX's answers took since the start, summed by lane."""
        self._settle()
        return self._answer_ms

    def unsaved(self) -> dict[Key, int]:
        """What was counted since ``take_unsaved``."""
        self._settle()
        return self._named(self._unsaved)

    def take_unsaved(self) -> dict[Key, int]:
        """The same, and from here on it counts as saved."""
        taken = self.unsaved()
        self._unsaved.clear()
        return taken

    def give_back(self, counts: Mapping[Key, int]) -> None:
        """They could not be saved."""
        self._unsaved.update(self._numbered(counts))

    def restore(self, counts: Mapping[Key, int], *, at: float) -> None:
        """What an earlier process had counted by this monotonic time; in order, before any note."""
        self._file(self._numbered(counts), math.floor(at * _TICKS))

    def _settle(self) -> None:
        if not self._now:
            return
        keyed: dict[Key, int] = {}
        for (lane, kind, what), waited in self._now.items():
            waited.sort()
            untimed = bisect_left(waited, 0.0)
            if untimed:
                keyed[lane, kind, what, _UNTIMED] = untimed
            if untimed < len(waited):
                for place, count in placed(waited, untimed):
                    keyed[lane, kind, what, place] = count
                if kind == "answered":
                    name = self._lane(lane)
                    self._answer_ms[name] = self._answer_ms.get(name, 0.0) + sum(waited[untimed:])
        self._now = {}
        counts = self._numbered(keyed)
        self._file(counts, self._tick)
        for number, count in counts.items():
            self._ever[number] += count
            self._unsaved[number] += count

    def _file(self, counts: Mapping[int, int], tick: int) -> None:
        self._fine.add(tick, counts)
        self._hour.add(tick // _TICKS, counts)
        self._minutes.add(tick // (60 * _TICKS), counts)

    def _lane(self, lane: str) -> str:
        if lane not in self._lanes:
            if len(self._lanes) >= _MOST_LANES:
                return _OTHER
            self._lanes.add(lane)
        return lane

    def _numbered(self, counts: Mapping[Key, int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for key, count in counts.items():
            number = self._numbers.get(key)
            if number is None:
                number = self._number(key)
            found[number] = found.get(number, 0) + count
        return found

    def _number(self, key: Key) -> int:
        lane, kind, what, place = key
        lane = self._lane(lane)
        if len(self._keys) >= _MOST_SERIES:
            lane = what = _OTHER
        key = (lane, kind, what, place)
        number = self._numbers.setdefault(key, len(self._keys))
        if number == len(self._keys):
            self._keys.append(key)
        return number

    def _named(self, counts: Mapping[int, int]) -> dict[Key, int]:
        return {self._keys[number]: count for number, count in counts.items()}
