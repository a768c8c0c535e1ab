"""How this Slack misbehaves when told to: lost, late and repeated deliveries, an API that breaks."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class ApiFault:
    """What happens to the next calls of one method (``*`` is every method)."""

    method: str
    times: int
    kind: Literal["status", "refuse", "drop_before", "drop_after", "late", "ratelimited"]
    status: int = 503
    seconds: float = 0.0
    code: str = ""


@dataclass(slots=True)
class Mischief:
    """The knobs. All are at rest by default; set them at any time, and set them back."""

    lose: int = 0
    """So many of the next commands and clicks never reach the app."""
    lose_events: int = 0
    """So many of the next deliveries of events never reach the app; each is tried again as any other."""
    delay_s: float = 0.0
    """Every delivery arrives this late; the person's three seconds run meanwhile."""
    repeat: int = 0
    """Every delivery arrives this many times more, the same payload, at the same moment."""
    down: bool = False
    """Every request of the app is cut off without an answer."""
    faults: list[ApiFault] = field(default_factory=list)

    def answer(self, method: str, status: int, *, times: int = 1) -> None:
        """Answer the next calls with this HTTP status, unprocessed."""
        self.faults.append(ApiFault(method, times, "status", status=status))

    def refuse(self, method: str, code: str, *, times: int = 1) -> None:
        """Answer the next calls with this error code, as Slack does for a free plan or a fault of its own."""
        self.faults.append(ApiFault(method, times, "refuse", code=code))

    def drop(self, method: str, *, processed: bool, times: int = 1) -> None:
        """Cut the connection of the next calls, before or after doing what they ask."""
        self.faults.append(ApiFault(method, times, "drop_after" if processed else "drop_before"))

    def late(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Answer the next calls this late."""
        self.faults.append(ApiFault(method, times, "late", seconds=seconds))

    def limit(self, method: str, retry_after_s: int, *, times: int = 1) -> None:
        """Answer the next calls with 429 and this Retry-After."""
        self.faults.append(ApiFault(method, times, "ratelimited", seconds=retry_after_s))

    def takes_delivery(self, *, event: bool) -> bool:
        """Whether this delivery gets lost; counts it."""
        if event and self.lose_events > 0:
            self.lose_events -= 1
            return True
        if not event and self.lose > 0:
            self.lose -= 1
            return True
        return False

    def takes_call(self, method: str) -> ApiFault | None:
        """What happens to this call; counts it."""
        for fault in self.faults:
            if fault.method in {"*", method}:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None
