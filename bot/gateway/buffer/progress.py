"""How far a replay is, how fast it goes, and how long it will take. Pure."""

from collections import deque
from dataclasses import dataclass, field

_RECENT_S = 60.0


@dataclass(slots=True)
class Progress:
    """What is done since a replay was started."""

    done: int = 0
    """Delivered or rejected."""
    rejected: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def one_done(self, now: float, *, rejected: bool) -> None:
        """One more is; ``now`` is monotonic seconds."""
        self.done += 1
        self.rejected += rejected
        self._recent.append(now)

    def per_minute(self, now: float) -> float:
        """The pace of the last minute."""
        while self._recent and self._recent[0] <= now - _RECENT_S:
            self._recent.popleft()
        if not self._recent:
            return 0.0
        return len(self._recent) * 60.0 / max(1.0, min(_RECENT_S, now - self._recent[0]))

    def eta_s(self, left: int, now: float, *, at_most_per_s: float) -> float | None:
        """Seconds until so many more are done."""
        found = self.per_minute(now) / 60.0
        enough = len(self._recent) > 2  # noqa: PLR2004 - a rate needs some
        rate = min(at_most_per_s, found) if found and enough else at_most_per_s
        return round(left / rate, 1) if rate else None


def duration(seconds: float) -> str:
    """A length of time as people say it: "40 s", "3 minutes", "2 h 10 min"."""
    if seconds < 90:  # noqa: PLR2004 - up to there seconds say more
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004
