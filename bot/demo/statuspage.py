"""The vendor's status page on loopback: Better Stack's JSON, its redirects, and the ways in which it misleads."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from aiohttp import web

from bot.demo.door import Door, wall_clock

State = Literal["operational", "degraded", "downtime", "maintenance", "not_monitored"]
Mode = Literal["json", "redirect", "html", "error", "hang", "refused", "odd"]

_COMPONENTS = ("MaintainX App", "REST API", "GraphQL API", "Website")
_WORST: tuple[State, ...] = ("downtime", "degraded", "maintenance", "operational", "not_monitored")
_PAGE = "<!DOCTYPE html><html><head><title>MaintainX status</title></head><body>All services are {state}</body></html>"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What the vendor wrote about an incident or a maintenance window."""

    title: str
    report_type: Literal["manual", "automatic", "maintenance"] = "manual"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    components: tuple[str, ...] = ("REST API",)
    state: State = "downtime"


class FakeStatusPage:
    """A status page whose components, reports and manners a test sets; every change shows at the next request."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self.mode: Mode = "json"
        """How the page answers. ``odd`` is JSON of another shape; ``refused`` is set with ``refuse``."""
        self.states: dict[str, State] = dict.fromkeys(_COMPONENTS, "operational")
        self.explicit: dict[str, State] = {}
        """An operator's override per component, which wins."""
        self.reports: list[StatusReport] = []
        self.asked: list[str] = []
        """The paths that were asked for."""
        self._now = now
        self._door: Door

    @classmethod
    @asynccontextmanager
    async def start(cls, *, now: Callable[[], datetime] = wall_clock) -> AsyncIterator[Self]:
        """Serve on a free port of 127.0.0.1 until the block ends."""
        page = cls(now=now)
        async with Door.open(page._serve) as page._door:
            yield page

    @property
    def url(self) -> str:
        """The address of the JSON, ``…/en/index.json``."""
        return f"{self._door.url}/en/index.json"

    def refuse(self, *, refused: bool = True) -> None:
        """Stop, or begin again, to take connections."""
        if refused:
            self._door.shut()
        else:
            self._door.unshut()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        match self.mode:
            case "hang":
                await self._door.closing.wait()
                if request.transport is not None:
                    request.transport.abort()
            case "error":
                return web.Response(status=503, text=_PAGE.format(state="asleep"), content_type="text/html")
            case "redirect" if not request.path.startswith("/moved"):
                return web.Response(status=302, headers={"Location": f"/moved{request.path}"})
            case _:
                pass
        path = request.path.removeprefix("/moved")
        if path.startswith("/api/v2/"):  # another vendor's addresses, which older runbooks still name
            return web.Response(status=302, headers={"Location": "/en"})
        if path not in {"/en/index.json", "/index.json"} or self.mode == "html":
            return web.Response(text=_PAGE.format(state=self._aggregate()), content_type="text/html")
        body = {"page": {"status": "up"}} if self.mode == "odd" else self.document()
        return web.Response(text=json.dumps(body), content_type="text/html")

    def document(self) -> dict[str, object]:
        """The JSON:API document."""
        ids = {name: str(8_400_000 + index) for index, name in enumerate(self.states)}
        at = self._now().isoformat()
        resources = [
            {
                "id": ids[name],
                "type": "status_page_resource",
                "attributes": {
                    "public_name": name,
                    "resource_type": "Monitor",
                    "status": state,
                    "explicit_status": self.explicit.get(name),
                    "availability": 0.9998,
                    "status_history": [{"day": at[:10], "status": state, "downtime_duration": 0}],
                },
            }
            for name, state in self.states.items()
        ]
        reports = [
            {
                "id": str(510_000 + index),
                "type": "status_report",
                "attributes": {
                    "title": report.title,
                    "report_type": report.report_type,
                    "starts_at": (report.starts_at or self._now()).isoformat(),
                    "ends_at": report.ends_at.isoformat() if report.ends_at else None,
                    "status_page_id": 210_001,
                    "affected_resources": [
                        {"status_page_resource_id": ids[name], "status": report.state}
                        for name in report.components
                    ],
                    "aggregate_state": report.state,
                },
            }
            for index, report in enumerate(self.reports)
        ]
        links: dict[str, object] = {
            "sections": {"data": []},
            "resources": {"data": [{"id": r["id"], "type": r["type"]} for r in resources]},
            "status_reports": {"data": [{"id": r["id"], "type": r["type"]} for r in reports]},
        }
        attributes: dict[str, object] = {
            "company_name": "MaintainX",
            "company_url": "https://www.getmaintainx.com",
            "timezone": "UTC",
            "subdomain": "maintainx",
            "custom_domain": "status.getmaintainx.com",
            "announcement": None,
            "aggregate_state": self._aggregate(),
            "created_at": "2024-05-02T09:00:00.000Z",
            "updated_at": at,
        }
        data = {"id": "210001", "type": "status_page", "attributes": attributes, "relationships": links}
        return {"data": data, "included": [*resources, *reports]}

    def _aggregate(self) -> State:
        shown = {self.explicit.get(name, state) for name, state in self.states.items()}
        return next(state for state in _WORST if state in shown)
