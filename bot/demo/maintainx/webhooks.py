"""The stand-in MaintainX's webhooks: signed, one URL per event, sent once; they can stop, or come twice."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from bot.demo.maintainx.answers import Answer, Asked, answer
from bot.demo.maintainx.rows import Row, Rows, stamp

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery: ``status`` is what it was answered, None where nothing came."""

    event: str
    body: Mapping[str, object]
    status: int | None


class Webhooks:
    """Tells subscribers what the API's own writes changed; what somebody changes in ``rows`` is not noticed."""

    def __init__(self, rows: Rows) -> None:
        self.secret = "demo-webhook-secret"
        self.subscriptions: dict[str, str] = {}
        """The URL of each event that is subscribed to."""
        self.stopped = False
        """Nothing is sent any more: what happens meanwhile is never told."""
        self.copies = 1
        """How often each is sent; the real one sends some twice."""
        self.milliseconds = False
        """The signature's time in milliseconds: which of both it is, nobody has written down."""
        self.sent: list[Sent] = []
        self._rows = rows
        self._waiting: asyncio.Queue[tuple[str, Row]] = asyncio.Queue()

    def answer(self, asked: Asked) -> Answer:
        """Answer a request, and tell the subscribers of what it changed."""
        was = self._status(asked)
        given = answer(self._rows, asked)
        found = self._event(asked, given, was)
        if found is not None and asked.query.get("skipWebhook") != ["true"]:
            self.tell(*found)
        return given

    def tell(self, event: str, body: Row) -> None:
        """Send this to whoever subscribed to the event, unless they are stopped."""
        if event in self.subscriptions and not self.stopped:
            for _ in range(self.copies):
                self._waiting.put_nowait((event, body))

    async def run(self) -> None:
        """Send one after the other, for ever."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                event, body = await self._waiting.get()
                self.sent.append(Sent(event, body, await self._post(session, event, body)))

    async def _post(self, session: aiohttp.ClientSession, event: str, body: Row) -> int | None:
        url, raw = self.subscriptions[event], json.dumps(body, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "x-maintainx-webhook-body-signature": self.signature(raw),
            "x-maintainx-webhook-uri-signature": self.signature(url.encode()),
        }
        try:
            async with session.post(url, data=raw, headers=headers, allow_redirects=False) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    def signature(self, content: bytes) -> str:
        """The value of a signature's header for this content, made now."""
        t = str(int(self._rows.now().timestamp() * (1000 if self.milliseconds else 1)))
        digest = hmac.new(self.secret.encode(), f"{t}.".encode() + content, hashlib.sha256).hexdigest()
        return f"t={t},v1={digest}"

    def _status(self, asked: Asked) -> object:
        match _parts(asked):
            case [_, number, _] if number.isdigit():
                return self._rows.tables["/workorders"].get(int(number), {}).get("status")
            case _:
                return None

    def _event(self, asked: Asked, given: Answer, was: object) -> tuple[str, Row] | None:
        """What a subscriber would be told of this request, which was answered so."""
        if given.status >= 300 or asked.method == "GET":  # noqa: PLR2004 - HTTP
            return None
        now = stamp(self._rows.now())
        match asked.method, _parts(asked):
            case "POST", ["workorders"] if isinstance(given.body, dict):
                about, row = self._about(int(given.body["id"]), asked)
                return "NEW_WORK_ORDER", about | {"newWorkOrder": dict(row)}
            case "PATCH", ["workorders", number]:
                about, row = self._about(int(number), asked)
                return "WORK_ORDER_CHANGE", about | {"newWorkOrder": dict(row)}
            case "PATCH", ["workorders", number, "status"]:
                about, row = self._about(int(number), asked)
                return "WORK_ORDER_STATUS_CHANGE", about | {"oldStatus": was, "newStatus": row.get("status")}
            case "POST", ["workorders", number, "comments"]:
                about, _ = self._about(int(number), asked)
                content = json.loads(asked.body).get("content")
                return "NEW_COMMENT_ON_WORK_ORDER", about | {"occurredAt": now, "comment": content}
            case "DELETE", ["workorders", number]:
                about, _ = self._about(int(number), asked)
                return "WORK_ORDER_DELETE", about | {"occurredAt": now}
            case _:
                return None

    def _about(self, number: int, asked: Asked) -> tuple[Row, Row]:
        """The fields that every payload about a work order has, and the work order."""
        row = self._rows.tables["/workorders"].get(number, {})
        at = row.get("updatedAt")
        return {"workOrderId": number, "orgId": asked.organisations[0], "occurredAt": at}, row


def _parts(asked: Asked) -> list[str]:
    return asked.path.strip("/").split("/")
