"""How often Slack lets an app call: a window per method, and a bucket of posts per channel."""

import math
from collections import deque
from collections.abc import Callable

from bot.demo.slack.limits import Limits


class Rates:
    """Counts calls; ``refusal`` answers how many seconds too early a call is, or None."""

    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def refusal(self, method: str) -> int | None:
        """Seconds for Retry-After where this call of the method is one too many; else it is counted."""
        allowed = self._limits.calls.get(method)
        if not self._limits.rates or allowed is None:
            return None
        now = self._monotonic()
        made = self._calls.setdefault(method, deque())
        while made and made[0] <= now - self._limits.window_s:
            made.popleft()
        if len(made) >= allowed:
            return max(1, math.ceil(made[0] + self._limits.window_s - now))
        made.append(now)
        return None

    def post_refusal(self, channel: str) -> int | None:
        """Seconds for Retry-After where the channel takes no message now; else it is counted."""
        if not self._limits.rates:
            return None
        now = self._monotonic()
        burst = float(self._limits.post_burst)
        left, since = self._posts.get(channel, (burst, now))
        left = min(burst, left + (now - since) * self._limits.posts_per_s)
        if left < 1.0:
            self._posts[channel] = (left, now)
            return max(1, math.ceil((1.0 - left) / self._limits.posts_per_s))
        self._posts[channel] = (left - 1.0, now)
        return None
