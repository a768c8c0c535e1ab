"""The admin routes about what is in force and what passes: status, policy, leases, the event feed, figures."""

from pydantic import JsonValue

from bot import __version__
from bot.gateway import bodies
from bot.gateway.admission import Admission
from bot.gateway.budget import Budget, Share
from bot.gateway.feed import Feed
from bot.gateway.health import Health
from bot.gateway.leases import MANUAL, Lease, Leases
from bot.gateway.metrics import metrics_text
from bot.gateway.modes import Modes
from bot.gateway.routes import Asked, Route, Routes
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import HOUR_S, RECENT_S, Traffic
from bot.gateway.traffic_store import DAY_S, TrafficStore
from bot.gateway.webhooks.mailroom import Mailroom
from bot.maintainx import WINDOW_S
from bot.ports import Clock


class PolicyRoutes:
    """Answers for leases and traffic."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock,
        leases: Leases,
        feed: Feed,
        modes: Modes,
        mailroom: Mailroom,
        admission: Admission,
        budget: Budget,
        traffic: Traffic,
        history: TrafficStore,
        health: Health,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._leases = leases
        self._feed = feed
        self._modes = modes
        self._mailroom = mailroom
        self._admission = admission
        self._budget = budget
        self._traffic = traffic
        self._history = history
        self._health = health

    def routes(self) -> Routes:
        """Every route of this module."""
        return {
            ("GET", "healthz"): Route(_alive, open=True),
            ("GET", "metrics"): Route(self._metrics, open=True),
            ("GET", "status"): Route(self._status),
            ("GET", "paths"): Route(self._paths),
            ("GET", "policy"): Route(self._policy),
            ("PUT", "policy"): Route(self._put_policy),
            ("PUT", "leases"): Route(self._put_lease, rest="must"),
            ("DELETE", "leases"): Route(self._delete_lease, rest="must"),
            ("GET", "events"): Route(self._events),
            ("POST", "spent"): Route(self._spent),
        }

    async def _status(self, asked: Asked) -> JsonValue:
        window_s = bodies.number_in(
            asked.last("window_s"), name="window_s", least=0, most=DAY_S, default=HOUR_S
        )
        now = self._clock.monotonic()
        left, limit = self._budget.left(now)
        traffic = await self._history.window(window_s)
        traffic["recent"] = self._traffic.window(RECENT_S, now=now)
        return {
            **self._modes.json(),
            "instance": self._feed.instance,
            "version": __version__,
            "upstream": self._health.json(),
            "traffic": traffic,
            "budget": {
                "left": left,
                "limit": limit,
                "window_s": int(WINDOW_S),
                "organisation_left": self._budget.organisation_left(now),
                "organisation_limit": self._budget.organisation_limit,
                **_share(self._budget.share(now)),
            },
            "leases": len(self._leases.all()),
            "waiting": self._admission.limiter.waiting,
            "webhooks": self._mailroom.json(),
        }

    async def _paths(self, _asked: Asked) -> JsonValue:
        return self._traffic.called.json(now=self._clock.monotonic())

    async def _policy(self, _asked: Asked) -> JsonValue:
        return self._policy_json()

    async def _put_policy(self, asked: Asked) -> JsonValue:
        wish = bodies.policy_wish(asked.body)
        if isinstance(wish, bodies.Ending):
            await self._leases.end(MANUAL, actor=wish.owner, reason=wish.reason)
        else:
            await self._leases.put(MANUAL, wish)
        return self._policy_json()

    async def _put_lease(self, asked: Asked) -> JsonValue:
        lease = await self._leases.put(bodies.lease_id(asked.rest), bodies.lease_wish(asked.body))
        return {**lease.json(), "warnings": self._warnings(lease)}

    async def _delete_lease(self, asked: Asked) -> JsonValue:
        by = bodies.ending(asked.body)
        lease = await self._leases.end(bodies.lease_id(asked.rest), actor=by.owner, reason=by.reason)
        return {"id": asked.rest, "ended": lease is not None}

    async def _events(self, asked: Asked) -> JsonValue:
        after = bodies.number_in(asked.last("after"), name="after", least=0, most=2**53, default=0)
        return await self._feed.page(int(after))

    async def _spent(self, asked: Asked) -> JsonValue:
        now = self._clock.monotonic()
        self._budget.spent(bodies.spent(asked.body), now)
        left, limit = self._budget.left(now)
        return {"left": left, "limit": limit}

    def _policy_json(self) -> JsonValue:
        return {
            "mode": self._modes.mode,
            **self._leases.effect.json(),
            "leases": [lease.json() for lease in self._leases.all()],
        }

    def _warnings(self, lease: Lease) -> list[JsonValue]:
        known = {lane.name for lane in self._settings.lanes} | {"default"}
        return [
            f"no lane is called {job}, and no request has named it in X-MX-Job yet; "
            f"the lanes are {', '.join(sorted(known))}"
            for job in lease.effect.paused_jobs
            if job not in known and not self._traffic.seen(job)
        ]

    async def _metrics(self, _asked: Asked) -> bytes:
        now = self._clock.monotonic()
        limiter = self._admission.limiter
        return metrics_text(
            self._traffic.ever(),
            {
                "mx_gateway_waiting": ("Requests that wait for their turn.", limiter.waiting),
                "mx_gateway_leases": ("Leases that are on.", len(self._leases.all())),
                "mx_gateway_rate_limit": (
                    "Requests per second in force; absent without one.",
                    limiter.rate_per_s,
                ),
                "mx_gateway_budget_left": (
                    "Requests left of MaintainX's own limit per user.",
                    self._budget.left(now)[0],
                ),
                **self._modes.gauges(),
                **self._mailroom.figures(),
            },
            answer_ms=self._traffic.answer_ms(),
        )


async def _alive(_asked: Asked) -> JsonValue:
    return {"ok": True}


def _share(share: Share | None) -> dict[str, JsonValue]:
    """Whose requests use MaintainX's limit up; null where MaintainX did not say."""
    if share is None:
        return {"our_share": None, "our_share_of": None, "used": None}
    return {"our_share": round(share.ours / share.used, 3), "our_share_of": share.whose, "used": share.used}
