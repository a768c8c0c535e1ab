"""Health, readiness and metrics: for the platform that runs the bot, and for Prometheus."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.meter import Family, Figure
from bot.web.exposition import CONTENT_TYPE, exposition
from bot.web.state import Look


def routes(look: Callable[[], Awaitable[Look]], *, loops: Callable[[], Look]) -> list[web.RouteDef]:
    """``GET /healthz``, ``/readyz`` and ``/metrics`` over one look at the process.

    ``look`` asks the store too; ``loops`` knows the process's loops alone and waits for nothing. Neither raises.
    """

    async def healthz(_request: web.Request) -> web.Response:
        # A process whose event loop is stuck does not answer at all, which says the same.
        if hung := loops().hung:
            return web.json_response({"status": "hung", "because": list(hung)}, status=503)
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        if faults := (await look()).faults:
            return web.json_response({"status": "not ready", "because": list(faults)}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=exposition(families(await look())), headers={"Content-Type": CONTENT_TYPE})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


def families(look: Look) -> tuple[Family, ...]:
    """Every figure there is: the process's own, and what others have counted."""
    leader = Figure(
        "mx_leader", "1 where this process follows, 0 where it only takes requests.", kind="gauge"
    )
    leader.set(look.leader)
    ready = Figure("mx_ready", "1 where /readyz answers 200.", kind="gauge")
    ready.set(not look.faults)
    up = Figure("mx_loop_up", "1 while the loop (a follower, Socket Mode) runs.", "loop", kind="gauge")
    restarts = Figure("mx_loop_restarts_total", "Times that a loop was started again.", "loop")
    late = Figure(
        "mx_loop_late_seconds",
        "For how long a loop has been at work since it last came round.",
        "loop",
        kind="gauge",
    )
    for name, loop in look.loops.items():
        up.set(loop.up, name)
        restarts.add(name, by=loop.restarts)
        late.set(loop.late_s, name)
    return (leader, ready, up, restarts, late, *look.families)
