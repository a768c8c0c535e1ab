"""PagerDuty on loopback, as its documentation has it: the Events API v2, and signed v3 webhooks of what people do there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

from bot.demo.door import Door
from bot.demo.pagerduty_webhooks import Delivery, Webhooks

ROUTING_KEY = "e93facc04764012d7bfb002500d5d1a6"
"""A key of the right form that opens nothing."""

_MOST_BYTES = 512 * 1024
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_FIELDS = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}


@dataclass
class Alert:
    """One alert: the payload of each event that was joined to it, and whether it is open."""

    dedup_key: str
    routing_key: str = ""
    """Each key is a service of its own, with its own alerts."""
    id: str = ""
    """The id of its incident there."""
    events: list[dict[str, Any]] = field(default_factory=list)
    state: Literal["triggered", "acknowledged", "resolved"] = "triggered"


class FakePagerDuty:
    """Keeps alerts by dedup key. ``failing`` is a row of what the next requests meet.

    A status; ``hang up``: cut off before anything is done; ``lose``: done, and cut off before it is answered.
    """

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        """Oldest first; after a resolve, a trigger under the same key opens a new one."""
        self.failing: list[int | Literal["hang up", "lose"]] = []
        self.broken: set[str] = set()
        """Routing keys whose events are answered with 503."""
        self.seen: list[dict[str, Any]] = []
        """Every body that was taken."""
        self.asked = 0
        self.webhooks: Webhooks
        """Its news of what people and integrations do to its alerts."""
        self.routing_keys = {ROUTING_KEY}
        self._made = 0
        self._door: Door

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator[Self]:
        """Serve on a free port of 127.0.0.1 until the block ends."""
        fake = cls()
        async with (
            Webhooks.open() as fake.webhooks,
            Door.open(fake._serve) as fake._door,
        ):
            yield fake

    @property
    def url(self) -> str:
        """The address that events are posted to."""
        return f"{self._door.url}/v2/enqueue"

    def refuse(self, *, refused: bool = True) -> None:
        """Stop, or begin again, to take connections."""
        if refused:
            self._door.shut()
        else:
            self._door.unshut()

    def open_alerts(self) -> list[Alert]:
        """The alerts that are not resolved."""
        return [alert for alert in self.alerts if alert.state != "resolved"]

    def alert(self, dedup: str, *, routing_key: str | None = None) -> Alert:
        """The latest alert with this dedup key (of this service)."""
        return next(
            one
            for one in reversed(self.alerts)
            if one.dedup_key == dedup and routing_key in {None, one.routing_key}
        )

    async def act(
        self, alert: Alert, what: Literal["acknowledge", "unacknowledge", "resolve"], *, by: str = "Jo Doe"
    ) -> Delivery:
        """Somebody does this in PagerDuty's own app; the webhook that tells of it, delivered where one subscribed."""
        self._mark(alert, what)
        agent = {"id": "PXPGF42", "summary": by, "type": "user_reference"}
        if what == "unacknowledge":  # by the acknowledgement's time-out
            agent = {"id": "PF9KMXH", "summary": "MaintainX", "type": "service_reference"}
        made = self.news(alert, f"incident.{what}d", agent=agent)
        await self.webhooks.settled()
        return made

    async def annotate(self, alert: Alert, text: str, *, by: str = "Jo Doe") -> Delivery:
        """Somebody writes a note: its webhook names the incident by its id alone."""
        agent = {"id": "PXPGF42", "summary": by, "type": "user_reference"}
        data = {
            "id": "P2LA89X",
            "type": "incident_note",
            "content": text,
            "trimmed": False,
            "incident": {"id": alert.id, "type": "incident_reference"},
        }
        made = self.webhooks.make("incident.annotated", agent=agent, data=data)
        await self.webhooks.settled()
        return made

    async def ping(self) -> Delivery:
        """Somebody tries the subscription out."""
        made = self.webhooks.make("pagey.ping", agent=None, data={"message": "Hello", "type": "ping"})
        await self.webhooks.settled()
        return made

    def news(self, alert: Alert, event: str, *, agent: dict[str, str] | None) -> Delivery:
        """A webhook about an alert's incident; sent in the background where somebody subscribed."""
        data = {
            "id": alert.id,
            "type": "incident",
            "number": self.alerts.index(alert) + 1,
            "status": alert.state,
            "incident_key": alert.dedup_key,
            "title": alert.events[-1]["summary"],
            "assignees": [{"id": "PXPGF42", "summary": "Jo Doe", "type": "user_reference"}],
            "urgency": "high",
            "resolve_reason": None,
        }
        return self.webhooks.make(event, agent=agent, data=data)

    @staticmethod
    def _mark(alert: Alert, what: Literal["acknowledge", "unacknowledge", "resolve"]) -> None:
        if alert.state != "resolved":
            states: dict[str, Literal["triggered", "acknowledged", "resolved"]] = {
                "acknowledge": "acknowledged",
                "unacknowledge": "triggered",
                "resolve": "resolved",
            }
            alert.state = states[what]

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked += 1
        raw = await request.read()
        how = self.failing.pop(0) if self.failing else None
        if how is not None and how != "lose":
            if how == "hang up":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            if how == 429:  # noqa: PLR2004 - HTTP
                return _json(
                    429, {"status": "throttle exceeded", "message": "Requests are arriving too fast"}
                )
            return web.Response(status=how, text="<html>no</html>", content_type="text/html")
        if request.path != "/v2/enqueue":
            return web.Response(status=404)
        if request.method != "POST":
            return web.Response(status=405)
        faults, event = self._read(raw)
        if faults or event is None:
            return _json(
                400, {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
            )
        if event["routing_key"] in self.broken:
            return web.Response(status=503, text="<html>no</html>", content_type="text/html")
        self.seen.append(event)
        dedup = self._take(event)
        if how == "lose" and request.transport is not None:
            request.transport.abort()
        return _json(202, {"status": "success", "message": "Event processed", "dedup_key": dedup})

    def _read(self, raw: bytes) -> tuple[list[str], dict[str, Any] | None]:
        if len(raw) > _MOST_BYTES:
            return ["the event is larger than 512 KB"], None
        try:
            event = json.loads(raw)
        except ValueError:
            return ["the event is not JSON"], None
        if not isinstance(event, dict):
            return ["the event is not an object"], None
        return list(self._faults(event)), event

    def _faults(self, event: dict[str, Any]) -> list[str]:
        faults = [f"'{name}' is not a field of an event" for name in event if name not in _FIELDS]
        key, action, dedup = event.get("routing_key"), event.get("event_action"), event.get("dedup_key")
        if not isinstance(key, str) or len(key) != 32:  # noqa: PLR2004 - the documentation's
            faults.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        elif key not in self.routing_keys:
            faults.append("'routing_key' is invalid")
        if action not in _ACTIONS:
            faults.append(f"'event_action' must be one of {', '.join(_ACTIONS)}")
        if dedup is None and action != "trigger":
            faults.append("'dedup_key' is missing or blank")
        elif dedup is not None and not _text(dedup, 255):
            faults.append("'dedup_key' must be a text of 1 to 255 characters")
        if action == "trigger":
            faults += _payload_faults(event.get("payload"))
        for link in event.get("links", []):
            if not isinstance(link, dict) or not _text(link.get("href"), 4096):
                faults.append("'links' must have 'href'")
        return faults

    def _take(self, event: dict[str, Any]) -> str:
        dedup = event.get("dedup_key")
        if dedup is None:
            self._made += 1
            dedup = f"made-{self._made}"
        key = event["routing_key"]
        known = next((a for a in self.open_alerts() if (a.dedup_key, a.routing_key) == (dedup, key)), None)
        agent = {
            "id": "PINT",
            "summary": "Events API V2",
            "type": "events_api_v2_inbound_integration_reference",
        }
        match event["event_action"]:
            case "trigger" if known is None:
                made = Alert(dedup, key, id=f"PINC{len(self.alerts):04}", events=[event["payload"]])
                self.alerts.append(made)
                self.news(made, "incident.triggered", agent=agent)
            case "trigger":
                assert known is not None
                known.events.append(event["payload"])
            case "acknowledge" | "resolve" if known:
                self._mark(known, event["event_action"])
                self.news(known, f"incident.{event['event_action']}d", agent=agent)
            case _:  # without an open alert it is dropped, and taken all the same
                pass
        return str(dedup)


def _payload_faults(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    faults = [f"'payload.{name}' is not a field" for name in payload if name not in _PAYLOAD]
    if not _text(payload.get("summary"), 1024):
        faults.append("'payload.summary' must be a text of 1 to 1024 characters")
    if not _text(payload.get("source"), 255):
        faults.append("'payload.source' is missing or blank")
    if payload.get("severity") not in _SEVERITIES:
        faults.append("'payload.severity' is invalid (must be one of: critical, warning, error, info)")
    return faults


def _text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def _json(status: int, body: dict[str, object]) -> web.Response:
    return web.json_response(body, status=status)
