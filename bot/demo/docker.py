"""A Docker engine on a Unix socket: the shapes of its API for containers that run, crash, and are started anew."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from aiohttp import web

from bot.demo.door import wall_clock

API_VERSION = "1.50"
OLDEST_VERSION = "1.24"

Status = Literal["created", "running", "paused", "restarting", "exited", "dead"]
Start = Literal["runs", "crashes", "loops", "refused"]

_NEVER = "0001-01-01T00:00:00Z"
_VERSION = re.compile(r"/v(\d+)\.(\d+)(/.*)")
_ONE = re.compile(r"/containers/([^/]+)/(json|stats|restart|start)")
_KILLED = 137


@dataclass(slots=True)
class FakeContainer:
    """One container; a story sets how it is, and what becomes of its next start."""

    name: str
    status: Status = "running"
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    restart_count: int = 0
    policy: str = "no"
    memory_limit: int = 0
    """Bytes; 0 is no limit."""
    memory_used: int = 120 * 2**20
    environment: tuple[str, ...] = ("PATH=/usr/bin",)
    created_at: str = "2026-01-05T08:00:00.000000001Z"
    started_at: str = _NEVER
    finished_at: str = _NEVER
    next_start: Start = "runs"
    """``crashes``: it ends at once; ``loops``: so it does, and is started again for ever; ``refused``: an error."""
    crash_code: int = 1
    stop_s: float = 0.0
    """How long it takes to end when it is told to."""
    on_restart: Callable[[], None] | None = None
    """Called after each start that somebody asked for."""
    starts: list[str] = field(default_factory=list)
    """Which requests started it, in order."""


class FakeDocker:
    """An engine whose containers a story holds in its hands."""

    def __init__(self, *containers: FakeContainer, now: Callable[[], datetime] = wall_clock) -> None:
        self.containers = {container.name: container for container in containers}
        self.asked: list[str] = []
        """Every request: ``GET /containers/x/json``."""
        self.hangs = False
        """Take requests and never answer."""
        self._now = now
        self._count = 0
        for container in containers:
            if container.status != "created" and container.started_at == _NEVER:
                container.started_at = self._time()
            if container.status in ("exited", "restarting", "dead") and container.finished_at == _NEVER:
                container.finished_at = self._time()

    @asynccontextmanager
    async def serve(self, socket: Path) -> AsyncIterator[Self]:
        """Listen on this socket until the block ends."""
        runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.05)
        await runner.setup()
        try:
            await web.UnixSite(runner, str(socket)).start()
            yield self
        finally:
            await runner.cleanup()

    def crash(self, name: str, *, exit_code: int = 1, oom: bool = False, restarts: int = 0) -> None:
        """The container's process ends now; for want of memory it is killed."""
        container = self.containers[name]
        container.status, container.finished_at = "exited", self._time()
        container.exit_code = _KILLED if oom else exit_code
        container.oom_killed = oom
        container.restart_count = restarts or container.restart_count

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.hangs:
            await asyncio.Event().wait()
        path = request.path
        if version := _VERSION.fullmatch(path):
            asked = (int(version[1]), int(version[2]))
            if asked > _pair(API_VERSION) or asked < _pair(OLDEST_VERSION):
                return _message(
                    400,
                    f"client version {version[1]}.{version[2]} is not one of {OLDEST_VERSION} to {API_VERSION}",
                )
            path = version[3]
        if path == "/_ping":
            return web.Response(text="OK", headers={"Api-Version": API_VERSION, "Ostype": "linux"})
        if (request.method, path) == ("GET", "/containers/json"):
            return web.json_response(self._listed(everything=request.query.get("all") in ("1", "true")))
        found = _ONE.fullmatch(path)
        if found is None:
            return _message(404, "page not found")
        container = self.containers.get(found[1])
        if container is None:
            return _message(404, f"No such container: {found[1]}")
        match request.method, found[2]:
            case "GET", "json":
                return web.json_response(_inspected(container))
            case "GET", "stats":
                return web.json_response(_stats(container))
            case "POST", "restart" | "start" as what:
                return await self._start(container, what, grace_s=float(request.query.get("t", "10")))
            case _:
                return _message(405, "method not allowed")

    def _listed(self, *, everything: bool) -> list[dict[str, object]]:
        return [
            {"Id": _id(one), "Names": [f"/{one.name}"], "State": one.status, "Status": one.status}
            for one in self.containers.values()
            if everything or one.status in ("running", "restarting", "paused")
        ]

    async def _start(self, container: FakeContainer, what: str, *, grace_s: float) -> web.Response:
        if what == "start" and container.status == "running":
            return web.Response(status=304)
        if container.status == "dead":
            return _message(409, "container is marked for removal and cannot be started")
        if container.status in ("running", "paused"):
            await asyncio.sleep(min(container.stop_s, grace_s))
            container.exit_code = _KILLED if container.stop_s > grace_s else 143
            container.status, container.finished_at = "exited", self._time()
        if container.next_start == "refused":
            container.error = "driver failed programming external connectivity: port is already allocated"
            return _message(500, f"Cannot restart container {container.name}: {container.error}")
        container.starts.append(what)
        container.restart_count, container.oom_killed, container.error = 0, False, ""
        container.started_at = self._time()
        self._begin(container)
        if container.on_restart is not None:
            container.on_restart()
        return web.Response(status=204)

    def _begin(self, container: FakeContainer) -> None:
        if container.next_start == "runs":
            container.status, container.exit_code = "running", 0
            return
        container.exit_code, container.finished_at = container.crash_code, self._time()
        container.status = "exited"
        if container.next_start == "loops":
            container.status, container.restart_count = "restarting", 3

    def _time(self) -> str:
        """Go's form, with nanoseconds; never the same twice."""
        self._count += 1
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{self._count % 1000:03d}Z"


def _inspected(container: FakeContainer) -> dict[str, object]:
    return {
        "Id": _id(container),
        "Name": f"/{container.name}",
        "Created": container.created_at,
        "RestartCount": container.restart_count,
        "State": {
            "Status": container.status,
            "Running": container.status in ("running", "paused", "restarting"),
            "Paused": container.status == "paused",
            "Restarting": container.status == "restarting",
            "OOMKilled": container.oom_killed,
            "Dead": container.status == "dead",
            "Pid": 4711 if container.status == "running" else 0,
            "ExitCode": container.exit_code,
            "Error": container.error,
            "StartedAt": container.started_at,
            "FinishedAt": container.finished_at,
        },
        "HostConfig": {
            "Memory": container.memory_limit,
            "RestartPolicy": {"Name": container.policy, "MaximumRetryCount": 0},
        },
        "Config": {"Image": "maintainx-sync:1", "Env": list(container.environment)},
    }


def _stats(container: FakeContainer) -> dict[str, object]:
    if container.status != "running":
        return {"name": f"/{container.name}", "memory_stats": {}}
    cached = 30 * 2**20
    return {
        "name": f"/{container.name}",
        "memory_stats": {
            "usage": container.memory_used + cached,
            "stats": {"inactive_file": cached, "anon": container.memory_used},
            "limit": container.memory_limit or 8 * 2**30,
        },
    }


def _id(container: FakeContainer) -> str:
    return container.name.encode().hex().ljust(64, "0")[:64]


def _pair(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _message(status: int, text: str) -> web.Response:
    return web.json_response({"message": text}, status=status)
