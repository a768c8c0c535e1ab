"""A gateway's admin side on loopback, for tests of what speaks to it: it keeps leases and counts what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

from bot import __version__
from bot.ports import Clock
from tests.buffer_standin import BufferStandIn

TOKEN = "opens-the-stand-in"


class GatewayStandIn:
    """Leases, traffic and events in memory; ``broken`` makes it answer with that status."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.leases: dict[str, dict[str, Any]] = {}
        self.answers: list[tuple[float, str, int]] = []
        self.called: list[dict[str, Any]] = []
        self.fates: dict[str, int] = {}
        self.latency: dict[str, Any] = {}
        self.budget: dict[str, Any] = {}
        self.last_good: dict[str, Any] = {}
        self.mail: dict[str, Any] = {}
        self.log: list[dict[str, Any]] = []
        self.buffer = BufferStandIn(clock, self.note)
        self.circuit: dict[str, Any] = {"state": "closed", "failures": 0, "since": None, "says": ""}
        self.disk: dict[str, Any] = {"path": "mx-gateway.db", "keeps": True, "says": "an ordinary disk"}
        self.calls: list[str] = []
        self.instance = "stand-in-1"
        self.version = __version__
        self.host = ""
        self.broken: int | None = None
        self.drop_answer_of: str | None = None
        self.hold_answer_of: str | None = None
        self.holding = asyncio.Event()
        self.url = ""

    def traffic(self, status: int, *, lane: str = "critical", times: int = 1) -> None:
        """Requests that MaintainX answered just now."""
        self.answers += [(self.clock.monotonic(), lane, status)] * times

    def note(
        self, what: str, *, actor: str, lease: str | None = None, buffer_id: str = "", says: str = ""
    ) -> None:
        """One line of the event feed."""
        n, at = len(self.log) + 1, self.clock.now().isoformat()
        about = {"lease": lease, "buffer_id": buffer_id}
        self.log.append({"n": n, "at": at, "actor": actor, "what": what, **about, "says": says})

    def vendor(self, event: str, says: str, *, delivery: str = "mxd_1", ago_s: float = 0.0) -> None:
        """MaintainX told by webhook what somebody changed there, so long ago."""
        self.note("vendor_change", actor="maintainx", says=says)
        at = (self.clock.now() - timedelta(seconds=ago_s)).isoformat()
        self.log[-1] |= {"at": at, "delivery": delivery, "event": event}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["GatewayStandIn"]:
        """Listen on a free port until the block ends."""
        app = web.Application(middlewares=[self._door])
        app.router.add_get("/-/status", self._status)
        app.router.add_get("/-/paths", self._paths)
        app.router.add_get("/-/policy", self._policy)
        app.router.add_put("/-/leases/{id}", self._put)
        app.router.add_delete("/-/leases/{id}", self._delete)
        app.router.add_get("/-/events", self._events)
        app.router.add_post("/-/spent", self._spent)
        app.router.add_routes(self.buffer.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _door(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.calls.append(f"{request.method} {request.path_qs}")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "send the bearer token"}, status=401)
        if self.broken is not None:
            return web.json_response({"error": "the disk is full"}, status=self.broken)
        answer: web.StreamResponse = await handler(request)
        if self.hold_answer_of == request.method:
            self.holding.set()
            await asyncio.Event().wait()
        if self.drop_answer_of == request.method and request.transport is not None:
            request.transport.abort()
        return answer

    async def _status(self, request: web.Request) -> web.Response:
        window_s = float(request.query.get("window_s", "300"))
        since = self.clock.monotonic() - window_s
        seen = [(lane, str(status)) for at, lane, status in self.answers if at > since]
        lanes: dict[str, dict[str, int]] = {}
        by_status: dict[str, int] = {}
        for lane, status in seen:
            by_status[status] = by_status.get(status, 0) + 1
            lanes.setdefault(lane, {})[status] = lanes.get(lane, {}).get(status, 0) + 1
        traffic = {
            "window_s": window_s,
            "total": len(seen),
            "by_status": by_status,
            "lanes": lanes,
            "limited": {},
            "fates": self.fates,
            "latency": self.latency,
        }
        return web.json_response(
            {
                "mode": self._mode(),
                "instance": self.instance,
                "version": self.version,
                "traffic": traffic,
                "budget": self.budget,
                "upstream": {"host": self.host, "last_good": self.last_good},
                "webhooks": self.mail,
                "buffer": self.buffer.json(),
                "circuit": self.circuit,
                "replay": self.buffer.replay_json(),
                "disk": self.disk,
            }
        )

    async def _paths(self, request: web.Request) -> web.Response:
        return web.json_response({"window_s": 3600, "paths": self.called})

    def _mode(self) -> str:
        if any(lease.get("buffer") == "on" for lease in self.leases.values()):
            return "buffering"
        if self.buffer.of("waiting"):
            return "draining"
        return "limited" if self.leases else "pass"

    async def _policy(self, request: web.Request) -> web.Response:
        rates = [lease["rate_per_s"] for lease in self.leases.values() if lease.get("rate_per_s")]
        jobs = sorted({job for lease in self.leases.values() for job in lease.get("paused_jobs", [])})
        return web.json_response(
            {
                "mode": self._mode(),
                "rate_per_s": min(rates, default=None),
                "paused_jobs": jobs,
                **self._switches(),
                "leases": list(self.leases.values()),
            }
        )

    def _switches(self) -> dict[str, Any]:
        found = list(self.leases.values())
        buffers = {lease.get("buffer") for lease in found}
        return {
            "buffer": next((mode for mode in ("on", "auto") if mode in buffers), None),
            "retry": any(lease.get("retry", False) for lease in found),
            "poll": any(lease.get("poll", False) for lease in found),
            "forward": next((lease["forward"] for lease in found if lease.get("forward")), None),
        }

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.json()
        now = self.clock.now()
        lease = {
            "id": request.match_info["id"],
            "since": now.isoformat(),
            "expires_at": (now + timedelta(seconds=body["ttl_s"])).isoformat(),
            **body,
        }
        replaced = lease["id"] in self.leases
        self.leases[lease["id"]] = lease
        self.note("lease_replaced" if replaced else "lease_started", actor=body["owner"], lease=lease["id"])
        return web.json_response(lease)

    async def _delete(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = request.match_info["id"]
        if self.leases.pop(name, None):
            self.note("lease_deleted", actor=body["owner"], lease=name)
        return web.json_response({"id": name})

    async def _events(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        page = [event for event in self.log if event["n"] > after][:100]
        return web.json_response(
            {"instance": self.instance, "events": page, "next": page[-1]["n"] if page else after}
        )

    async def _spent(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.note("spent", actor="mx", says=str(body["requests"]))
        return web.json_response({})
