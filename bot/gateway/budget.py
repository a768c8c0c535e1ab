"""MaintainX's own limits: what is left of them, from its rate headers where present, else from our own count. Pure."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bot.maintainx import WINDOW_S, RateHeaders

_MOST_CALLERS = 1000
"""Pairs of user and organisation remembered at once; a strange key must not cost memory for ever."""
_TICKS = 10
"""Parts of a second that requests are counted by."""
_WHOLE_S = 1.0
"""``X-Rate-Limit-Reset`` is whole seconds, so the window it ends may have begun that much earlier."""
_SAME_RESET_S = 2.0
"""Resets this close together belong to one window of MaintainX's."""


class Caller(NamedTuple):
    """Whose budget a request spends: a keyed fingerprint of its Authorization, and its organisation."""

    user: str
    organisation: str


class Share(NamedTuple):
    """How much of what MaintainX counts as used of a limit was ours, mx included."""

    ours: int
    used: int
    whose: Literal["user", "organisation"]


class _Log:
    """How many were sent in the last ``WINDOW_S``, by tenths of a second; each counts until its tenth is over."""

    __slots__ = ("_sent", "total")

    def __init__(self) -> None:
        self.total = 0
        self._sent: deque[list[float]] = deque()

    def add(self, now: float, count: int = 1) -> None:
        self.forget(now)
        until = (int(now * _TICKS) + 1) / _TICKS + WINDOW_S
        if self._sent and self._sent[-1][0] == until:
            self._sent[-1][1] += count
        else:
            self._sent.append([until, count])
        self.total += count

    def take_back(self) -> None:
        """One of the latest was not sent after all."""
        if self._sent:
            self._sent[-1][1] -= 1
            self.total -= 1

    def forget(self, now: float) -> None:
        """Drop what left the window."""
        while self._sent and self._sent[0][0] <= now:
            self.total -= int(self._sent.popleft()[1])

    def since(self, start: float) -> int:
        """How many were sent from then on."""
        return sum(int(count) for until, count in self._sent if until - WINDOW_S > start)

    def ends(self) -> list[list[float]]:
        """When how many leave the window, in order."""
        return list(self._sent)


@dataclass(slots=True)
class _Window:
    """One limit: our own sliding count, and what MaintainX last said."""

    limit: int
    sent: _Log = field(default_factory=_Log)
    refused: _Log = field(default_factory=_Log)
    in_flight: int = 0
    told_left: int = 0
    told_until: float = -math.inf
    told_used: bool = False
    """MaintainX named the limit and what is left of it, so what is used of it is known."""

    def left(self, now: float, *, also: _Log) -> int:
        if now < self.told_until:
            return max(0, self.told_left)
        self.sent.forget(now)
        return max(0, self.limit - self.sent.total - also.total)

    def free_at(self, now: float, *, also: _Log) -> float:
        if self.left(now, also=also) > 0:
            return now
        if now < self.told_until:
            return self.told_until
        over = self.sent.total + also.total - self.limit
        for until, count in sorted(self.sent.ends() + also.ends()):
            over -= int(count)
            if over < 0:
                return until
        return now

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
        self.told_used = told.limit is not None and told.remaining is not None


class Budget:
    """Counts what is sent per user and per organisation; says when the next request may go."""

    def __init__(self, *, user_limit: int, organisation_limit: int) -> None:
        self.user_limit = user_limit
        self.organisation_limit = organisation_limit
        self._users: dict[str, _Window] = {}
        self._organisations: dict[str, _Window] = {}
        self._windows: dict[Caller, tuple[_Window, _Window]] = {}
        self._own = _Log()

    def free_at(self, caller: Caller, now: float) -> float:
        """When this caller's next request may go; ``now`` where it may go at once."""
        user, organisation = self._both(caller)
        own = self._own
        own.forget(now)
        if user.left(now, also=own) and organisation.left(now, also=own):
            return now
        return max(user.free_at(now, also=own), organisation.free_at(now, also=own))

    def take(self, caller: Caller, now: float) -> None:
        """One request of this caller is sent now; ``answered`` must follow."""
        for window in self._both(caller):
            window.sent.add(now)
            window.told_left -= 1
            window.in_flight += 1

    def answered(
        self, caller: Caller, now: float, *, told: RateHeaders | None, refused: bool = False
    ) -> None:
        """The request that was taken is over; ``told`` is what the answer's headers said, ``refused`` a 429."""
        windows = self._both(caller)
        for window in windows:
            window.in_flight = max(0, window.in_flight - 1)
            if refused:
                window.refused.add(now)
        if told is not None:
            windows[0].tell(told, now, refused=refused)

    def unsent(self, caller: Caller) -> None:
        """The request that was taken never reached MaintainX: it costs nothing."""
        for window in self._both(caller):
            window.in_flight = max(0, window.in_flight - 1)
            window.told_left += 1
            window.sent.take_back()

    def spent(self, requests: int, now: float) -> None:
        """Requests that mx itself sent past the gateway; they count for every user, for the key is not known."""
        self._own.add(now, requests)
        for window in self._users.values():
            window.told_left -= requests

    def left(self, now: float) -> tuple[int, int]:
        """What is left, and of which limit: of the user who has least."""
        self._own.forget(now)
        found = [(w.left(now, also=self._own), w.limit) for w in self._users.values()]
        return min(found, default=(max(0, self.user_limit - self._own.total), self.user_limit))

    @property
    def limit(self) -> int:
        """Requests per ``WINDOW_S`` that the tightest user may send."""
        return min((w.limit for w in self._users.values()), default=self.user_limit)

    def organisation_left(self, now: float) -> int:
        """What the organisation that has least has left."""
        self._own.forget(now)
        return min(
            (w.left(now, also=self._own) for w in self._organisations.values()),
            default=max(0, self.organisation_limit - self._own.total),
        )

    def share(self, now: float) -> Share | None:
        """Our part of what is used of the limit that has least left; None where MaintainX does not say.

        A request that it refused used nothing up.
        """
        found: list[tuple[int, Share]] = []
        for user, organisation in self._windows.values():
            used = user.limit - max(0, user.told_left)
            if not user.told_used or now >= user.told_until or used <= 0:
                continue
            whole = user.limit >= self.organisation_limit
            window, start = organisation if whole else user, user.told_until - WINDOW_S - _WHOLE_S
            ours = window.sent.since(start) - window.refused.since(start) + self._own.since(start)
            whose: Literal["user", "organisation"] = "organisation" if whole else "user"
            found.append((user.told_left, Share(min(max(0, ours), used), used, whose)))
        return min(found)[1] if found else None

    def _both(self, caller: Caller) -> tuple[_Window, _Window]:
        return self._windows.get(caller) or self._meet(caller)

    def _meet(self, caller: Caller) -> tuple[_Window, _Window]:
        """A new pair of user and organisation; with too many of them, those who sent least are forgotten."""
        if len(self._windows) >= _MOST_CALLERS:
            busiest = sorted(self._windows.items(), key=lambda found: -found[1][0].sent.total)
            self._windows = dict(busiest[: _MOST_CALLERS // 2])
            kept = {id(window) for pair in self._windows.values() for window in pair}
            self._users = {name: w for name, w in self._users.items() if id(w) in kept}
            self._organisations = {name: w for name, w in self._organisations.items() if id(w) in kept}
        pair = (
            self._users.setdefault(caller.user, _Window(self.user_limit)),
            self._organisations.setdefault(caller.organisation, _Window(self.organisation_limit)),
        )
        self._windows[caller] = pair
        return pair
