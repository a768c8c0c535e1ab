"""One request on its way to MaintainX and back: sent as it came, tried again only where nothing can happen twice."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

from bot.gateway.admission import Admission
from bot.gateway.budget import Budget
from bot.gateway.edge import Sent, say
from bot.gateway.fates import fate
from bot.gateway.health import Health
from bot.gateway.keyring import Callers
from bot.gateway.lastgood import Copy, Good, LastGood
from bot.gateway.outage import Outage
from bot.gateway.passing import Held, Passing
from bot.gateway.refusals import Refusal, no_answer
from bot.gateway.relay import relay
from bot.gateway.retrying import Retries
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import Traffic
from bot.gateway.turn import Turn
from bot.gateway.upstream import Exchange, Lost, Upstream
from bot.gateway.wire import framed
from bot.maintainx import rate_headers
from bot.ports import Clock

_STALE_TRIES = 4
"""Connections that a safe request may find closed by the upstream just then, before it is told so."""


class Forwarding:
    """Sends what was admitted, and brings the answer back."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock,
        upstream: Upstream,
        admission: Admission,
        budget: Budget,
        traffic: Traffic,
        health: Health,
        outage: Outage,
        callers: Callers,
        retries: Retries,
        last_good: LastGood,
        holds_up: Callable[[Passing], bool],
        log: logging.Logger,
    ) -> None:
        self.draining = False
        """While stopping every answer closes its connection."""
        self._settings = settings
        self._clock = clock
        self._upstream = upstream
        self._admission = admission
        self._budget = budget
        self._traffic = traffic
        self._health = health
        self._outage = outage
        self._callers = callers
        self._retries = retries
        self._last_good = last_good
        self._holds_up = holds_up
        self._log = log

    async def forward(self, passing: Passing) -> Sent:
        """Send it and relay the answer; it has its turn already. Raises Held where a further try has none."""
        passing.turn = Turn(self._budget, self._admission, passing.caller)
        try:
            if passing.request.transport is None:
                passing.turn.unsent()
                return await self._lost(
                    passing, Lost("client", "the client left before its request was sent", sent=False)
                )
            if passing.body is None and passing.request.content.is_eof():
                passing.body = passing.request.content.read_nowait()
            if passing.body is not None:
                return await self._whole(passing)
            return await self._streamed(passing)
        except Lost as lost:
            if not lost.sent:
                passing.turn.unsent()
            return await self._lost(passing, lost)
        finally:
            passing.turn.over(self._clock.monotonic())

    async def say(self, request: web.BaseRequest, refusal: Refusal) -> Sent:
        """Answer by the gateway itself."""
        # With a body on its way the connection is not used again: nobody knows how long the rest would be.
        close = self.draining or not request.content.is_eof()
        return await say(
            request, refusal.status, {"error": refusal.error}, headers=refusal.headers, close=close
        )

    async def _whole(self, passing: Passing) -> Sent:
        """A request that is at hand whole, sent again where retries are on and nothing can happen twice."""
        assert passing.body is not None
        data = passing.head + framed(passing.body, chunked=passing.incoming.chunked, last=True)
        while True:
            exchange: Exchange | None = None
            try:
                exchange, message, content = await self._open(passing, data)
                wait_s = (
                    self._retries.after_answer(
                        message.code,
                        rate_headers(message.headers),
                        safe=passing.bodiless,
                        tries=passing.tries,
                        backoff=passing.backoff(self._retries),
                    )
                    if message.code >= HTTPStatus.INTERNAL_SERVER_ERROR
                    else None
                )
                if wait_s is None:
                    return await self._answer(passing, exchange, message, content)
                why = str(message.code)
                self._answered(passing, message)
            except Lost as lost:
                wait_s = self._retries.after_lost(
                    lost, safe=passing.bodiless, tries=passing.tries, backoff=passing.backoff(self._retries)
                )
                if wait_s is None:
                    raise
                why = lost.phase
                if not lost.sent and passing.turn is not None:
                    passing.turn.unsent()
                self._failed(passing, lost)
            finally:
                if exchange is not None:
                    exchange.close()  # where it was given back already, that stands
            self._traffic.note(passing.lane, "retried", why, now=self._clock.monotonic())
            await self._next_turn(passing, wait_s)

    async def _streamed(self, passing: Passing) -> Sent:
        """A request whose body is still coming in: only connecting is tried again."""
        request, chunked = passing.request, passing.incoming.chunked
        exchange = await self._connect(passing)
        try:
            exchange.send(passing.head, no_body=request.method == "HEAD", more=True)
            if passing.incoming.expects and request.transport is not None:
                request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                upload = group.create_task(exchange.upload(request.content, chunked=chunked))
                try:
                    return await self._meanwhile(passing, exchange)
                finally:
                    upload.cancel()
        finally:
            exchange.close()

    async def _connect(self, passing: Passing) -> Exchange:
        while True:
            try:
                return await self._upstream.connect()
            except Lost as lost:
                wait_s = self._retries.after_lost(
                    lost, safe=False, tries=passing.tries, backoff=passing.backoff(self._retries)
                )
                if wait_s is None:
                    raise
                self._failed(passing, lost)
                self._traffic.note(passing.lane, "retried", lost.phase, now=self._clock.monotonic())
            await self._wait(passing, wait_s)

    async def _next_turn(self, passing: Passing, wait_s: float) -> None:
        """Wait, then take a place for the next try. Raises Held and Lost (the client left)."""
        assert passing.turn is not None
        passing.turn.over(self._clock.monotonic())
        await self._wait(passing, wait_s)
        verdict = await self._admission.enter(
            passing.lane, passing.caller, gone=lambda: passing.request.transport is None
        )
        if verdict == "gone":
            raise Lost("client", "the client left before its request was sent again", sent=False)
        if verdict != "go":
            raise Held(verdict)
        passing.turn = Turn(self._budget, self._admission, passing.caller)

    async def _wait(self, passing: Passing, wait_s: float) -> None:
        """Wait for the next try. Raises Held where buffering began meanwhile, as it does when tries fail."""
        passing.tries += 1
        await self._clock.sleep(wait_s)
        if self._holds_up(passing):
            raise Held("buffering")

    async def _open(self, passing: Passing, data: bytes) -> tuple[Exchange, RawResponseMessage, StreamReader]:
        """Send a request that is at hand whole, and read the answer's head. Raises Lost.

        A pooled connection may have been closed by the upstream just as it was used: where nothing can be done
        twice (a safe method without a body) the next one is tried.
        """
        for left in reversed(range(_STALE_TRIES)):
            exchange = await self._upstream.connect()
            try:
                exchange.send(data, no_body=passing.request.method == "HEAD", more=False)
                return exchange, *await exchange.head()
            except asyncio.CancelledError:
                exchange.close()
                raise
            except Lost as lost:
                stale = exchange.reused and lost.phase == "lost"
                if not (left and stale and passing.bodiless):
                    raise
        raise AssertionError("the last try returns or raises")

    async def _meanwhile(self, passing: Passing, exchange: Exchange) -> Sent:
        """The answer to an upload that is still under way; it may come before the upload's end."""
        try:
            message, content = await exchange.head()
        except Lost as lost:
            return await self._lost(passing, lost)
        return await self._answer(passing, exchange, message, content)

    async def _answer(
        self,
        passing: Passing,
        exchange: Exchange,
        message: RawResponseMessage,
        content: StreamReader,
    ) -> Sent:
        request = passing.request
        now = self._clock.monotonic()
        ms = (now - passing.arrived) * 1000
        self._traffic.note(passing.lane, "answered", str(message.code), now=now, ms=ms)
        self._traffic.called.note(request.method, request.raw_path, passing.lane, message.code, now=now)
        self._answered(passing, message)
        copy = None
        if message.code == HTTPStatus.OK and self._last_good.wants(request.method, request.raw_path):
            copy = Copy(message.raw_headers)
        try:
            sent = await relay(
                request,
                exchange,
                message,
                content,
                close=self.draining,
                stall_s=self._settings.stall_s,
                copy=copy,
            )
        except Lost as lost:
            self._failed(passing, lost)
            if request.writer.output_size:
                # A client must not take what it has for the whole answer: no final chunk, no clean end.
                if request.transport is not None:
                    request.transport.abort()
                return Sent(keep=False)
            return await self.say(request, no_answer(lost))
        if copy is not None and copy.whole:
            good = Good(copy.raw_headers, bytes(copy.body), self._clock.now())
            self._last_good.keep(request.raw_path, passing.incoming, passing.fingerprint, good)
        return sent

    def _answered(self, passing: Passing, message: RawResponseMessage) -> None:
        """What an answer tells of limits, keys and MaintainX's health."""
        now, status = self._clock.monotonic(), message.code
        self._health.answered(now)
        assert passing.turn is not None
        passing.turn.answered(now, status, message.headers, target=passing.request.raw_path)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._outage.bad(f"it answered {status}")
            return
        self._outage.good()
        if status < HTTPStatus.MULTIPLE_CHOICES:
            self._callers.accepted(passing.fingerprint)
            self._health.good(passing.request.method, passing.request.raw_path)
        elif status == HTTPStatus.UNAUTHORIZED:
            self._callers.refused(passing.fingerprint)

    async def _lost(self, passing: Passing, lost: Lost) -> Sent:
        kind = fate(lost, passing.request.method)
        self._traffic.note(passing.lane, kind, lost.phase, now=self._clock.monotonic())
        self._failed(passing, lost)
        if passing.request.transport is None:
            return Sent(keep=False)
        return await self.say(passing.request, no_answer(lost))

    def _failed(self, passing: Passing, lost: Lost) -> None:
        if lost.phase == "client":
            return
        self._health.failed(lost)
        self._outage.bad(str(lost))
        self._log.warning("%s in lane %s: %s", passing.request.method, passing.lane, lost)
