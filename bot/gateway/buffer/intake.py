"""What a client meets while writes are buffered: its write kept and answered 202, its read refused or answered stale."""

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
from bot.gateway.buffer.buffer import Buffer, new_id
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.buffer.writes import NewWrite, kept_headers
from bot.gateway.keyring import Callers, CurrentKey
from bot.gateway.refusals import Refusal, no_room, not_kept, too_long, unknown_key
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
        if refused := await self._full(int(request.headers.get("Content-Length") or 0)):
            return refused
        if body is None:
            body = await self._body(request, expects=incoming.expects)
        if body is None:
            return too_long(self._settings.max_body)
        if refused := await self._full(len(body)):
            return refused
        # From here to the count in ``accept`` nothing waits: what is decided now still holds then.
        if not self._must_queue(request.method, request.raw_path):
            return Passed(body)
        write = NewWrite(
            id=new_id(),
            method=request.method,
            target=request.raw_path,
            headers=kept_headers(incoming.lines),
            body=body,
            organisation=incoming.organisation.decode("ascii", "replace"),
            caller=self._callers.fingerprint(incoming.authorization),
            lane=lane,
            received_at=self._clock.now(),
        )
        try:
            await self._buffer.accept(write)
        except StoreError as error:
            return not_kept(str(error), RETRY_AFTER_S)
        return Kept(write.id)

    async def _full(self, size: int) -> Refusal | None:
        full = self._buffer.full(size)
        with suppress(StoreError):  # the feed may hear of it later; this write must have its answer
            await self._buffer.tell_full(full)
        return None if full is None else no_room(full, RETRY_AFTER_S)

    async def _body(self, request: web.BaseRequest, *, expects: bool) -> bytes | None:
        """The whole body; None where it is too long. Raises Gone."""
        if request.content.is_eof():
            at_hand = request.content.read_nowait()
            return at_hand if len(at_hand) <= self._settings.max_body else None
        if expects and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        found = bytearray()
        try:
            while True:
                async with asyncio.timeout(self._stall_s):
                    data = await request.content.readany()
                if not data:
                    return bytes(found)
                found += data
                if len(found) > self._settings.max_body:
                    return None
        except (TimeoutError, ClientError, OSError, HttpProcessingError, web.RequestPayloadError):
            raise Gone from None


def kept_answer(kept: Kept) -> tuple[HTTPStatus, dict[str, JsonValue], dict[str, str]]:
    """Status, body and headers of the 202; never a field ``id``, which a client would take for a work order's."""
    body: dict[str, JsonValue] = {"buffered": True, "buffer_id": kept.buffer_id}
    return HTTPStatus.ACCEPTED, body, {BUFFERED: kept.buffer_id}
