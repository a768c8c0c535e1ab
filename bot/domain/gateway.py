"""The gateway as the bot sees it: its status, its policy and its event feed, read from their JSON. Pure."""

from datetime import datetime
from typing import Literal, Self

from pydantic import JsonValue

from bot.domain.backlog import Backlog, Circuit, Disk, ReplayProgress
from bot.domain.inbox import Inbox
from bot.domain.limits import Limits
from bot.domain.readings import BudgetShare, Frozen, LaneTraffic
from bot.domain.view import View, not_a_gateway

RATE_LIMITED = "429"

ROUTE = (
    "no request of the last hour passed the gateway: set the integration's base URL to http://gateway:8081/v1"
)
"""What a person is told where a lease is of no use because the traffic goes past the gateway."""


class Latency(Frozen):
    """How long MaintainX's answers took, the gateway's own waiting included; None where there was none."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


class Traffic(Frozen):
    """What passed the gateway in a window: MaintainX's answers by status, in all and by lane."""

    window_s: float = 0.0
    total: int = 0
    """Requests that came to the gateway, those it held back or refused by itself included."""
    by_status: dict[str, int] = {}
    """What MaintainX answered, by HTTP status."""
    lanes: tuple[LaneTraffic, ...] = ()
    limited: dict[str, int] = {}
    """What the gateway itself held back, by cause."""
    held_back: tuple[LaneTraffic, ...] = ()
    """The same by lane; ``by_status`` is then by cause."""
    fates: dict[str, int] = {}
    """What became of each request; empty from a gateway of before it was counted."""
    latency: Latency = Latency()

    @property
    def answered(self) -> int:
        """Requests that MaintainX answered, whatever the status."""
        return sum(self.by_status.values())

    @property
    def unanswered(self) -> int:
        """Requests that went towards MaintainX and got no answer."""
        return sum(self.fates.get(fate, 0) for fate in _NO_ANSWER)

    @property
    def errors(self) -> int:
        """Server errors, and requests without any answer."""
        return self.unanswered + sum(count for status, count in self.by_status.items() if status >= "500")

    @property
    def tried(self) -> int:
        """Requests that went towards MaintainX, whatever became of them."""
        return self.answered + self.unanswered

    @property
    def rate_limited(self) -> int:
        """Answers of MaintainX with 429."""
        return self.by_status.get(RATE_LIMITED, 0)

    def lane(self, name: str) -> int:
        """Requests of one lane in the window, those too that the gateway held back."""
        both = (*self.lanes, *self.held_back)
        return sum(sum(lane.by_status.values()) for lane in both if lane.lane == name)


