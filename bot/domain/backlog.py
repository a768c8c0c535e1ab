"""What waits at the gateway: buffered writes, each with its fate, and the replay that delivers them. Pure."""

from datetime import datetime, tzinfo
from typing import Literal, get_args

from bot.domain.telling import about, hour
from bot.domain.view import View

State = Literal["waiting", "sending", "delivered", "rejected", "unknown", "dropped"]
STATES: tuple[State, ...] = get_args(State)
COUNTED = STATES[:-1]
"""What was dropped is told by the feed and counted by nobody."""

Decision = Literal["resend", "arrived", "drop"]
Control = Literal["start", "pause", "resume", "cancel"]

LONGEST_REASON = 500


class Counts(View):
    """How many writes have which fate."""

    of = "counts of the buffer"

    waiting: int = 0
    sending: int = 0
    delivered: int = 0
    rejected: int = 0
    unknown: int = 0

    @property
    def undelivered(self) -> int:
        """Writes that are still to be delivered: they wait, or are on their way."""
        return self.waiting + self.sending


class Backlog(Counts):
    """The buffer as a whole, as ``GET /-/status`` shows it."""

    of = "buffer"

    parked: int = 0
    """Writes of unknown fate that wait for a person's word."""
    oldest: datetime | None = None
    """When the oldest waiting one was received."""
    bytes: int = 0
    limit_bytes: int = 0
    full: Literal["size", "age"] | None = None
    """Which limit is reached: from there on new writes are refused with 503."""
    encrypted: bool = False


class Answer(View):
    """What MaintainX answered to a write."""

    of = "answer of MaintainX"

    status: int | None = None
    body: str = ""


class BufferedWrite(View):
    """One write: what it asks for, how far it is, and what is known of it."""

    of = "buffered write"

    buffer_id: str
    method: str
    path: str
    state: State
    received_at: datetime
    lane: str = ""
    parked: bool = False
    entity: str | None = None
    """What it touches, such as one work order: writes of one entity keep their order."""
    sent_at: datetime | None = None
    attempts: int = 0
    bytes: int = 0
    says: str = ""
    answer: Answer | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    """Headers and body come with one write alone, not in a list."""

    @property
    def fate(self) -> str:
        """Its state in a word that tells whether a person is waited for."""
        return "parked" if self.parked else self.state

    def label(self, zone: tzinfo) -> str:
        """What it is in a line: "POST /v1/workorders of 02:14 UTC"."""
        return f"{self.method} {self.path} of {hour(self.received_at, zone)}"


class BufferPage(View):
    """One page of ``GET /-/buffer``; ``next`` is what to ask after, None at the end."""

    of = "buffer"

    counts: Counts
    items: tuple[BufferedWrite, ...] = ()
    next: str | None = None


class ReplayProgress(View):
    """How far the replay is; a dry run says it of what would be."""

    of = "replay"

    state: Literal["idle", "running", "paused", "done"] = "idle"
    total: int = 0
    done: int = 0
    left: int = 0
    parked: int = 0
    rate_per_min: float = 0.0
    eta_s: float | None = None
    oldest: datetime | None = None
    by: str = ""
    says: str = ""
    to_look_for: int = 0
    """In a dry run: writes of unknown fate that can be looked for at MaintainX before they are sent."""

    @property
    def under_way(self) -> bool:
        """Begun and not over: running, or held."""
        return self.state in {"running", "paused"}

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def numbers(self) -> str:
        """What is left, in words: "98 left, 2 parked, 40 a minute, about 3 minutes to go"."""
        parts = [f"{self.left} left"]
        parts += [f"{self.parked} parked"] if self.parked else []
        if self.state == "running":
            parts.append(f"{self.rate_per_min:.0f} a minute")
            parts += [f"{about(self.eta_s)} to go"] if self.eta_s is not None else []
        return ", ".join(parts)

    @property
    def line(self) -> str:
        """The whole progress in a line: "39 of 137 done: 98 left, 40 a minute, about 3 minutes to go"."""
        return f"{self.done} of {self.total} done: {self.numbers}"

    def bar(self, width: int = 20) -> str:
        """The progress drawn in characters."""
        full = int(self.share * width)
        return "█" * full + "░" * (width - full)


class Circuit(View):
    """The gateway's own judgement of whether MaintainX is up."""

    of = "circuit"

    state: Literal["closed", "open"] = "closed"
    failures: int = 0
    since: datetime | None = None
    says: str = ""


class Disk(View):
    """Whether the disk under a file outlives a restart; ``keeps`` is None where that is not known."""

    of = "disk"

    path: str = ""
    keeps: bool | None = None
    says: str = ""
