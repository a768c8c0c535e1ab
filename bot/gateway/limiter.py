"""Who goes next when requests are limited: an even pace, the critical lane first, a bounded waiting room. Pure."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.gateway.budget import Budget, Caller

Verdict = Literal["go", "rate", "budget", "paused", "gone"]
"""``go``: forward it now; ``rate`` and ``budget``: waited long enough, or no room to wait; ``gone``: nobody is there."""


class Pace:
    """An even pace: one request per ``1 / rate`` seconds, so never more than the rate in any window."""

    def __init__(self, rate_per_s: float | None = None) -> None:
        self.rate_per_s = rate_per_s
        self._last = -math.inf

    @property
    def ready_at(self) -> float:
        """When the next request may go."""
        return self._last + 1 / self.rate_per_s if self.rate_per_s else -math.inf

    def take(self, now: float) -> None:
        """One request goes now; counted without a rate too, so that a new rate starts from the last request."""
        self._last = now


@dataclass(eq=False, slots=True)
class Ticket:
    """A request that asks to be forwarded; ``settle`` hears the verdict, once."""

    lane: str
    caller: Caller
    first: bool
    """The critical lane."""
    settle: Callable[[Verdict], None]
    gone: Callable[[], bool] = field(default=lambda: False)
    """True once the client has left; such a ticket takes no slot."""
    last: bool = False
    """The gateway's own request: it goes when nobody else wants to, however long that takes."""
    deadline: float = math.inf


class Limiter:
    """Admits requests by pace, budget and priority. Every method takes the time; nothing here waits."""

    def __init__(self, budget: Budget, *, max_wait_s: float, room: int) -> None:
        self.paused: frozenset[str] = frozenset()
        self._budget = budget
        self._pace = Pace()
        self._max_wait_s = max_wait_s
        self._room = room
        self._first: deque[Ticket] = deque()
        self._rest: deque[Ticket] = deque()
        self._last: deque[Ticket] = deque()

    @property
    def waiting(self) -> int:
        """How many live requests wait."""
        return len(self._first) + len(self._rest)

    @property
    def anybody(self) -> bool:
        """Whether anybody waits, the gateway's own requests included."""
        return bool(self._first or self._rest or self._last)

    @property
    def rate_per_s(self) -> float | None:
        """The rate in force."""
        return self._pace.rate_per_s

    def set_policy(self, *, rate_per_s: float | None, paused: frozenset[str], now: float) -> float | None:
        """A new effect of all leases, in force for those who wait too; as ``turn``."""
        self._pace.rate_per_s = rate_per_s
        self.paused = paused
        for line in (self._first, self._rest):
            for ticket in [t for t in line if t.lane in paused]:
                line.remove(ticket)
                ticket.settle("paused")
        return self.turn(now)

    def at_once(self, lane: str, caller: Caller, now: float) -> Verdict | None:
        """The verdict where nobody waits and nothing limits; None: bring a ticket."""
        if lane in self.paused:
            return "paused"
        if self._first or self._rest or self._pace.ready_at > now or self._budget.free_at(caller, now) > now:
            return None
        self._take(caller, now)
        return "go"

    def join(self, ticket: Ticket, now: float) -> float | None:
        """Take a place in the waiting room, or be settled at once; as ``turn``."""
        if ticket.last:
            self._last.append(ticket)
            return self.turn(now)
        if self.waiting >= self._room:
            self._sweep()
        if self.waiting >= self._room and ticket.first and self._rest:
            last = self._rest.pop()  # the critical lane is never turned away for want of room
            last.settle(self._reason(last, now))
        if self.waiting >= self._room:
            ticket.settle(self._reason(ticket, now))
        else:
            ticket.deadline = now + self._max_wait_s
            (self._first if ticket.first else self._rest).append(ticket)
        return self.turn(now)

    def turn(self, now: float) -> float | None:
        """Settle whoever is due now. Returns when to look again, or None where nobody waits."""
        next_at = math.inf
        blocked: dict[Caller, float] = {}
        for line in (self._first, self._rest, self._last):
            kept: deque[Ticket] = deque()
            while line and self._pace.ready_at <= now:
                ticket = line.popleft()
                if ticket.gone():
                    ticket.settle("gone")
                    continue
                free_at = blocked.get(ticket.caller) or self._budget.free_at(ticket.caller, now)
                if free_at > now:
                    blocked[ticket.caller] = free_at
                    next_at = min(next_at, free_at)
                    kept.append(ticket)
                else:
                    self._take(ticket.caller, now)
                    ticket.settle("go")
            kept.extend(line)
            line.clear()
            line.extend(kept)
            while line and line[0].deadline <= now:
                ticket = line.popleft()
                ticket.settle(self._reason(ticket, now))
            if line:
                next_at = min(next_at, line[0].deadline)
        if not self.anybody:
            return None
        return min(next_at, self._pace.ready_at) if self._pace.ready_at > now else next_at

    def retry_after(self, cause: str, caller: Caller, now: float) -> int:
        """Whole seconds after which another try makes sense."""
        if cause == "budget":
            at = self._budget.free_at(caller, now)
        else:
            behind = self.waiting / self._pace.rate_per_s if self._pace.rate_per_s else 0.0
            at = max(self._pace.ready_at, now) + behind
        return max(1, min(math.ceil(at - now), 3600))

    def _take(self, caller: Caller, now: float) -> None:
        self._pace.take(now)
        self._budget.take(caller, now)

    def _reason(self, ticket: Ticket, now: float) -> Verdict:
        return "budget" if self._budget.free_at(ticket.caller, now) > now else "rate"

    def _sweep(self) -> None:
        for line in (self._first, self._rest):
            for ticket in [t for t in line if t.gone()]:
                line.remove(ticket)
                ticket.settle("gone")
