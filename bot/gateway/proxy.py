"""The way of each request: the admin routes, the buffer, or its turn and then MaintainX."""

import asyncio
import secrets

from aiohttp import web

from bot.gateway.admin import Admin
from bot.gateway.admission import Admission
from bot.gateway.budget import Caller
from bot.gateway.buffer.intake import RETRY_AFTER_S, Gone, Intake, Kept, Passed, kept_answer
from bot.gateway.buffer.writes import WRITES
from bot.gateway.edge import Sent, say, say_again
from bot.gateway.fates import Kind
from bot.gateway.forwarding import Forwarding
from bot.gateway.keyring import Callers
from bot.gateway.lanes import LaneMap, job_name
from bot.gateway.lastgood import STALE, Good, LastGood
from bot.gateway.leases import Leases
from bot.gateway.modes import Modes
from bot.gateway.passing import Held, Passing
from bot.gateway.refusals import Refusal, buffering_read, held_back
from bot.gateway.retrying import Retries
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import Traffic
from bot.gateway.upstream import Upstream
from bot.gateway.wire import Malformed, check_target, read_headers, request_head
from bot.ports import Clock


class Proxy:
    """Handles every request of every client connection."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        clock: Clock,
        upstream: Upstream,
        leases: Leases,
        modes: Modes,
        admission: Admission,
        intake: Intake,
        forwarding: Forwarding,
        callers: Callers,
        retries: Retries,
        last_good: LastGood,
        traffic: Traffic,
        admin: Admin,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._upstream = upstream
        self._leases = leases
        self._modes = modes
        self._admission = admission
        self._intake = intake
        self._forwarding = forwarding
        self._callers = callers
        self._retries = retries
        self._last_good = last_good
        self._traffic = traffic
        self._admin = admin
        self._lanes = LaneMap(settings.lanes)
        self._via = b"mx-" + secrets.token_hex(6).encode()
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
            return await self._pass_on(self._read(request))
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

    def _read(self, request: web.BaseRequest) -> Passing:
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
        fingerprint = self._callers.fingerprint(incoming.authorization)
        return Passing(
            request,
            incoming,
            head,
            lane=job_name(incoming.job) or self._lanes.lane(request.method, request.raw_path),
            caller=Caller(fingerprint.hex(), incoming.organisation.decode("ascii", "replace")),
            fingerprint=fingerprint,
            arrived=arrived,
        )

    async def _pass_on(self, passing: Passing) -> Sent:
        self._retries.count()
        if self._in_flight > self._settings.max_in_flight:
            return await self._held_back(passing, "busy")
        while True:
            if (sent := await self._hold(passing)) is not None:
                return sent
            verdict = await self._admission.enter(
                passing.lane, passing.caller, gone=lambda: passing.request.transport is None
            )
            if verdict == "gone":
                self._note(passing.lane, "client", "client")
                return Sent(keep=False)
            if verdict != "go":
                return await self._held_back(passing, verdict)
            # While it waited for its turn, buffering may have begun.
            if (sent := await self._hold(passing)) is not None:
                self._admission.give_back(passing.caller)
                return sent
            try:
                return await self._forwarding.forward(passing)
            except Held as held:
                if held.verdict != "buffering":
                    return await self._held_back(passing, held.verdict)

    async def _hold(self, passing: Passing) -> Sent | None:
        """Keep a write that must queue, or refuse what cannot be served now; None: it goes on to MaintainX."""
        request = passing.request
        if not self._modes.holds_up(request.method, request.raw_path):
            return None
        return await (self._keep(passing) if request.method in WRITES else self._withhold(passing))

    async def _keep(self, passing: Passing) -> Sent | None:
        request, lane = passing.request, passing.lane
        try:
            taken = await self._intake.take(request, passing.incoming, lane, body=passing.body)
        except Gone:
            self._note(lane, "client", "client")
            return Sent(keep=False)
        match taken:
            case Kept():
                self._note(lane, "buffered", "202")
                status, body, headers = kept_answer(taken)
                return await say(request, status, body, headers=headers, close=self._forwarding.draining)
            case Passed(body=body):
                passing.body = body
                return None
            case Refusal():
                self._note(lane, "refused", str(taken.status.value))
                return await self._forwarding.say(request, taken)

    async def _withhold(self, passing: Passing) -> Sent:
        """A read while nothing goes to MaintainX."""
        request = passing.request
        if self._last_good.wants(request.method, request.raw_path) and self._intake.vouched(passing.incoming):
            good = self._last_good.find(request.raw_path, passing.incoming, passing.fingerprint)
            if good is not None:
                self._note(passing.lane, "stale", "200")
                return await self._stale(request, good)
        self._note(passing.lane, "limited", "buffering")
        return await self._forwarding.say(request, buffering_read(RETRY_AFTER_S))

    async def _stale(self, request: web.BaseRequest, good: Good) -> Sent:
        age_s = max(0, int((self._clock.now() - good.at).total_seconds()))
        extra = [f"{STALE}: {age_s}".encode()]
        return await say_again(
            request, good.raw_headers, good.body, extra=extra, close=self._forwarding.draining
        )

    async def _held_back(self, passing: Passing, cause: str) -> Sent:
        now = self._clock.monotonic()
        self._traffic.note(passing.lane, "limited", cause, now=now)
        limiter = self._admission.limiter
        match cause:
            case "paused":
                ends_s = self._leases.paused_for_s(passing.lane)
                retry_after = min(ends_s, self._settings.paused_retry_after_s)
            case "busy":
                retry_after = 1
            case _:
                retry_after = limiter.retry_after(cause, passing.caller, now)
        refusal = held_back(
            cause,
            lane=passing.lane,
            wait_s=self._settings.max_wait_s,
            retry_after=retry_after,
            rate_per_s=limiter.rate_per_s,
        )
        return await self._forwarding.say(passing.request, refusal)

    def _note(self, lane: str, kind: Kind, what: str) -> None:
        self._traffic.note(lane, kind, what, now=self._clock.monotonic())
