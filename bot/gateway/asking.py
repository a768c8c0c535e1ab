"""The gateway's own requests to MaintainX: with the configured key, inside the budget, after live traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError

from bot.gateway.admission import Admission
from bot.gateway.budget import Budget, Caller
from bot.gateway.keyring import Callers, CurrentKey
from bot.gateway.turn import Turn
from bot.gateway.upstream import Lost, Upstream
from bot.gateway.wire import Malformed, request_head
from bot.ports import Clock

MAX_ANSWER = 8 * 2**20
"""Bytes of an answer that is read whole; MaintainX's lists are far below."""

Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What MaintainX answered to the gateway itself; ``headers`` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    """False where the connection broke within the body: status and headers stand."""


class Asking:
    """Sends one request at a time for whoever calls; nothing is ever sent twice."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        admission: Admission,
        budget: Budget,
        key: CurrentKey,
        callers: Callers,
        clock: Clock,
    ) -> None:
        self._upstream = upstream
        self._admission = admission
        self._budget = budget
        self._key = key
        self._callers = callers
        self._clock = clock
        self._via = b"mx-gateway"

    @property
    def has_key(self) -> bool:
        """Whether there is a key to ask with."""
        return self._key.current() is not None

    async def turn(self, *, lane: str, organisation: str = "") -> Turn:
        """Wait until no live request wants the turn. What is done with it is told by ``ask``, or ``unsent``."""
        fingerprint = self._callers.fingerprint(self._key.authorization() or b"").hex()
        caller = Caller(fingerprint, organisation)
        await self._admission.enter_last(lane, caller)
        return Turn(self._budget, self._admission, caller)

    async def ask(
        self,
        method: str,
        target: str,
        *,
        turn: Turn,
        body: bytes = b"",
        headers: Lines = (),
        organisation: str = "",
    ) -> Answered:
        """Send one request and read its whole answer. ``target`` is path and query, such as ``/v1/users?limit=1``.

        ``headers`` must not hold a key; the configured one is added. Raises Lost, whose ``sent`` says whether any
        byte may have reached MaintainX.
        """
        try:
            answered = await self._exchange(
                method, target, body=body, headers=headers, organisation=organisation
            )
        except Lost as lost:
            if not lost.sent:
                turn.unsent()
            raise
        else:
            turn.answered(self._clock.monotonic(), answered.status, answered.headers, target=target)
            return answered
        finally:
            turn.over(self._clock.monotonic())

    async def foreign(self, organisation: str) -> bool:
        """Whether a 401 was about this organisation, the key being good without it. Where that is not seen: no."""
        if not organisation:
            return False
        try:
            answered = await self.ask("GET", "/v1/organizations?limit=1", turn=await self.turn(lane="mx"))
        except Lost:
            return False
        # Without an organisation a key of several gets 400, which tells that it is known.
        return answered.status in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST)

    async def _exchange(
        self, method: str, target: str, *, body: bytes, headers: Lines, organisation: str
    ) -> Answered:
        authorization = self._key.authorization()
        lines = [f"{name}: {value}".encode("utf-8", "surrogateescape") for name, value in headers]
        if authorization is not None:
            lines.append(b"Authorization: " + authorization)
        if organisation:
            lines.append(b"x-organization-id: " + organisation.encode("utf-8", "surrogateescape"))
        if body or method not in ("GET", "HEAD", "DELETE"):
            lines.append(b"Content-Length: %d" % len(body))
        try:
            head = request_head(
                method,
                self._upstream.prefix + target.encode("utf-8", "surrogateescape"),
                lines,
                host=self._upstream.host,
                via=self._via,
                chunked=False,
            )
        except Malformed as fault:  # the configured key may hold anything
            raise Lost(
                "malformed", f"the gateway's own request: {fault}; look at the key", sent=False
            ) from None
        exchange = await self._upstream.connect()
        try:
            exchange.send(head + body, no_body=method == "HEAD", more=False)
            message, content = await exchange.head()
            found, whole = bytearray(), True
            try:
                while data := await content.readany():
                    found += data
                    if len(found) > MAX_ANSWER:
                        return Answered(message.code, message.headers, bytes(found), whole=False)
            except (ClientError, OSError, TimeoutError, HttpProcessingError):
                whole = False
            else:
                exchange.finish()
            return Answered(message.code, message.headers, bytes(found), whole=whole)
        finally:
            exchange.close()