class GatewayStatus(View):
    """``GET /-/status`` in words: mode, traffic of the window, requests left in the budget, what waits."""

    of = "status"

    mode: str
    instance: str = ""
    version: str = ""
    """Of mx, as the gateway runs it; empty: of before it told."""
    host: str = ""
    """Where it sends the integration's requests."""
    traffic: Traffic = Traffic()
    budget_left: float | None = None
    buffer: Backlog = Backlog()
    circuit: Circuit = Circuit()
    replay: ReplayProgress = ReplayProgress()
    disk: Disk = Disk()
    share: BudgetShare | None = None
    """Whose requests use MaintainX's limit up; None where it does not say."""
    limits: Limits | None = None
    webhooks: Inbox = Inbox()
    last_good: dict[str, dict[Literal["in", "out"], datetime]] = {}
    """When each collection was last answered well, for reads and writes apart, since the gateway's start."""

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read the answer; raises OutsideError where it is not that of an mx gateway."""
        if not isinstance(value, dict) or not isinstance(traffic := value.get("traffic"), dict):
            raise not_a_gateway(cls.of)
        return super().from_json(
            {
                **{name: value[name] for name in _AS_THEY_ARE if name in value},
                "mode": value.get("mode"),
                "instance": value.get("instance") or "",
                "version": value.get("version") or "",
                "host": _host(value.get("upstream")),
                "traffic": {
                    "window_s": traffic.get("window_s") or 0.0,
                    "total": traffic.get("total") or 0,
                    "by_status": traffic.get("by_status") or {},
                    "lanes": _lanes(traffic.get("lanes")),
                    "limited": traffic.get("limited") or {},
                    "held_back": _lanes(traffic.get("limited_by_lane")),
                    "fates": traffic.get("fates") or {},
                    "latency": traffic.get("latency") or {},
                },
                "budget_left": _left(value.get("budget")),
                "share": _share(value.get("budget")),
                "limits": _limits(value.get("budget")),
                "last_good": _good(value.get("upstream")),
            }
        )


class Effect(View):
    """What a lease, or all of them, does to traffic."""

    of = "policy"

    rate_per_s: float | None = None
    paused_jobs: tuple[str, ...] = ()
    buffer: Literal["on", "auto"] | None = None
    retry: bool = False
    poll: bool = False
    forward: Literal["paused"] | None = None

    @property
    def says(self) -> str:
        """In words: "1 request per second; asset-sync and report-generator paused; writes buffered"."""
        parts = []
        if self.rate_per_s is not None:
            parts.append(f"{self.rate_per_s:g} request{'' if self.rate_per_s == 1 else 's'} per second")
        if self.paused_jobs:
            parts.append(f"{listed(self.paused_jobs)} paused")
        if self.buffer is not None:
            parts.append("writes buffered" + (" once MaintainX is down" if self.buffer == "auto" else ""))
        if self.retry:
            parts.append("safe requests retried")
        if self.poll:
            parts.append("webhooks polled, without comments and deletes")
        if self.forward is not None:
            parts.append("webhooks kept, not sent on")
        return "; ".join(parts) or "no limit"

    def same_as(self, other: "Effect") -> bool:
        """Both do the same, whatever else they are."""
        return _bare(self) == _bare(other)


class GatewayLease(Effect):
    """One lease as the gateway holds it."""

    of = "lease"

    id: str
    owner: str = ""
    reason: str = ""
    since: datetime | None = None
    expires_at: datetime | None = None


class Policy(Effect):
    """``GET /-/policy``: the effect of all leases, and each of them."""

    of = "policy"

    mode: str
    leases: tuple[GatewayLease, ...] = ()

    def lease(self, name: str) -> GatewayLease | None:
        """The lease with this id, where it is on."""
        return next((lease for lease in self.leases if lease.id == name), None)


class GatewayEvent(View):
    """One change at the gateway: its number, when, by whom, what, and the lease or the write it is about."""

    of = "event"

    n: int
    at: datetime
    actor: str = "gateway"
    what: str
    lease: str | None = None
    buffer_id: str = ""
    says: str = ""
    delivery: str = ""
    """The delivery by which MaintainX told it, where it is a change there."""
    event: str = ""
    """MaintainX's name of that."""


class Feed(View):
    """One page of ``GET /-/events``: ``instance`` names the numbering, ``next`` is what to ask after."""

    of = "event feed"

    instance: str
    events: tuple[GatewayEvent, ...] = ()
    next: int = 0


def listed(words: tuple[str, ...]) -> str:
    """Words in a row: "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


_AS_THEY_ARE = ("buffer", "circuit", "replay", "disk", "webhooks")
_NO_ANSWER = ("unsent", "unread", "unknown")


def _bare(effect: Effect) -> tuple[object, ...]:
    jobs = frozenset(effect.paused_jobs)
    return effect.rate_per_s, jobs, effect.buffer, effect.retry, effect.poll, effect.forward


def _lanes(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, dict):
        return []
    return [{"lane": lane, "by_status": counts} for lane, counts in value.items()]


def _left(budget: JsonValue) -> float | None:
    """Requests left of MaintainX's own limits: of the tighter one, the user's or the organisation's."""
    if not isinstance(budget, dict):
        return None
    found = [budget.get(name) for name in ("left", "organisation_left")]
    return min((float(left) for left in found if isinstance(left, int | float)), default=None)


def _limits(budget: JsonValue) -> JsonValue:
    known = isinstance(budget, dict) and budget.get("limit") is not None and budget.get("left") is not None
    return budget if known else None


def _good(upstream: JsonValue) -> JsonValue:
    """Empty from a gateway of before it was told."""
    return (upstream.get("last_good") or {}) if isinstance(upstream, dict) else {}


def _host(upstream: JsonValue) -> JsonValue:
    """Empty from a gateway of before it was told."""
    return (upstream.get("host") or "") if isinstance(upstream, dict) else ""


def _share(budget: JsonValue) -> JsonValue:
    """Null where MaintainX does not say, absent from a gateway of before it was counted."""
    if not isinstance(budget, dict) or budget.get("our_share") is None:
        return None
    return {"ours": budget["our_share"], "used": budget.get("used"), "of": budget.get("our_share_of")}
