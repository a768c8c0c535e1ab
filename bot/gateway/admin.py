"""The admin routes under ``/-/``: health, metrics, status, policy, leases, the event feed, the bot's own requests."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from aiohttp import web
from pydantic import JsonValue

from bot.errors import Refused, StoreError
from bot.gateway import bodies
from bot.gateway.access import may_administer
from bot.gateway.admission import Admission
from bot.gateway.budget import Budget, Share
from bot.gateway.edge import Sent, say
from bot.gateway.health import Health
from bot.gateway.leases import MANUAL, Lease, Leases
from bot.gateway.metrics import CONTENT_TYPE, metrics_text
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import HOUR_S, RECENT_S, Traffic
from bot.gateway.traffic_store import DAY_S, TrafficStore
from bot.maintainx import WINDOW_S
from bot.ports import Clock

_Query = dict[str, list[str]]
_Route = Callable[[bytes, _Query, str], Awaitable[JsonValue]]


class Admin:
    """Answers ``/-/...``; every fault is a sentence in ``{"error": ...}``."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock,
        leases: Leases,
        admission: Admission,
        budget: Budget,
        traffic: Traffic,
        history: TrafficStore,
        health: Health,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._leases = leases
        self._admission = admission
        self._budget = budget
        self._traffic = traffic
        self._history = history
        self._health = health
        self._routes: dict[tuple[str, str], _Route] = {
            ("GET", "status"): self._status,
            ("GET", "policy"): self._policy,
            ("PUT", "policy"): self._put_policy,
            ("PUT", "leases"): self._put_lease,
            ("DELETE", "leases"): self._delete_lease,
            ("GET", "events"): self._events,
            ("POST", "spent"): self._spent,
        }

    async def answer(self, request: web.BaseRequest) -> Sent:
        """Answer one request for ``/-/...``."""
        path, _, query = request.raw_path.removeprefix("/-/").partition("?")
        method = "GET" if request.method == "HEAD" else request.method
        if method == "GET" and path in ("healthz", "metrics"):
            return await self._open(request, path)
        if not self._allowed(request):
            return await self._unauthorized(request)
        name, _, rest = path.partition("/")
        route = self._routes.get((method, name))
        if route is None or bool(rest) != (name == "leases"):
            return await self._no_route(request, name)
        try:
            answer = await route(await self._body(request), _query(query), unquote(rest))
        except Refused as refused:
            return await say(request, HTTPStatus.BAD_REQUEST, {"error": str(refused)}, close=True)
        except StoreError as error:
            return await say(request, HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)})
        return await say(request, HTTPStatus.OK, answer)

    async def _open(self, request: web.BaseRequest, path: str) -> Sent:
        """What everybody may see."""
        if path == "healthz":
            return await say(request, HTTPStatus.OK, {"ok": True})
        return await say(request, HTTPStatus.OK, self._metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def _unauthorized(self, request: web.BaseRequest) -> Sent:
        text = (
            "this route needs the gateway's token; send it as Authorization: Bearer (MX_GATEWAY_TOKEN)"
            if self._settings.token is not None
            else "without a token these routes answer on this machine alone; set MX_GATEWAY_TOKEN"
            " for the gateway and the bot"
        )
        asked = {"WWW-Authenticate": "Bearer"}
        return await say(request, HTTPStatus.UNAUTHORIZED, {"error": text}, headers=asked, close=True)

    def _allowed(self, request: web.BaseRequest) -> bool:
        given = [value for name, value in request.raw_headers if name.lower() == b"authorization"]
        return may_administer(
            self._settings.token,
            authorization=given[0] if len(given) == 1 else None,
            peer=request.remote,
            headers=request.headers,
        )

    async def _no_route(self, request: web.BaseRequest, name: str) -> Sent:
        methods = sorted({method for method, route in self._routes if route == name})
        if methods and name != "leases":
            text = f"/-/{name} does not take {request.method}; use {' or '.join(methods)}"
            return await say(
                request, HTTPStatus.METHOD_NOT_ALLOWED, {"error": text}, headers={"Allow": ", ".join(methods)}
            )
        known = "healthz, metrics, status, policy, leases/ID, events?after=N, spent"
        text = f"this gateway has no such route for {request.method}; under /-/ there are {known}"
        return await say(request, HTTPStatus.NOT_FOUND, {"error": text}, close=True)

    async def _body(self, request: web.BaseRequest) -> bytes:
        found = b""
        try:
            async with asyncio.timeout(self._settings.stall_s):
                while data := await request.content.readany():
                    found += data
                    if len(found) > bodies.MAX_BODY:
                        raise Refused(f"the body is too long; send at most {bodies.MAX_BODY} bytes")
        except TimeoutError:
            raise Refused("the body did not come to its end; send all of it") from None
        return found

    async def _status(self, _body: bytes, query: _Query, _rest: str) -> JsonValue:
        window_s = bodies.number_in(
            query.get("window_s", [None])[-1], name="window_s", least=0, most=DAY_S, default=HOUR_S
        )
        now = self._clock.monotonic()
        left, limit = self._budget.left(now)
        traffic = await self._history.window(window_s)
        traffic["recent"] = self._traffic.window(RECENT_S, now=now)
        limiter = self._admission.limiter
        return {
            "mode": self._leases.effect.mode,
            "instance": self._leases.instance,
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
            "waiting": limiter.waiting,
            "buffer": {"waiting": 0},
        }

    async def _policy(self, _body: bytes, _query: _Query, _rest: str) -> JsonValue:
        return self._policy_json()

    async def _put_policy(self, body: bytes, _query: _Query, _rest: str) -> JsonValue:
        wish = bodies.policy_wish(body)
        if isinstance(wish, bodies.Ending):
            await self._leases.end(MANUAL, actor=wish.owner, reason=wish.reason)
        else:
            await self._leases.put(MANUAL, wish)
        return self._policy_json()

    async def _put_lease(self, body: bytes, _query: _Query, rest: str) -> JsonValue:
        lease = await self._leases.put(bodies.lease_id(rest), bodies.lease_wish(body))
        return {**lease.json(), "warnings": self._warnings(lease)}

    async def _delete_lease(self, body: bytes, _query: _Query, rest: str) -> JsonValue:
        by = bodies.ending(body)
        lease = await self._leases.end(bodies.lease_id(rest), actor=by.owner, reason=by.reason)
        return {"id": rest, "ended": lease is not None}

    async def _events(self, _body: bytes, query: _Query, _rest: str) -> JsonValue:
        after = bodies.number_in(query.get("after", [None])[-1], name="after", least=0, most=2**53, default=0)
        return await self._leases.events(int(after))

    async def _spent(self, body: bytes, _query: _Query, _rest: str) -> JsonValue:
        now = self._clock.monotonic()
        self._budget.spent(bodies.spent(body), now)
        left, limit = self._budget.left(now)
        return {"left": left, "limit": limit}

    def _policy_json(self) -> JsonValue:
        effect = self._leases.effect
        return {
            "mode": effect.mode,
            "rate_per_s": effect.rate_per_s,
            "paused_jobs": list(effect.paused_jobs),
            "retry": False,
            "poll": False,
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

    def _metrics(self) -> bytes:
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
            },
            answer_ms=self._traffic.answer_ms(),
        )


def _share(share: Share | None) -> dict[str, JsonValue]:
    """Whose requests use MaintainX's limit up; null where MaintainX did not say."""
    if share is None:
        return {"our_share": None, "our_share_of": None, "used": None}
    return {"our_share": round(share.ours / share.used, 3), "our_share_of": share.whose, "used": share.used}


def _query(text: str) -> _Query:
    return parse_qs(text, keep_blank_values=True)
