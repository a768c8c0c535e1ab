"""The right half of the simulator's page: the fault board, the clock, the processes and the live traffic, as JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from bot.demo.faultboard import Board
from bot.demo.member import Member, StoryFault
from bot.demo.our_faults import OURS
from bot.demo.slack_faults import SLACK
from bot.demo.vendor_faults import VENDOR
from bot.demo.world import World

Json = Any
"""JSON as it came over the wire or goes out on it."""

EVERY_S = 1.0
"""Real seconds between two measurements of the traffic."""
WINDOW_S = 3.0
"""Real seconds over which a rate is measured."""
FAULTS = (*OURS, *VENDOR, *SLACK)
"""Everything on the board, in its order."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the people in a drill know of it; what is broken, they have to find out."""

    title: str
    story: str


class BoardRoutes:
    """What the page asks of the world. Every refusal is ``{"error": sentence}`` with 400 or 409.

    In a drill nobody sees or sets a fault: that is the scenario's business.
    """

    def __init__(self, world: World, *, board: Board | None = None, drill: Told | None = None) -> None:
        self._world = world
        self._board = board or Board(world, FAULTS)
        self._drill = drill
        self._spare: str | None = None

    @property
    def board(self) -> Board:
        """The faults."""
        return self._board

    def routes(self) -> list[web.RouteDef]:
        """All of them, under ``/sim``."""
        return [
            web.get("/sim/board", self._shown),
            web.post("/sim/board/on", self._changing(self._break)),
            web.post("/sim/board/off", self._changing(self._mend)),
            web.post("/sim/board/heal", self._changing(self._heal)),
            web.post("/sim/key", self._changing(self._fresh_key)),
            web.post("/sim/clock", self._changing(self._turn)),
            web.post("/sim/process", self._changing(self._process)),
            web.get("/sim/traffic", self._traffic),
        ]

    def state(self) -> dict[str, Json]:
        """What changes: what is broken, the clock, the processes."""
        world = self._world
        return {
            "on": {} if self._drill else self._board.on,
            "clock": {"now": world.clock.now().isoformat(), "speed": world.clock.hands.speed},
            "processes": {member.name: member.state for member in (world.bot, world.gateway)}
            | {"integration": "running"},
            "spare_key": self._spare,
        }

    async def _shown(self, _request: web.Request) -> web.Response:
        faults = [] if self._drill else [fault.as_json() for fault in FAULTS]
        requests, window_s = self._world.limit
        limit = {"requests": requests, "window_s": window_s}
        drill = {"title": self._drill.title, "story": self._drill.story} if self._drill else None
        return web.json_response({"faults": faults, "limit": limit, "drill": drill, **self.state()})

    def _changing(
        self, act: Callable[[Mapping[str, Json]], Awaitable[None]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                await act(_object(await request.json()))
            except (ValueError, TypeError) as fault:
                return web.json_response({"error": str(fault)}, status=400)
            except StoryFault as fault:
                return web.json_response({"error": str(fault)}, status=409)
            return web.json_response(self.state())

        return handle

    async def _break(self, body: Mapping[str, Json]) -> None:
        self._no_drill()
        values = body.get("values", {})
        if not isinstance(values, dict):
            raise ValueError("`values` is an object of the fault's parameters")
        await self._board.break_(str(body.get("id")), values)

    def _no_drill(self) -> None:
        if self._drill is not None:
            raise StoryFault("a drill is running: what breaks and what is mended is its own business")

    async def _mend(self, body: Mapping[str, Json]) -> None:
        self._no_drill()
        await self._board.mend(str(body.get("id")))

    async def _heal(self, _body: Mapping[str, Json]) -> None:
        self._no_drill()
        await self._board.heal()

    async def _fresh_key(self, _body: Mapping[str, Json]) -> None:
        """MaintainX's settings give another key, for whoever rotates."""
        self._spare = f"mxk-{self._world.maintainx.rows.new_id()}-{self._world.slack.state.new_id('K')}"
        self._world.maintainx.add_key(self._spare)

    async def _turn(self, body: Mapping[str, Json]) -> None:
        match body:
            case {"speed": int() | float() as speed} if not isinstance(speed, bool):
                self._world.clock.run_at(speed)
            case {"jump_s": int() | float() as seconds} if not isinstance(seconds, bool):
                self._world.clock.jump(seconds)
            case _:
                raise ValueError('the clock takes {"speed": 1, 10 or 60} or {"jump_s": seconds}')

    async def _process(self, body: Mapping[str, Json]) -> None:
        if body.get("name") == "integration":
            _do_integration(self._world, str(body.get("action")))
            return
        members = {member.name: member for member in (self._world.bot, self._world.gateway)}
        found = members.get(str(body.get("name")))
        if found is None:
            raise ValueError(f"there are the processes {', '.join(members)}, integration")
        await _do(found, str(body.get("action")))

    async def _traffic(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        while True:
            told = {"traffic": await self._measured(), **self.state()}
            try:
                await stream.write(f"data: {json.dumps(told)}\n\n".encode())
            except ConnectionError:
                return stream
            await asyncio.sleep(EVERY_S)

    async def _measured(self) -> dict[str, Json] | None:
        """The gateway's own figures, per simulated second; None while it does not answer."""
        speed = self._world.clock.hands.speed
        window_s = WINDOW_S * speed
        try:
            status: Json = await self._world.gateway_status(window_s)
        except (aiohttp.ClientError, TimeoutError, ValueError, StoryFault):
            return None
        received = sum(self._world.maintainx.counts(window_s).values())
        return measured(status, window_s=window_s) | {"received": round(received / window_s, 3)}


def _object(body: Json) -> Mapping[str, Json]:
    if not isinstance(body, dict):
        raise ValueError("a JSON object was expected")
    return body


def measured(status: Json, *, window_s: float) -> dict[str, Json]:
    """What the page draws of ``/-/status``: requests per simulated second by answer and by lane, and what waits."""
    traffic = status["traffic"]

    def rates(counts: Mapping[str, int]) -> dict[str, float]:
        return {name: round(count / window_s, 3) for name, count in sorted(counts.items()) if count}

    lanes = {name: rates(counts) for name, counts in sorted(traffic["lanes"].items())}
    return {
        "answers": rates(traffic["by_status"]),
        "lanes": lanes,
        "held": rates(traffic["limited"]),
        "failed": rates(traffic["failed"]),
        "refused": rates(traffic["refused"]),
        "mode": status["mode"],
        "leases": status["leases"],
        "waiting": status["waiting"],
        "buffer": {name: status["buffer"][name] for name in ("waiting", "sending", "delivered", "parked")},
        "circuit": status["circuit"]["state"],
        "p95_ms": traffic["latency"]["p95_ms"],
        "replay": {name: status["replay"][name] for name in ("state", "total", "done", "left")},
    }


def _do_integration(world: World, action: str) -> None:
    """The integration reads its key when it starts, as most do: after a rotation it has to be started anew."""
    if action != "restart":
        raise ValueError("the integration takes restart; to break it, use the fault board")
    world.restart_integration()


async def _do(member: Member, action: str) -> None:
    match action:
        case "start":
            await member.start()
        case "stop":
            await member.stop()
        case "kill":
            await member.stop(kill=True)
        case "restart":
            await member.restart()
        case _:
            raise ValueError("a process takes one of start, stop, kill, restart")
