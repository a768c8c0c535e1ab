"""The vendor's rate limits: a sliding log of requests per user and per organisation."""

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class SlidingLimit:
    """At most ``limit`` requests within any ``window_s`` seconds; refused ones are not counted."""

    limit: int
    window_s: float
    _taken: deque[float] = field(default_factory=deque)

    def left(self, now: float, *, limit: int | None = None) -> int:
        """How many more are allowed now, under the usual or a lowered limit."""
        while self._taken and self._taken[0] <= now - self.window_s:
            self._taken.popleft()
        return max(0, (self.limit if limit is None else limit) - len(self._taken))

    def take(self, now: float) -> None:
        """Count one request."""
        self._taken.append(now)

    def reset_s(self, now: float) -> int:
        """Whole seconds, at least 1, until the oldest counted request leaves the window."""
        if not self._taken:
            return max(1, math.ceil(self.window_s))
        return max(1, math.ceil(self._taken[0] + self.window_s - now))
