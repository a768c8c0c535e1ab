"""MaintainX's own limits: what is left of them, from its rate headers where present, else from our own count. Pure."""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.maintainx import WINDOW_S, RateHeaders

_MOST_KEYS = 1000
"""Callers remembered at once; the one unused for the longest is forgotten first."""
_SAME_RESET_S = 2.0
"""Resets this close together belong to one window of MaintainX's."""


class Caller(NamedTuple):
    """Whose budget a request spends: a keyed fingerprint of its Authorization, and its organisation."""

    user: str
    organisation: str


@dataclass(slots=True)
class _Window:
    """One limit: our own sliding count, and what MaintainX last said."""

    limit: int
    sent: deque[float] = field(default_factory=deque)
    in_flight: int = 0
    told_left: int = 0
    told_until: float = -math.inf

    def used(self, now: float) -> int:
        while self.sent and self.sent[0] <= now - WINDOW_S:
            self.sent.popleft()
        return len(self.sent)

    def left(self, now: float, *, also: int = 0) -> int:
        if now < self.told_until:
            return max(0, self.told_left)
        return max(0, self.limit - self.used(now) - also)

    def free_at(self, now: float, *, also: deque[float]) -> float:
        if self.left(now, also=len(also)) > 0:
            return now
        if now < self.told_until:
            return self.told_until
        # The oldest of both counts leaves the window first; it is enough that one place becomes free.
        over = len(self.sent) + len(also) - self.limit
        return sorted((*self.sent, *also))[over] + WINDOW_S

    def tell(self, told: RateHeaders, now: float, *, refused: bool) -> None:
        if told.limit:
            self.limit = told.limit
        left, reset_s = told.remaining, told.reset_s
        if left is None and refused and told.retry_after_s is not None:
            left, reset_s = 0, told.retry_after_s
        if left is None or reset_s is None:
            return
        left, until = left - self.in_flight, now + min(reset_s, WINDOW_S)
        if now < self.told_until and abs(until - self.told_until) < _SAME_RESET_S:
            left = min(left, self.told_left)  # answers overtake each other; the lower count is the later one
        self.told_left, self.told_until = left, until


class Budget:
    """Counts what is sent per user and per organisation; says when the next request may go."""

    def __init__(self, *, user_limit: int, organisation_limit: int) -> None:
        self.user_limit = user_limit
        self.organisation_limit = organisation_limit
        self._users: OrderedDict[str, _Window] = OrderedDict()
        self._organisations: OrderedDict[str, _Window] = OrderedDict()
        self._own: deque[float] = deque()

    def free_at(self, caller: Caller, now: float) -> float:
        """When this caller's next request may go; ``now`` or earlier where it may go at once."""
        own = self._own_count(now)
        user = _window(self._users, caller.user, self.user_limit)
        organisation = _window(self._organisations, caller.organisation, self.organisation_limit)
        return max(user.free_at(now, also=own), organisation.free_at(now, also=own))

    def take(self, caller: Caller, now: float) -> None:
        """One request of this caller is sent now; ``answered`` must follow."""
        for window in self._both(caller):
            window.sent.append(now)
            window.told_left -= 1
            window.in_flight += 1

    def answered(
        self, caller: Caller, now: float, *, told: RateHeaders | None, refused: bool = False
    ) -> None:
        """The request that was taken is over; ``told`` is what the answer's headers said, ``refused`` a 429."""
        user, organisation = self._both(caller)
        user.in_flight = max(0, user.in_flight - 1)
        organisation.in_flight = max(0, organisation.in_flight - 1)
        if told is not None:
            user.tell(told, now, refused=refused)

    def spent(self, requests: int, now: float) -> None:
        """Requests that mx itself sent past the gateway; they count for every user, for the key is not known."""
        self._own.extend([now] * min(requests, self.organisation_limit))
        for window in self._users.values():
            window.told_left -= requests

    def left(self, now: float) -> tuple[int, int]:
        """What is left, and of which limit: of the user who has least."""
        own = len(self._own_count(now))
        found = [(w.left(now, also=own), w.limit) for w in self._users.values()]
        return min(found, default=(max(0, self.user_limit - own), self.user_limit))

    def organisation_left(self, now: float) -> int:
        """What the organisation that has least has left."""
        own = len(self._own_count(now))
        return min(
            (w.left(now, also=own) for w in self._organisations.values()),
            default=max(0, self.organisation_limit - own),
        )

    def _both(self, caller: Caller) -> tuple[_Window, _Window]:
        return (
            _window(self._users, caller.user, self.user_limit),
            _window(self._organisations, caller.organisation, self.organisation_limit),
        )

    def _own_count(self, now: float) -> deque[float]:
        while self._own and self._own[0] <= now - WINDOW_S:
            self._own.popleft()
        return self._own


def _window(windows: OrderedDict[str, _Window], key: str, limit: int) -> _Window:
    window = windows.get(key)
    if window is None:
        if len(windows) >= _MOST_KEYS:
            windows.popitem(last=False)
        window = windows[key] = _Window(limit)
    windows.move_to_end(key)
    return window
