"""The shapes that a service's health page comes in: the three that mx knows, and others."""

from collections.abc import Mapping, Sequence
from typing import Literal

from aiohttp import web

from bot.demo.jobs import Result

HealthShape = Literal["checks", "metrics", "named", "text", "html", "broken", "silent"]
"""What ``/health`` looks like: the three known shapes, plain text, HTML, a crash, or no answer."""


def shown(
    shape: HealthShape, status: int, body: Mapping[str, object], *, results: Sequence[Result]
) -> web.Response:
    """The page in this shape; ``body`` is what the ``checks`` shape says, ``results`` are the jobs' latest calls."""
    ok, uptime = body["status"] == "healthy", body["uptime"]
    match shape:
        case "metrics":
            hits = sum(result.status == 429 for result in results)  # noqa: PLR2004 - HTTP
            metrics = {"totalRequests": len(results), "rateLimitHits": hits, "syncLagSeconds": 0}
            return web.json_response({"status": "healthy", "uptime": uptime, "metrics": metrics})
        case "named":
            named = {
                "maintainx": {"status": ok, "latencyMs": 120},
                "queue": {"status": True, "latencyMs": 1},
            }
            told = {"status": "healthy" if ok else "unhealthy", "checks": named}
            return web.json_response(told, status=status)
        case "text":
            return web.Response(text="OK" if ok else "NOT OK", status=status)
        case "html":
            return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")
        case "broken":
            return web.Response(text="Internal Server Error", status=500)
        case _:
            return web.json_response(body, status=status)
