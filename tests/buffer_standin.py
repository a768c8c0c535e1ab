"""The buffer and the replay of the gateway's stand-in: writes and their fates, moved on by the test that holds it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.ports import Clock

Note = Callable[..., None]
STATES = ("waiting", "sending", "delivered", "rejected", "unknown")
PARKED = "the connection broke after it was sent; nothing like it was found at MaintainX since"


class BufferStandIn:
    """Answers ``/-/buffer`` and ``/-/replay`` as the contract says; ``deliver`` is the replay's hand."""

    def __init__(self, clock: Clock, note: Note) -> None:
        self._clock = clock
        self._note = note
        self.writes: dict[str, dict[str, Any]] = {}
        self.limit_bytes = 1_000_000
        self.full: str | None = None
        self.refuses = ""
        """The sentence with which it refuses to start a replay."""
        self.rate_per_min = 40.0
        self.largest_page = 100
        self.progress: dict[str, Any] = {"state": "idle", "total": 0, "done": 0, "parked": 0, "by": ""}

    def take(self, count: int = 1, *, state: str = "waiting", **changes: Any) -> list[str]:
        """Buffer some writes; those of state ``unknown`` are parked."""
        ids = []
        for _ in range(count):
            number = len(self.writes) + 1
            made = {
                "buffer_id": f"mxb_{number:04}",
                "method": "PATCH",
                "path": f"/v1/workorders/{number}",
                "lane": "critical",
                "state": state,
                "parked": state == "unknown",
                "entity": f"workorder {number}",
                "received_at": self._clock.now().isoformat(),
                "sent_at": None if state == "waiting" else self._clock.now().isoformat(),
                "attempts": 0 if state == "waiting" else 1,
                "bytes": 40,
                "says": PARKED if state == "unknown" else "",
                "answer": {"status": 422, "body": "title: too long"} if state == "rejected" else None,
                "headers": [["Content-Type", "application/json"]],
                "body": '{"title": "Pump 7"}',
                **changes,
            }
            self.writes[made["buffer_id"]] = made
            ids.append(made["buffer_id"])
        return ids

    def of(self, state: str) -> list[dict[str, Any]]:
        """The writes of this state, in order."""
        return [write for write in self.writes.values() if write["state"] == state]

    def deliver(self, count: int = 1) -> None:
        """Let the running replay deliver so many; it is done when none is left."""
        if self.progress["state"] != "running":
            return
        for write in self.of("waiting")[:count]:
            write |= {"state": "delivered", "answer": {"status": 200, "body": "{}"}}
            self.progress["done"] += 1
        if not self.of("waiting"):
            self.progress["state"] = "done"
            self._note("replay_finished", actor="gateway", says=f"{self.progress['done']} writes delivered")

    @property
    def counts(self) -> dict[str, int]:
        """How many writes have which fate."""
        return {state: len(self.of(state)) for state in STATES}

    def json(self) -> dict[str, Any]:
        """The buffer as the status shows it."""
        parked = sum(write["parked"] for write in self.writes.values())
        oldest = self.of("waiting")[0]["received_at"] if self.of("waiting") else None
        held = sum(write["bytes"] for write in self.writes.values())
        limits = {"bytes": held, "limit_bytes": self.limit_bytes, "full": self.full, "encrypted": False}
        return {**self.counts, "parked": parked, "oldest": oldest, **limits}

    def replay_json(self) -> dict[str, Any]:
        """The replay as its route shows it."""
        left = len(self.of("waiting"))
        oldest = self.of("waiting")[0]["received_at"] if left else None
        running = self.progress["state"] == "running"
        eta_s = left / self.rate_per_min * 60 if running else None
        rate = self.rate_per_min if running else 0.0
        return {
            **self.progress,
            "left": left,
            "rate_per_min": rate,
            "eta_s": eta_s,
            "oldest": oldest,
            "says": "",
        }

    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [
            web.get("/-/buffer", self._list),
            web.get("/-/buffer/{id}", self._show),
            web.post("/-/buffer/{id}", self._decide),
            web.get("/-/replay", self._replay),
            web.post("/-/replay", self._control),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        state, start = request.query.get("state"), int(request.query.get("cursor", "0"))
        limit = min(int(request.query.get("limit", "100")), self.largest_page)
        found = [write for write in self.writes.values() if state in {None, write["state"]}]
        page = [
            {name: value for name, value in write.items() if name not in {"headers", "body"}}
            for write in found[start : start + limit]
        ]
        more = str(start + limit) if start + limit < len(found) else None
        return web.json_response({"counts": self.counts, "items": page, "next": more})

    async def _show(self, request: web.Request) -> web.Response:
        write = self.writes.get(request.match_info["id"])
        return web.json_response(write) if write else _refused(404, "there is no such write in the buffer")

    async def _decide(self, request: web.Request) -> web.Response:
        body, write = await request.json(), self.writes.get(request.match_info["id"])
        if write is None:
            return _refused(404, "there is no such write in the buffer")
        action, owner, reason = body["action"], body["owner"], body["reason"]
        if action == "drop":
            write |= {"state": "dropped", "parked": False, "says": f"dropped by {owner}: {reason}"}
            self._note("write_dropped", actor=owner, buffer_id=write["buffer_id"], says=reason)
            return web.json_response(write)
        if not write["parked"] and write["state"] != "rejected":
            return _refused(409, f"{write['buffer_id']} is {write['state']}; nothing is to be decided of it")
        sent = action == "resend"
        write |= {
            "state": "waiting" if sent else "delivered",
            "parked": False,
            "says": f"{action} by {owner}",
        }
        what = "write_resent" if sent else "write_arrived"
        self._note(what, actor=owner, buffer_id=write["buffer_id"], says=reason)
        return web.json_response(write)

    async def _replay(self, _request: web.Request) -> web.Response:
        return web.json_response(self.replay_json())

    async def _control(self, request: web.Request) -> web.Response:
        body = await request.json()
        action, state = body["action"], self.progress["state"]
        if body["dry_run"]:
            return web.json_response(self._dry_run(self._clock.now()))
        allowed = {"start": ("idle", "done"), "pause": ("running",), "resume": ("paused",)}
        if state not in allowed.get(action, ("running", "paused")):
            return _refused(409, f"the replay is {state}; there is nothing to {action}")
        if action == "start" and self.refuses:
            return _refused(409, self.refuses)
        becomes = {"start": "running", "pause": "paused", "resume": "running", "cancel": "idle"}
        told = {"start": "started", "pause": "paused", "resume": "resumed", "cancel": "cancelled"}
        if action == "start":
            total = len(self.of("waiting"))
            self.progress = {"total": total, "done": 0, "parked": 0, "by": body["owner"]}
        self.progress["state"] = becomes[action]
        self._note(f"replay_{told[action]}", actor=body["owner"], says=body["reason"])
        return web.json_response(self.replay_json())

    def _dry_run(self, now: datetime) -> dict[str, Any]:
        total = len(self.of("waiting"))
        minutes = round(total / self.rate_per_min)
        says = f"{total} writes, oldest {now:%H:%M} UTC, about {minutes} minutes at {self.rate_per_min:.0f} a minute"
        return {
            **self.replay_json(),
            "total": total,
            "rate_per_min": self.rate_per_min,
            "says": says,
            "to_look_for": 0,
        }


def _refused(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
