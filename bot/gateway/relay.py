"""The way back: an upstream's answer to the client, as it came, streaming, without ever passing a cut one for whole."""

import asyncio
from http import HTTPStatus

from aiohttp import web
from aiohttp.client_exceptions import ClientError
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

from bot.gateway.edge import Sent, connection_line
from bot.gateway.lastgood import Copy
from bot.gateway.upstream import Exchange, Lost
from bot.gateway.wire import Malformed, answer_head, framed

_SMALL = 16384
"""Bytes that are written without looking at the clock: they fit into any socket's buffer."""


async def relay(
    request: web.BaseRequest,
    exchange: Exchange,
    message: RawResponseMessage,
    content: StreamReader,
    *,
    close: bool,
    stall_s: float,
    copy: Copy | None = None,
) -> Sent:
    """Write the answer to the client, and give the connection back or up; ``copy`` gets its body too.

    Raises Lost where the upstream breaks off; ``request.writer.output_size`` says whether the answer had begun.
    """
    codings = message.headers.getall("Transfer-Encoding", [])
    if codings and [coding.lower() for coding in codings] != ["chunked"]:
        exchange.close()
        text = f"MaintainX's answer has the transfer coding {', '.join(codings)[:40]!a}"
        raise Lost("malformed", text, sent=True)
    empty = request.method == "HEAD" or message.code in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    sized = empty or "Content-Length" in message.headers
    chunked = not sized and request.version >= (1, 1)
    keep = bool(request.keep_alive) and not close and (sized or chunked)
    extra = [f"{name}: {value}".encode() for name, value in connection_line(request, keep=keep).items()]
    if chunked:
        extra.append(b"Transfer-Encoding: chunked")
    try:
        data = answer_head(message.code, message.reason, message.raw_headers, extra=extra)
    except Malformed as fault:
        exchange.close()
        raise Lost("malformed", str(fault), sent=True) from None
    last = False
    while True:
        body, last = await _next(exchange, content, wait=not data)
        if copy is not None:
            copy.add(body, last=last)
        data += framed(body, chunked=chunked, last=last)
        if last:
            exchange.finish()
        if data and not await _write(request, data, stall_s=stall_s):
            exchange.close()
            return Sent(keep=False)
        if last:
            return Sent(keep=keep)
        data = b""


async def _next(exchange: Exchange, content: StreamReader, *, wait: bool) -> tuple[bytes, bool]:
    """What has come of the body, and whether that is the end of it. Raises Lost."""
    try:
        body = await content.readany() if wait else content.read_nowait()
    except (ClientError, OSError, TimeoutError, HttpProcessingError) as error:
        exchange.close()
        raise exchange.lost(error) from None
    return body, content.at_eof()


async def _write(request: web.BaseRequest, data: bytes, *, stall_s: float) -> bool:
    """Hand bytes to the client; False where it has left, or has not read for too long."""
    try:
        if len(data) <= _SMALL and not request.protocol.writing_paused:
            await request.writer.write(data)
        else:
            async with asyncio.timeout(stall_s):
                await request.writer.write(data)
                await request.writer.drain()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        return False
    except (ClientError, OSError):
        return False
    return True
