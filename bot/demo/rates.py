"""Traffic at the gateway, measured: read from its own status page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second of a window, at one moment."""

    at: str
    """The clock time of the measurement, HH:MM:SS."""
    reached_per_s: float
    """What went on to MaintainX and was answered."""
    by_status: tuple[tuple[str, float], ...]
    """MaintainX's answers by status."""
    held_per_s: float
    """What the gateway itself answered: over the rate, or a paused job."""

    def of(self, status: str) -> float:
        """Answers per second with this status."""
        return dict(self.by_status).get(status, 0.0)


def rates_from(status: Mapping[str, Any], *, window_s: float, at: str) -> Rates:
    """Read the gateway's ``/-/status`` for a window."""
    traffic = status.get("traffic", {})
    answers = {str(code): int(count) for code, count in traffic.get("by_status", {}).items()}
    held = sum(int(count) for count in traffic.get("limited", {}).values())
    return Rates(
        at=at,
        reached_per_s=sum(answers.values()) / window_s,
        by_status=tuple((code, count / window_s) for code, count in sorted(answers.items()) if count),
        held_per_s=held / window_s,
    )
