"""Last good answers of reads, for while nothing goes to MaintainX: in memory, for the paths that allow it alone."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from bot.gateway.lanes import Lane, LaneMap
from bot.gateway.wire import Incoming, RawHeaders

STALE = "X-MX-Stale"
"""Marks such an answer; its value is its age in seconds."""
_MOST = 500
_MOST_BYTES = 16 * 2**20
_LARGEST = 2**20
_VARY = (b"accept:", b"accept-encoding:", b"accept-language:")
_LANE = "stale"


@dataclass(slots=True)
class Copy:
    """An answer that is copied while it passes; ``whole`` once its end has passed too."""

    raw_headers: RawHeaders = ()
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False
    too_long: bool = False

    def add(self, data: bytes, *, last: bool) -> None:
        """One more piece has passed."""
        if len(self.body) + len(data) > _LARGEST:
            self.too_long = True
            self.body.clear()
        elif not self.too_long:
            self.body += data
        self.whole = last and not self.too_long


@dataclass(frozen=True, slots=True)
class Good:
    """An answer with 200, and when it came."""

    raw_headers: RawHeaders
    body: bytes
    at: datetime


class LastGood:
    """One answer for each caller and request; the least recently used goes first. Bounded to 16 MiB."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = LaneMap((Lane(_LANE, patterns),)) if patterns else None
        self._kept: OrderedDict[tuple[bytes, ...], Good] = OrderedDict()
        self._bytes = 0

    def wants(self, method: str, target: str) -> bool:
        """Whether answers to this read are kept."""
        return self._patterns is not None and method == "GET" and self._patterns.lane(method, target) == _LANE

    def keep(self, target: str, incoming: Incoming, caller: bytes, good: Good) -> None:
        """Remember the answer."""
        key = _key(target, incoming, caller)
        self._drop(key)
        self._kept[key] = good
        self._bytes += len(good.body)
        while self._bytes > _MOST_BYTES or len(self._kept) > _MOST:
            self._drop(next(iter(self._kept)))

    def find(self, target: str, incoming: Incoming, caller: bytes) -> Good | None:
        """The last good answer that this same caller had to this same request."""
        key = _key(target, incoming, caller)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _drop(self, key: tuple[bytes, ...]) -> None:
        old = self._kept.pop(key, None)
        self._bytes -= len(old.body) if old is not None else 0


def _key(target: str, incoming: Incoming, caller: bytes) -> tuple[bytes, ...]:
    varying = sorted(line for line in incoming.lines if line.lower().startswith(_VARY))
    return (caller, incoming.organisation, target.encode("utf-8", "surrogateescape"), *varying)
