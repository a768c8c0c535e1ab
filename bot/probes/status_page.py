"""Read the vendor's status page (Better Stack's JSON); a page that cannot be read is unknown, never "down"."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import urljoin

from pydantic import JsonValue

from bot.domain.addresses import shown_host
from bot.domain.readings import Reading, Status, StatusPageDetail
from bot.ports import Clock
from bot.probes.exchange import Exchange, Wire
from bot.probes.words import duration

_HOPS = 4
_COMPONENT = "rest api"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_OK = 200
_MAX_BODY = 2_000_000

State = Literal["operational", "degraded", "downtime", "maintenance", "not_monitored"]
_STATES: Mapping[str, State] = {state: state for state in get_args(State)}


@dataclass(frozen=True, slots=True)
class StatusPageProbe:
    """Fetch the page's JSON once, following redirects; served as ``text/html``, so the body decides."""

    url: str
    wire: Wire
    clock: Clock
    deadline_s: float = 10.0

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - a page, not a measurement
        until = asyncio.get_running_loop().time() + self.deadline_s
        url = self.url
        async with self.wire.line() as line:
            exchange = await line.get(url, until=until, max_body=_MAX_BODY)
            for _ in range(_HOPS):
                onward = exchange.headers.get("location")
                if exchange.code not in _REDIRECTS or not onward:
                    break
                url = urljoin(url, onward)
                exchange = await line.get(url, until=until, max_body=_MAX_BODY)
        return self._reading(exchange, url)

    def _reading(self, exchange: Exchange, url: str) -> Reading:
        host = shown_host(url)
        ms = exchange.timing.total if exchange.code is not None else None
        if exchange.code is None:
            return _reading(Status.UNKNOWN, f"not reachable: {exchange.error}", ms=None, detail=None)
        page = _page(exchange.body) if exchange.code == _OK else None
        if page is None:
            what = "a web page" if exchange.code == _OK and exchange.html else f"HTTP {exchange.code}"
            says = f"{host} answered {what} instead of its JSON; look at it in a browser"
            return _reading(Status.UNKNOWN, says, ms=ms, detail=StatusPageDetail())
        state, whose = _state(page)
        reports = tuple(_open_reports(page, now=self.clock.now()))
        detail = StatusPageDetail(state=state, reports=reports, maintenance=state == "maintenance")
        if state is None or state == "not_monitored":
            return _reading(
                Status.UNKNOWN, f"{host} does not tell the state of its API", ms=ms, detail=detail
            )
        status = Status.FAILING if state in {"degraded", "downtime"} else Status.OK
        news = f"; open report: {'; '.join(reports)}" if reports else ""
        says = f'the vendor says "{state}" of {whose}{news}; {duration(ms or 0.0)}'
        return _reading(status, says, ms=ms, detail=detail)


def _reading(status: Status, says: str, *, ms: float | None, detail: StatusPageDetail | None) -> Reading:
    return Reading(probe="status_page", target="status page", status=status, ms=ms, says=says, detail=detail)


def _page(body: bytes) -> Mapping[str, JsonValue] | None:
    """The JSON:API document, or None where the body is something else."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match parsed:
        case {"data": {"attributes": dict()}}:
            return parsed if isinstance(parsed, dict) else None
        case _:
            return None


def _included(page: Mapping[str, JsonValue], kind: str) -> Iterator[Mapping[str, JsonValue]]:
    included = page.get("included")
    for item in included if isinstance(included, list) else ():
        match item:
            case {"type": str() as found, "attributes": dict() as attributes} if found == kind:
                yield attributes
            case _:
                continue


def _state(page: Mapping[str, JsonValue]) -> tuple[State | None, str]:
    """The REST API's own state, an operator's override first; else the whole page's."""
    for resource in _included(page, "status_page_resource"):
        if _COMPONENT in str(resource.get("public_name", "")).lower():
            return _known((resource.get("explicit_status"), resource.get("status"))), "its REST API"
    data = page.get("data")
    attributes = data.get("attributes") if isinstance(data, dict) else None
    whole = attributes.get("aggregate_state") if isinstance(attributes, dict) else None
    return _known((whole,)), "all its services"


def _known(words: Iterable[JsonValue]) -> State | None:
    return next((_STATES[word] for word in words if isinstance(word, str) and word in _STATES), None)


def _open_reports(page: Mapping[str, JsonValue], *, now: datetime) -> Iterator[str]:
    for report in _included(page, "status_report"):
        ends, starts = _time(report.get("ends_at")), _time(report.get("starts_at"))
        if (ends is None or ends > now) and (starts is None or starts <= now):
            yield str(report.get("title") or "untitled")[:120]


def _time(text: JsonValue) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
