"""Forwarding: each request waits its turn and goes upstream as it came; its answer comes back as it is."""

import asyncio
import hashlib
import logging
import secrets

from aiohttp import web
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from bot.gateway.admin import Admin
from bot.gateway.admission import Admission
from bot.gateway.budget import Budget, Caller
from bot.gateway.edge import Sent, say
from bot.gateway.fates import SAFE, Kind, fate
from bot.gateway.health import Health
from bot.gateway.lanes import LaneMap, job_name
from bot.gateway.leases import Leases
from bot.gateway.refusals import Refusal, held_back, no_answer
from bot.gateway.relay import relay
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import Traffic
from bot.gateway.upstream import Exchange, Lost, Upstream
from bot.gateway.wire import Incoming, Malformed, check_target, framed, read_headers, request_head
from bot.maintainx import rate_headers
from bot.ports import Clock

_TRIES = 4
"""Connections that a safe request may find closed by the upstream just then, before it is told so."""
_OWN_LIMITS = ("/v1/meters", "/v1/meterreadings")
"""Their 429s speak of limits of their own, not of the user's budget."""


class Proxy:
    """Handles every request of every client connection."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock,
        upstream: Upstream,
        leases: Leases,
        admission: Admission,
        budget: Budget,
        traffic: Traffic,
        health: Health,
        admin: Admin,
        log: logging.Logger,
    ) -> None:
        self.draining = False
        """While stopping every forwarded answer closes its connection."""
        self._settings = settings
        self._clock = clock
        self._upstream = upstream
        self._leases = leases
        self._admission = admission
        self._budget = budget
        self._traffic = traffic
        self._health = health
        self._admin = admin
        self._log = log
        self._lanes = LaneMap(settings.lanes)
        self._via = b"mx-" + secrets.token_hex(6).encode()
        self._salt = secrets.token_bytes(16)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: by the admin routes, by MaintainX, or by a refusal."""
        self._in_flight += 1
        self._idle.clear()
        try:
            check_target(request.method, request.raw_path, request.version)
            if request.raw_path.startswith("/-/"):
                return await self._admin.answer(request)
            return await self._forward(request)
        except Malformed as fault:
            self._note("default", "refused", str(fault.status.value))
            return await say(request, fault.status, {"error": str(fault)}, close=True)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def until_idle(self) -> None:
        """Wait until nothing is in flight."""
        await self._idle.wait()

    async def _forward(self, request: web.BaseRequest) -> Sent:
        arrived = self._clock.monotonic()
        incoming = read_headers(request.raw_headers, version=request.version, via=self._via)
        head = request_head(
            request.method,
            self._upstream.prefix + request.raw_path.encode("utf-8", "surrogateescape"),
            incoming.lines,
            host=self._upstream.host,
            via=self._via,
            chunked=incoming.chunked,
        )
        lane = job_name(incoming.job) or self._lanes.lane(request.method, request.raw_path)
        caller = Caller(self._fingerprint(incoming.authorization), self._fingerprint(incoming.organisation))
        if self._in_flight > self._settings.max_in_flight:
            return await self._held_back(request, lane, "busy", caller)
        verdict = await self._admission.enter(lane, caller, gone=lambda: request.transport is None)
        match verdict:
            case "go":
                turn = _Turn(self._budget, self._admission, caller, arrived)
                return await self._ask(request, head, incoming, lane=lane, turn=turn)
            case "gone":
                self._note(lane, "client", "client")
                return Sent(keep=False)
            case "rate" | "budget" | "paused":
                return await self._held_back(request, lane, verdict, caller)

    async def _ask(
        self, request: web.BaseRequest, head: bytes, incoming: Incoming, *, lane: str, turn: "_Turn"
    ) -> Sent:
        exchange: Exchange | None = None
        try:
            if request.transport is None:
                turn.unsent()
                gone = Lost("client", "the client left before its request was sent", sent=False)
                return await self._lost(request, lane, gone)
            if request.content.is_eof():
                body = framed(request.content.read_nowait(), chunked=incoming.chunked, last=True)
                exchange, message, content = await self._open(request, head + body, bare=not body)
                return await self._answer(request, exchange, message, content, lane=lane, turn=turn)
            exchange = await self._upstream.connect()
            exchange.send(head, no_body=request.method == "HEAD", more=True)
            if incoming.expects and request.transport is not None:
                request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                upload = group.create_task(exchange.upload(request.content, chunked=incoming.chunked))
                try:
                    return await self._meanwhile(request, exchange, lane=lane, turn=turn)
                finally:
                    upload.cancel()
        except Lost as lost:
            if not lost.sent:
                turn.unsent()
            return await self._lost(request, lane, lost)
        finally:
            turn.over(self._clock.monotonic(), None)
            if exchange is not None:
                exchange.close()  # where it was given back already, that stands

    async def _open(
        self, request: web.BaseRequest, data: bytes, *, bare: bool
    ) -> tuple[Exchange, RawResponseMessage, StreamReader]:
        """Send a request that is at hand whole, and read the answer's head. Raises Lost.

        A pooled connection may have been closed by the upstream just as it was used: where nothing can be done
        twice (a safe method without a body) the next one is tried.
        """
        for left in reversed(range(_TRIES)):
            exchange = await self._upstream.connect()
            try:
                exchange.send(data, no_body=request.method == "HEAD", more=False)
                return exchange, *await exchange.head()
            except asyncio.CancelledError:
                exchange.close()
                raise
            except Lost as lost:
                stale = exchange.reused and lost.phase == "lost"
                if not (left and stale and bare and request.method in SAFE):
                    raise
        raise AssertionError("the last try returns or raises")

    async def _meanwhile(
        self, request: web.BaseRequest, exchange: Exchange, *, lane: str, turn: "_Turn"
    ) -> Sent:
        """The answer to an upload that is still under way; it may come before the upload's end."""
        try:
            message, content = await exchange.head()
        except Lost as lost:
            return await self._lost(request, lane, lost)
        return await self._answer(request, exchange, message, content, lane=lane, turn=turn)

    async def _answer(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        message: RawResponseMessage,
        content: StreamReader,
        *,
        lane: str,
        turn: "_Turn",
    ) -> Sent:
        now = self._clock.monotonic()
        self._traffic.note(lane, "answered", str(message.code), now=now, ms=(now - turn.arrived) * 1000)
        self._health.answered(now)
        turn.over(now, message, own_limits=request.raw_path.startswith(_OWN_LIMITS))
        try:
            return await relay(
                request,
                exchange,
                message,
                content,
                close=self.draining,
                stall_s=self._settings.stall_s,
            )
        except Lost as lost:
            self._health.failed(lost)
            self._log.warning("%s %s: %s", request.method, lane, lost)
            if request.writer.output_size:
                # A client must not take what it has for the whole answer: no final chunk, no clean end.
                if request.transport is not None:
                    request.transport.abort()
                return Sent(keep=False)
            return await self._say(request, no_answer(lost))

    async def _lost(self, request: web.BaseRequest, lane: str, lost: Lost) -> Sent:
        self._note(lane, fate(lost, request.method), lost.phase)
        if lost.phase != "client":
            self._health.failed(lost)
            self._log.warning("%s in lane %s: %s", request.method, lane, lost)
        if request.transport is None:
            return Sent(keep=False)
        return await self._say(request, no_answer(lost))

    async def _held_back(self, request: web.BaseRequest, lane: str, cause: str, caller: Caller) -> Sent:
        now = self._clock.monotonic()
        self._traffic.note(lane, "limited", cause, now=now)
        limiter = self._admission.limiter
        match cause:
            case "paused":
                retry_after = min(self._leases.paused_for_s(lane), self._settings.paused_retry_after_s)
            case "busy":
                retry_after = 1
            case _:
                retry_after = limiter.retry_after(cause, caller, now)
        return await self._say(
            request,
            held_back(
                cause,
                lane=lane,
                wait_s=self._settings.max_wait_s,
                retry_after=retry_after,
                rate_per_s=limiter.rate_per_s,
            ),
        )

    async def _say(self, request: web.BaseRequest, refusal: Refusal) -> Sent:
        # With a body on its way the connection is not used again: nobody knows how long the rest would be.
        close = self.draining or not request.content.is_eof()
        return await say(
            request, refusal.status, {"error": refusal.error}, headers=refusal.headers, close=close
        )

    def _note(self, lane: str, kind: Kind, what: str) -> None:
        self._traffic.note(lane, kind, what, now=self._clock.monotonic())

    def _fingerprint(self, secret: bytes) -> str:
        """Tells callers apart without keeping what they show; keyed anew in each process."""
        return hashlib.blake2b(secret, key=self._salt, digest_size=8).hexdigest() if secret else ""


class _Turn:
    """A place in the budget that was taken: given its outcome exactly once."""

    def __init__(self, budget: Budget, admission: Admission, caller: Caller, arrived: float) -> None:
        self.arrived = arrived
        """When the request came to the gateway."""
        self._budget = budget
        self._admission = admission
        self._caller = caller
        self._over = False

    def unsent(self) -> None:
        """Nothing reached MaintainX: the place is given back."""
        if not self._over:
            self._over = True
            self._budget.unsent(self._caller)
            self._admission.budget_changed()

    def over(self, now: float, message: RawResponseMessage | None, *, own_limits: bool = False) -> None:
        """The exchange has an answer, or never will have one."""
        if self._over:
            return
        self._over = True
        told = None
        if message is not None and not own_limits and _says_limits(message):
            told = rate_headers(message.headers)
        refused = message is not None and message.code == 429  # noqa: PLR2004 - Too Many Requests
        self._budget.answered(self._caller, now, told=told, refused=refused)
        if told is not None:
            self._admission.budget_changed()


def _says_limits(message: RawResponseMessage) -> bool:
    return message.code == 429 or "X-Rate-Limit-Remaining" in message.headers  # noqa: PLR2004
