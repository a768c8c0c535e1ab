"""What a write meets while writes are buffered: it is kept and answered 202, or refused with a sentence."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import JsonValue

from bot.errors import StoreError
from bot.gateway.buffer.buffer import Buffer, Full, new_id
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.buffer.writes import NewWrite, kept_headers
from bot.gateway.keyring import Callers, CurrentKey
from bot.gateway.refusals import Refusal, no_answer, no_room, not_kept, too_long, unknown_key
from bot.gateway.upstream import Lost
from bot.gateway.wire import Incoming
from bot.ports import Clock

BUFFERED = "X-MX-Buffered"
RETRY_AFTER_S = 30


@dataclass(frozen=True, slots=True)
class Kept:
    """A write that is on the disk; ``buffer_id`` names it."""

    buffer_id: str


@dataclass(frozen=True, slots=True)
class Passed:
    """The moment passed while the body came in: nothing holds the write up any more, and it goes out live."""

    body: bytes


class Gone(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """The client left, or stood still, before its write was whole: nothing was kept."""


class Intake:
    """Takes writes into the buffer."""

    def __init__(
        self,
        settings: BufferSettings,
        *,
        buffer: Buffer,
        callers: Callers,
        key: CurrentKey,
        must_queue: Callable[[str, str], bool],
        stall_s: float,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._buffer = buffer
        self._callers = callers
        self._key = key
        self._must_queue = must_queue
        self._stall_s = stall_s
        self._clock = clock

    def vouched(self, incoming: Incoming) -> bool:
        """Whether this caller's key is known to be good without asking MaintainX."""
        return self._callers.good(incoming.authorization, self._key.authorization())

    async def take(
        self, request: web.BaseRequest, incoming: Incoming, lane: str, *, body: bytes | None
    ) -> Kept | Passed | Refusal:
        """Read a write whole, where ``body`` is not at hand yet, and keep it. Raises Gone."""
        if not self.vouched(incoming):
            return unknown_key()
        declared = int(request.headers.get("Content-Length") or 0)
        if (full := self._buffer.full(declared)) is not None:
            return await self._no_room(full, declared)
        if body is None:
            found = await self._body(request, expects=incoming.expects)
            if isinstance(found, Refusal):
                return found
            body = found
        # From here to the count in ``accept`` nothing waits: what is decided now still holds then.
        if not self._must_queue(request.method, request.raw_path):
            return Passed(body)
        write = NewWrite(
            id=new_id(),
            method=request.method,
            target=request.raw_path,
            headers=kept_headers(incoming.lines),
            body=body,
            # As text that a file can hold: one write's strange bytes must not cost its whole batch.
            organisation=request.headers.get("X-Organization-Id", "").encode("ascii", "replace").decode(),
            caller=self._callers.fingerprint(incoming.authorization),
            lane=lane,
            received_at=self._clock.now(),
        )
        if (full := self._buffer.full(write.size)) is not None:
            return await self._no_room(full, write.size)
        try:
            await self._buffer.accept(write)
        except StoreError as error:
            return not_kept(str(error), RETRY_AFTER_S)
        await self._tell(None)
        return Kept(write.id)

    async def _no_room(self, full: Full, size: int) -> Refusal:
        await self._tell(full, size)
        return no_room(full, RETRY_AFTER_S)

    async def _tell(self, full: Full | None, size: int = 0) -> None:
        with suppress(StoreError):  # the feed may hear of it later; this write must have its answer
            await self._buffer.tell_full(full, size=size)

    async def _body(self, request: web.BaseRequest, *, expects: bool) -> bytes | Refusal:
        """The whole body, counted against the buffer's limit while it comes in. Raises Gone."""
        if request.content.is_eof():
            at_hand = request.content.read_nowait()
            return at_hand if len(at_hand) <= self._settings.max_body else too_long(self._settings.max_body)
        if expects and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        found, tally = bytearray(), self._buffer.tally
        try:
            while data := await self._more(request):
                found += data
                tally.arriving_bytes += len(data)
                if len(found) > self._settings.max_body:
                    return too_long(self._settings.max_body)
                if (full := self._buffer.full()) is not None:
                    return await self._no_room(full, len(found))
            return bytes(found)
        except TimeoutError:
            stood = f"the request's body stood still for {self._stall_s:g} s; send it again"
            return no_answer(Lost("client", stood, sent=False))
        finally:
            tally.arriving_bytes -= len(found)

    async def _more(self, request: web.BaseRequest) -> bytes:
        try:
            async with asyncio.timeout(self._stall_s):
                return await request.content.readany()
        except (ClientError, ConnectionError, HttpProcessingError, web.RequestPayloadError):
            raise Gone from None


def kept_answer(kept: Kept) -> tuple[HTTPStatus, dict[str, JsonValue], dict[str, str]]:
    """Status, body and headers of the 202; never a field ``id``, which a client would take for a work order's."""
    body: dict[str, JsonValue] = {"buffered": True, "buffer_id": kept.buffer_id}
    return HTTPStatus.ACCEPTED, body, {BUFFERED: kept.buffer_id}
