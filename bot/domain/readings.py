"""What probes bring back: one reading per question asked of the outside.

A reading is data and a sentence; rules read the typed ``detail``, people read ``says``.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Data that is checked when made and never changed; unknown fields of newer versions are passed over."""

    model_config = ConfigDict(frozen=True)


class Status(StrEnum):
    """How a probe was answered. ``unknown`` is only what could not be asked."""

    OK = "ok"
    SLOW = "slow"
    FAILING = "failing"
    UNKNOWN = "unknown"


Phase = Literal["dns", "connect", "tls", "first_byte", "body"]


class Timing(Frozen):
    """Where the time of one HTTP exchange went, in milliseconds; None where the phase did not take place."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float | None = None


class Sample(Frozen):
    """One try at one endpoint: an HTTP status, or the phase in which it failed and the words for it."""

    at_ms: float
    """When it was started, in milliseconds after the probe began."""
    code: int | None = None
    ms: float | None = None
    timing: Timing = Timing()
    failed_phase: Phase | None = None
    timed_out: bool = False
    error: str | None = None
    """What the network said, or the API's own error text, shortened and scrubbed."""
    html: bool = False
    """The body was HTML: MaintainX answers 401 so when no key arrived, and edges answer 5xx so."""
    retry_after_s: float | None = None


class HttpDetail(Frozen):
    """Every sample of one HTTP endpoint."""

    kind: Literal["http"] = "http"
    url: str
    samples: tuple[Sample, ...] = ()
    rate_limit: int | None = None
    rate_remaining: int | None = None
    rate_reset_s: float | None = None
    body_ok: bool = True
    """False where a 200 did not carry what the API document promises (an edge's page, a captive portal)."""

    def codes(self) -> tuple[int, ...]:
        """The HTTP statuses that came back, in order."""
        return tuple(s.code for s in self.samples if s.code is not None)


class HealthCheck(Frozen):
    """One named part of the integration's own health answer."""

    name: str
    ok: bool
    says: str = ""


class ServiceDetail(Frozen):
    """What the integration's ``/health`` told about itself."""

    kind: Literal["service"] = "service"
    url: str
    configured: bool = True
    sample: Sample | None = None
    claims: Literal["healthy", "degraded", "unhealthy", "unreadable"] | None = None
    checks: tuple[HealthCheck, ...] = ()
    uptime_s: float | None = None
    cannot_fail: bool = False
    """The answer has no checks at all: a green light that is wired to nothing."""


class KeyDetail(Frozen):
    """What can be said of the API key without saying it."""

    kind: Literal["key"] = "key"
    present: bool
    length: int = 0
    stray: tuple[str, ...] = ()
    """What should not be in it: ``leading space``, ``trailing newline``, ``quotes``, ``non-ASCII``, ``a Bearer prefix``."""
    jwt: bool = False
    expires_at: str | None = None
    """ISO 8601, from the JWT's ``exp`` where it has one."""
    expired: bool = False
    source: str = ""
    """Where it came from: the variable's name or the file's path."""


class StatusPageDetail(Frozen):
    """What the vendor's status page says of its REST API."""

    kind: Literal["status_page"] = "status_page"
    state: Literal["operational", "degraded", "downtime", "maintenance", "not_monitored"] | None = None
    reports: tuple[str, ...] = ()
    maintenance: bool = False


class LogDetail(Frozen):
    """The last errors of the integration's log."""

    kind: Literal["logs"] = "logs"
    source: str = ""
    errors: int = 0
    lines: tuple[str, ...] = ()


class LaneTraffic(Frozen):
    """Requests of one lane in the window, by HTTP status."""

    lane: str
    by_status: dict[str, int] = {}


class LatestTraffic(Frozen):
    """What MaintainX answered in the latest minutes."""

    window_s: int = 600
    by_status: dict[str, int] = {}
    lanes: tuple[LaneTraffic, ...] = ()


class BudgetShare(Frozen):
    """Whose requests used up what MaintainX counts as used of one of its limits."""

    ours: float
    """From 0 to 1: the integration's and mx's own."""
    used: int
    of: Literal["user", "organisation"]
    """Whose limit it is."""


class TrafficDetail(Frozen):
    """What passed the gateway in the last hour."""

    kind: Literal["traffic"] = "traffic"
    window_s: int = 3600
    total: int = 0
    by_status: dict[str, int] = {}
    lanes: tuple[LaneTraffic, ...] = ()
    budget_left: float | None = None
    fates: dict[str, int] = {}
    """What became of them: ``answered``, ``unsent``, ``unknown``, ``limited`` and so on."""
    latest: LatestTraffic | None = None
    """Asked for where the hour has a 429."""
    share: BudgetShare | None = None
    mode: str | None = None
    last_good: dict[str, dict[Literal["in", "out"], datetime]] = {}
    """When each collection was last answered well, for reads and writes apart, since the gateway's start."""


class SyncDetail(Frozen):
    """What the integration itself noted of its last sync: its word, which does not prove that data came."""

    kind: Literal["sync"] = "sync"
    file: str
    last_sync_at: datetime
    age_s: float
    """Its age when it was read, in seconds."""
    stale_s: float
    """The age from which it is too old."""
    never: bool = False
    """It still holds its first value: no sync has ended."""

    @property
    def stale(self) -> bool:
        """Older than is allowed."""
        return self.never or self.age_s > self.stale_s


class ServiceState(Frozen):
    """The integration's own process, as Docker or systemd on its machine tells of it."""

    kind: Literal["host"] = "host"
    runs_in: Literal["docker", "systemd"]
    name: str
    """The container's or the unit's name."""
    state: str
    """The host's own word for it: ``running``, ``restarting``, ``exited``; ``active``, ``failed``."""
    running: bool
    life: str = ""
    """Differs from one start of the process to the next; empty where it was never started."""
    since: datetime | None = None
    """When this life began."""
    ended: datetime | None = None
    """When the latest life ended; None while it runs, or where that is not known."""
    exit_code: int | None = None
    signal: int | None = None
    """The signal that ended it."""
    oom_killed: bool = False
    gave_up: bool = False
    """The host has stopped starting it again, since it ended too often."""
    restarts: int = 0
    """How often the host by itself started it again."""
    policy: str = ""
    memory_used: int | None = None
    """Bytes, without what the kernel would give back at once."""
    memory_limit: int | None = None
    error: str = ""
    """What the host says of it, shortened."""
    scarce: tuple[str, ...] = ()
    """What mx's own machine runs out of: disk, memory."""


class Made(Frozen):
    """What a service's process was set up with, once for all its lives."""

    variables: tuple[str, ...] = ()
    """Names alone: the values may be secrets."""
    at: datetime | None = None


Detail = Annotated[
    HttpDetail
    | ServiceDetail
    | KeyDetail
    | StatusPageDetail
    | LogDetail
    | TrafficDetail
    | ServiceState
    | SyncDetail,
    Field(discriminator="kind"),
]


class Reading(Frozen):
    """The answer to one question: which probe, about what, how it went, the number, the sentence to show."""

    probe: Literal["api", "versions", "service", "host", "key", "status_page", "logs", "traffic", "sync"]
    target: str
    """What was asked, as a person names it: ``/workorders``, ``/health``, ``API key``."""
    status: Status
    ms: float | None = None
    """Milliseconds of the median answered sample, None where nothing answered."""
    says: str
    detail: Detail | None = None
