"""The stand-in MaintainX itself: the door, the key, the limits, the faults, and a record of every request."""

import asyncio
import itertools
import json
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from aiohttp import web

from bot.demo.door import Door, beside, wall_clock
from bot.demo.maintainx import document
from bot.demo.maintainx.admission import Admission, Holder
from bot.demo.maintainx.answers import NOT_FOUND, Answer, Asked
from bot.demo.maintainx.faults import Breakage, Fault, first
from bot.demo.maintainx.records import Recorded, record
from bot.demo.maintainx.rows import Rows, Table
from bot.demo.maintainx.webhooks import Webhooks

_PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
_KEEP = 50_000
_REASONS = {
    500: "Internal server error.",
    502: "Bad gateway.",
    503: "Service unavailable.",
    504: "Gateway timeout.",
}


@dataclass(slots=True)
class _Asking:
    """One request on its way through the stages."""

    request: web.BaseRequest
    record: Recorded
    body: bytes
    faults: tuple[Fault, ...]
    headers: dict[str, str] = field(default_factory=dict)


class FakeMaintainX:
    """The vendor's API on loopback. ``break_`` and ``heal`` take effect on the next request."""

    def __init__(
        self,
        *,
        key: str,
        organisations: tuple[int, ...],
        user_limit: int,
        organisation_limit: int,
        window_s: float,
        rate_headers: bool,
        delay_s: float,
        seed: int,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.key = key
        self.rate_headers = rate_headers
        self.delay_s = delay_s
        """Seconds before every answer."""
        self.requests: deque[Recorded] = deque(maxlen=_KEEP)
        self.rows = Rows(now=now, organisation=organisations[0], seed=seed)
        self.webhooks = Webhooks(self.rows)
        self._admission = Admission(
            user_limit=user_limit, organisation_limit=organisation_limit, window_s=window_s
        )
        self._admission.keys[key] = Holder(max(self.users), organisations)
        self._breakage = Breakage(seed)
        self._now, self._monotonic = now, monotonic
        self._done = itertools.count(1)
        self._door: Door

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        key: str = "demo-maintainx-key",
        organisations: tuple[int, ...] = (4711,),
        user_limit: int = 100,
        organisation_limit: int = 500,
        window_s: float = 60.0,
        rate_headers: bool = True,
        delay_s: float = 0.0,
        seed: int = 7,
        now: Callable[[], datetime] = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> AsyncIterator[Self]:
        """Serve on a free port of 127.0.0.1 until the block ends."""
        fake = cls(
            key=key,
            organisations=organisations,
            user_limit=user_limit,
            organisation_limit=organisation_limit,
            window_s=window_s,
            rate_headers=rate_headers,
            delay_s=delay_s,
            seed=seed,
            now=now,
            monotonic=monotonic,
        )
        async with Door.open(fake._serve) as fake._door, beside(fake.webhooks.run()):
            yield fake

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:port``: where ``/versions`` lives."""
        return self._door.url

    @property
    def base_url(self) -> str:
        """The origin with ``/v1``."""
        return f"{self._door.url}/v1"

    @property
    def users(self) -> Table:
        """Rows by id; a test may change them."""
        return self.rows.tables["/users"]

    @property
    def workorders(self) -> Table:
        """Rows by id; a test may change them."""
        return self.rows.tables["/workorders"]

    @property
    def assets(self) -> Table:
        """Rows by id; a test may change them."""
        return self.rows.tables["/assets"]

    @property
    def locations(self) -> Table:
        """Rows by id; a test may change them."""
        return self.rows.tables["/locations"]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is broken now."""
        return tuple(self._breakage.faults)

    def refuse(self, *, refused: bool = True) -> None:
        """Stop, or begin again, to take connections."""
        if refused:
            self._door.shut()
        else:
            self._door.unshut()

    def break_(self, *faults: Fault) -> None:
        """Break these things, in addition to what is broken already."""
        for fault in faults:
            self._breakage.add(fault)
        if first(self.faults, "refuse"):
            self._door.shut()

    def heal(self, fault: Fault | None = None) -> None:
        """Mend this fault, or all of them."""
        self._breakage.remove(fault)
        if not first(self.faults, "refuse"):
            self._door.unshut()

    def add_key(
        self, key: str, *, user: int | None = None, organisations: tuple[int, ...] = (4711,)
    ) -> Holder:
        """Know another key: of another user, unless one is named."""
        holder = Holder(user or self.rows.new_id(), organisations)
        self._admission.keys[key] = holder
        return holder

    def revoke_key(self, key: str) -> None:
        """Forget a key."""
        self._admission.keys.pop(key, None)

    def rate(self, window_s: float = 10.0, *, status: int | None = None) -> float:
        """Requests per second that arrived within the last ``window_s`` seconds, all or those with this status."""
        return (
            sum(self.counts(window_s)[s] for s in ([status] if status else self.counts(window_s))) / window_s
        )

    def counts(self, window_s: float = math.inf) -> Counter[int | None]:
        """Requests of the last seconds by status; None is what was never answered."""
        since = self._monotonic() - window_s
        return Counter(r.status for r in self.requests if r.at >= since)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        path = request.path.removeprefix("/v1") if request.path.startswith("/v1/") else request.path
        faults = self._breakage.hits(request.method, path)
        kinds = tuple(f.kind for f in faults)
        kept = record(request, body, at=self._monotonic(), when=self._now(), faults=kinds)
        self.requests.append(kept)
        asking = _Asking(request, kept, body, faults)
        waits = self.delay_s + sum(f.seconds for f in faults if f.kind == "slow")
        if waits:
            await asyncio.sleep(waits)
        if first(faults, "hang"):
            await self._door.closing.wait()
            return self._die(asking)
        if first(faults, "reset"):
            return self._die(asking)
        response = self._broken(asking) or self._answered(asking, path)
        response.headers.update(asking.headers)
        if first(faults, "drop"):
            return self._die(asking)
        kept.status = response.status
        halves = first(faults, "slow_body", "cut_body")
        return await self._in_halves(asking, response, halves) if halves else response

    def _broken(self, asking: _Asking) -> web.Response | None:
        """The answer of a fault that comes before the API itself looks at the request."""
        fault = first(asking.faults, "error", "portal", "wrong_json", "wrong_content", "redirect")
        if fault is None or fault.commits:
            return None
        match fault.kind:
            case "error":
                return _failure(fault)
            case "portal":
                page = _PAGE.format(title="Welcome to the guest network, please sign in")
                return web.Response(text=page, content_type="text/html")
            case "wrong_json":
                return web.json_response({"ok": True, "data": []})
            case "redirect":
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/login"})
            case _:
                return web.Response(body=b"\x00\x01 not JSON", content_type="application/json")

    def _answered(self, asking: _Asking, path: str) -> web.Response:
        request = asking.request
        if request.path == "/versions" and request.method == "GET":
            gone = first(asking.faults, "gone")
            return _json(NOT_FOUND if gone and gone.path != "*" else Answer(200, [{"version": "1"}]))
        if request.path == "/v1/openapi.json" and request.method == "GET":
            missing = frozenset(f.path for f in self.faults if f.kind == "gone")
            return _json(Answer(200, document.openapi(missing)))
        holder = self._admission.holder(request.headers, asking.faults)
        if isinstance(holder, Answer):
            return _json(holder)
        asking.record.user = holder.user
        headers, refused = self._admission.limit(holder, asking.faults, self._monotonic())
        if self.rate_headers:
            asking.headers = headers
        if refused is not None:
            return _json(refused)
        if first(asking.faults, "forbidden"):
            return _json(Answer(403, {"errors": [{"error": "User don't have the right permissions"}]}))
        if first(asking.faults, "gone") or not request.path.startswith("/v1/"):
            return _json(NOT_FOUND)
        organisations = self._admission.organisations(request.headers, path, holder)
        if isinstance(organisations, Answer):
            return _json(organisations)
        query = {name: request.query.getall(name) for name in request.query}
        asked = Asked(request.method, path, query, asking.body, organisations, holder.user, self.base_url)
        answered = self.webhooks.answer(asked)
        if request.method != "GET" and answered.status < 300:  # noqa: PLR2004 - 2xx: it was done
            asking.record.done = next(self._done)
        late = first(asking.faults, "error")
        return _failure(late) if late else _json(answered)

    def _die(self, asking: _Asking) -> web.Response:
        if asking.request.transport is not None:
            asking.request.transport.abort()
        return web.Response(status=500)

    async def _in_halves(self, asking: _Asking, response: web.Response, fault: Fault) -> web.StreamResponse:
        body = response.body if isinstance(response.body, bytes) else b""
        stream = web.StreamResponse(status=response.status, headers=response.headers)
        stream.content_length = len(body)
        try:
            await stream.prepare(asking.request)
            await stream.write(body[: len(body) // 2])
            if fault.kind == "cut_body":
                self._die(asking)
                return stream
            await asyncio.sleep(fault.seconds)
            await stream.write(body[len(body) // 2 :])
        except ConnectionError:
            asking.record.status = None
        return stream


def _json(result: Answer) -> web.Response:
    if result.body is None:
        return web.Response(status=result.status)
    if result.html:
        return web.Response(status=result.status, text=str(result.body), content_type="text/html")
    text = json.dumps(result.body, separators=(",", ":"))
    return web.Response(status=result.status, text=text, content_type="application/json")


def _failure(fault: Fault) -> web.Response:
    if fault.html:
        title = f"{fault.status} {_REASONS.get(fault.status, 'Error').rstrip('.')}"
        return web.Response(status=fault.status, text=_PAGE.format(title=title), content_type="text/html")
    return _json(Answer(fault.status, {"error": _REASONS.get(fault.status, "Internal server error.")}))
