"""The integration's webhook endpoint: it checks the signature as MaintainX's documentation says, and remembers."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

_TOLERANCE_S = 300


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook that was taken. ``delivery`` and ``polled`` are the gateway's headers."""

    event: str
    body: dict[str, Any]
    delivery: str | None
    polled: bool


class Receiver:
    """Takes whatever is signed with ``secret``; what it answers can be set."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secret = "demo-webhook-secret"
        self.status = 200
        """What it answers, to what is signed well too. It takes nothing unless that is a 2xx."""
        self.received: list[Received] = []
        self.refused: list[str] = []
        """Why others were refused."""
        self.hold: asyncio.Event | None = None
        """Where it is set, no answer is given before the event is."""
        self._now = now

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer ``POST /webhooks/EVENT``."""
        raw = await request.read()
        fault = self._fault(request.headers.get("x-maintainx-webhook-body-signature", ""), raw)
        if fault is not None:
            self.refused.append(fault)
            return web.json_response({"error": fault}, status=401)
        if self.status < 300:  # noqa: PLR2004 - HTTP
            self.received.append(
                Received(
                    request.path.rpartition("/")[2],
                    json.loads(raw),
                    request.headers.get("X-MX-Delivery"),
                    request.headers.get("X-MX-Polled") == "true",
                )
            )
        if self.hold is not None:
            await self.hold.wait()
        return web.json_response({"ok": self.status < 300}, status=self.status)  # noqa: PLR2004 - HTTP

    def _fault(self, header: str, raw: bytes) -> str | None:
        given = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
        t = given.get("t", "")
        if not t.isdigit():
            return "no signature"
        signed = hmac.new(self.secret.encode(), f"{t}.".encode() + raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signed, given.get("v1", "")):
            return "a wrong signature"
        if abs(self._now().timestamp() - int(t)) > _TOLERANCE_S:
            return "an old signature"
        return None
