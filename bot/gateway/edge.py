"""The server side of aiohttp as a gateway needs it: nothing added to answers, errors as JSON, hostile bytes not echoed."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_exceptions import ClientError
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from pydantic import JsonValue

from bot.gateway.settings import GatewaySettings
from bot.gateway.upstream import MAX_HEADERS, MAX_LINE
from bot.gateway.wire import RawHeaders, answer_head, given_again

_LINGER_S = 10.0
"""How long the rest of a body is read and dropped after an early answer, so that the client gets to see it; never
longer than a body may stand still at all."""


class Sent(web.StreamResponse):
    """An answer that is on its way: aiohttp only asks it whether the connection stays open.

    ``last`` are bytes that are still to be written, where there was no chance to wait for it.
    """

    def __init__(self, *, keep: bool, last: bytes = b"") -> None:
        super().__init__()
        self._keep = keep
        self._last = last

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection is used again."""
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write what is left, mostly nothing."""
        last, self._last = self._last, b""
        if last:
            await request.writer.write(last)
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


async def say(
    request: web.BaseRequest,
    status: HTTPStatus,
    body: JsonValue | bytes,
    *,
    headers: Mapping[str, str] | None = None,
    close: bool = False,
) -> Sent:
    """Answer by the gateway itself: JSON, or bytes with their own Content-Type in ``headers``."""
    keep = not close and bool(request.keep_alive)
    lines = {**(headers or {}), **connection_line(request, keep=keep)}
    try:
        await request.writer.write(_own(status, body, headers=lines, bare=request.method == "HEAD"))
    except (ClientError, OSError):
        return Sent(keep=False)  # nobody is there any more to be told
    return Sent(keep=keep)


async def say_again(
    request: web.BaseRequest, raw_headers: RawHeaders, body: bytes, *, extra: list[bytes], close: bool
) -> Sent:
    """Give an answer of MaintainX's once more, with 200 and the headers that it had."""
    keep = not close and bool(request.keep_alive)
    extra = [*extra, b"Content-Length: %d" % len(body)]
    extra += [f"{name}: {value}".encode() for name, value in connection_line(request, keep=keep).items()]
    head = answer_head(HTTPStatus.OK.value, HTTPStatus.OK.phrase, given_again(raw_headers), extra=extra)
    try:
        await request.writer.write(head + body)
    except (ClientError, OSError):
        return Sent(keep=False)  # nobody is there any more to be told
    return Sent(keep=keep)


def connection_line(request: web.BaseRequest, *, keep: bool) -> dict[str, str]:
    """The Connection header that an answer needs, if any."""
    if keep:
        return {"Connection": "keep-alive"} if request.version < (1, 1) else {}
    return {"Connection": "close"}


def _own(
    status: HTTPStatus, body: JsonValue | bytes, *, headers: Mapping[str, str], bare: bool = False
) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode() + b"\n"
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    return head.encode("latin-1", "replace") + b"\r\n" + (b"" if bare else content)


class _Handler(web.RequestHandler):
    """One client connection; an unreadable request gets a JSON 400 without its bytes."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's own words, which echo what was sent
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was already under way")
        unreadable = status == HTTPStatus.BAD_REQUEST
        if unreadable:
            self.logger.info(
                "a request from %s was not readable as HTTP (%s)", request.remote, type(exc).__name__
            )
        else:
            self.logger.error("answering a request from %s", request.remote, exc_info=exc)
        text = (
            "the request is not readable as HTTP/1.1; look at its request line, headers and chunks"
            if unreadable
            else "the gateway has a fault of its own; its log says more"
        )
        known = HTTPStatus(status)
        return Sent(keep=False, last=_own(known, {"error": text}, headers={"Connection": "close"}))


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """One request. A chunked one is the last of its connection.

    aiohttp's parser (3.14.5, in C) keeps the last trailer of a chunked body and puts it before the headers of the
    next request: whoever sends the first could write ``Authorization`` into somebody else's second.
    """
    if message.chunked:
        message = message._replace(should_close=True)
    return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())


class EdgeServer(web.Server):
    """Makes a ``_Handler`` for each connection, with limits wide enough for MaintainX and its callers."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        settings: GatewaySettings,
        logger: logging.Logger,
    ) -> None:
        super().__init__(handler, request_factory=_request)
        self._arguments: dict[str, Any] = {
            "logger": logger,
            "access_log": None,
            "keepalive_timeout": settings.idle_s,
            "max_line_size": MAX_LINE,
            "max_field_size": MAX_LINE,
            "max_headers": MAX_HEADERS,
            "auto_decompress": False,
            "lingering_time": min(_LINGER_S, settings.stall_s),
        }

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=asyncio.get_running_loop(), **self._arguments)
