"""Health, readiness and metrics: for the platform that runs the bot, and for Prometheus."""

from collections.abc import Awaitable, Callable, Iterator

from aiohttp import web

from bot.errors import StoreError
from bot.web.state import Look

SEVERITIES = ("SEV-1", "SEV-2", "SEV-3", "SEV-4")


def routes(look: Callable[[], Awaitable[Look]]) -> list[web.RouteDef]:
    """``GET /healthz``, ``/readyz`` and ``/metrics`` over one look at the process."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_request: web.Request) -> web.Response:
        try:
            faults = (await look()).faults
        except StoreError as error:
            faults = (str(error),)
        if faults:
            return web.json_response({"status": "not ready", "because": list(faults)}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(_request: web.Request) -> web.Response:
        try:
            text = exposition(await look())
        except StoreError as error:
            return web.json_response({"error": str(error)}, status=503)
        return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


def exposition(look: Look) -> str:
    """Prometheus's text format."""
    return "\n".join(_lines(look)) + "\n"


def _lines(look: Look) -> Iterator[str]:
    yield from _metric("mx_timeline_events_total", "counter", "Facts on the timeline.")
    yield f"mx_timeline_events_total {look.events}"
    yield from _metric("mx_open_incidents", "gauge", "Open incidents by severity.")
    for severity in SEVERITIES:
        yield f'mx_open_incidents{{severity="{severity}"}} {look.open_incidents.get(severity, 0)}'
    yield from _metric("mx_leader", "gauge", "1 where this process follows, 0 where it only takes requests.")
    yield f"mx_leader {int(look.leader)}"
    yield from _metric("mx_ready", "gauge", "1 where /readyz answers 200.")
    yield f"mx_ready {int(not look.faults)}"
    yield from _metric("mx_loop_up", "gauge", "1 while the loop (a follower, Socket Mode) runs.")
    for name, loop in look.loops.items():
        yield f"mx_loop_up{{loop={_quoted(name)}}} {int(loop.up)}"
    yield from _metric("mx_loop_restarts_total", "counter", "Times that a loop was started again.")
    for name, loop in look.loops.items():
        yield f"mx_loop_restarts_total{{loop={_quoted(name)}}} {loop.restarts}"
    yield from _metric("mx_slack_calls_total", "counter", "Calls to Slack by method and outcome.")
    for (method, outcome), count in sorted(look.slack_calls.items()):
        yield f"mx_slack_calls_total{{method={_quoted(method)},outcome={_quoted(outcome)}}} {count}"


def _metric(name: str, kind: str, says: str) -> Iterator[str]:
    yield f"# HELP {name} {says}"
    yield f"# TYPE {name} {kind}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
