"""The way to MaintainX: pooled connections, one exchange at a time on each, and what went wrong in which phase.

aiohttp's connector and parser, without its session: the session sends PUT and DELETE twice, follows redirects,
keeps cookies, re-encodes targets and merges headers, all of which a gateway must not do.
"""

import asyncio
import os
import ssl
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Literal

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from aiohttp.web import RequestPayloadError
from yarl import URL

from bot.errors import ConfigError
from bot.gateway.settings import GatewaySettings
from bot.gateway.wire import framed
from bot.maintainx import host_of, origin

Phase = Literal[
    "dns", "connect", "tls", "connect_timeout", "lost", "malformed", "answer_timeout", "stalled", "client"
]

MAX_LINE = 65536
"""Bytes of one header or target; aiohttp's 8190 refuses what MaintainX and its callers may send."""
MAX_HEADERS = 500
_POOL_IDLE_S = 15.0
"""Shorter than any load balancer's own, so that a connection is rarely closed just as it is used."""


class Lost(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """There is no answer. ``sent`` says whether any byte may have reached MaintainX."""

    def __init__(self, phase: Phase, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.phase: Phase = phase
        self.sent = sent


class Exchange:
    """One request and its answer on one connection."""

    def __init__(self, connection: Connection, *, settings: GatewaySettings, host: str, reused: bool) -> None:
        protocol = connection.protocol
        assert protocol is not None
        self._connection = connection
        self._protocol: ResponseHandler = protocol
        self._settings = settings
        self._host = host
        self.reused = reused
        self.uploaded = True
        self._fault: Lost | None = None

    @property
    def spoiled(self) -> bool:
        """Whether the upstream said something that nobody asked for: it would be taken for the next answer."""
        return self._protocol.should_close

    def send(self, head: bytes, *, no_body: bool, more: bool) -> None:
        """Write the head, and the body where it is at hand. ``more``: an upload follows; ``no_body``: HEAD."""
        self._protocol.set_response_params(
            skip_payload=no_body,
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=None if more else self._settings.answer_s,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_HEADERS,
        )
        self.uploaded = not more
        transport = self._protocol.transport
        if transport is None:
            raise self.lost(aiohttp.ServerDisconnectedError())
        transport.write(head)
        if not more:
            self._protocol.start_timeout()

    async def upload(self, body: StreamReader, *, chunked: bool) -> None:
        """Pass the body on as it comes. Never raises: a fault breaks the connection and shows in ``lost``."""
        limit = self._settings.stall_s
        drain = StreamWriter(self._protocol, asyncio.get_running_loop()).drain
        try:
            while True:
                try:
                    async with asyncio.timeout(limit):
                        data = await body.readany()
                except TimeoutError:
                    return self._give_up(
                        "client", f"the request's body stood still for {limit:g} s; send it again"
                    )
                if not data:
                    break
                self._write(framed(data, chunked=chunked, last=False))
                if self._protocol.writing_paused:
                    try:
                        async with asyncio.timeout(limit):
                            await drain()
                    except TimeoutError:
                        text = f"{self._host} took none of the request's body for {limit:g} s"
                        return self._give_up("stalled", text)
            self._write(framed(b"", chunked=chunked, last=True))
        except (aiohttp.ClientError, OSError, HttpProcessingError, RequestPayloadError):
            # Either side is gone. Without its end the upstream cannot take the body for a whole one.
            return self._give_up("client", "the client left before its request was complete")
        self.uploaded = True
        self._protocol.read_timeout = self._settings.answer_s
        self._protocol.start_timeout()
        return None

    async def head(self) -> tuple[RawResponseMessage, StreamReader]:
        """The answer's head and its body to read. Raises Lost."""
        while True:
            try:
                message, body = await self._protocol.read()
            except (aiohttp.ClientError, OSError, HttpProcessingError, TimeoutError) as error:
                self.close()
                raise self.lost(error) from None
            if message.code >= 200:  # noqa: PLR2004 - below are 100 Continue and 103 Early Hints, which end here
                return message, body
            if message.code < 100 or message.code == 101:  # noqa: PLR2004 - no status at all; a switch of protocols
                self.close()
                text = f"{self._host} answered with the status {message.code}, which is no answer to this request"
                raise Lost("malformed", text, sent=True)
            if self.uploaded and not len(self._protocol):
                self._protocol.start_timeout()  # aiohttp stops it at the end of each message, an early one too

    def lost(self, error: Exception) -> Lost:
        """Say what an exception of this exchange means."""
        if self._fault is not None:
            return self._fault
        match error:
            case aiohttp.SocketTimeoutError() | TimeoutError():
                return Lost(
                    "answer_timeout",
                    f"{self._host} said nothing for {self._settings.answer_s:g} s",
                    sent=True,
                )
            case HttpProcessingError():
                return Lost("malformed", f"{self._host} answered something that is not HTTP", sent=True)
            case _:
                return Lost(
                    "lost", f"{self._host} closed the connection before its answer was complete", sent=True
                )

    def finish(self) -> None:
        """The answer is read to its end: keep the connection where both sides are done with it."""
        if self.uploaded:
            self._connection.release()
        else:
            self.close()

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    def _write(self, data: bytes) -> None:
        transport = self._protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ServerDisconnectedError
        transport.write(data)

    def _give_up(self, phase: Phase, text: str) -> None:
        if self._protocol.transport is None or self._protocol.transport.is_closing():
            return  # the upstream closed first; its answer, where it gave one, is still read
        self._fault = Lost(phase, text, sent=True)
        self._protocol.transport.abort()


class Upstream:
    """Connections to the one upstream. ``close`` must be awaited."""

    def __init__(self, settings: GatewaySettings) -> None:
        url = URL(origin(settings.upstream))
        self.name = host_of(settings.upstream)
        self.host = (url.host_port_subcomponent or "").encode("ascii")
        self.prefix = url.raw_path.rstrip("/").encode("ascii")
        self._settings = settings
        self._connector = TCPConnector(limit=0, keepalive_timeout=_POOL_IDLE_S)
        self._asked = ClientRequest(
            "GET",
            url.with_path("/"),
            loop=asyncio.get_running_loop(),
            ssl=_trust(settings.ca_file),
            # A tunnel by CONNECT; to a plain upstream the target would have to be rewritten, which is not done.
            proxy=URL(settings.proxy) if settings.proxy and url.scheme == "https" else None,
        )
        self._timeout = ClientTimeout(total=None, connect=settings.connect_s, sock_connect=settings.connect_s)
        self._known: weakref.WeakSet[ResponseHandler] = weakref.WeakSet()

    async def connect(self) -> Exchange:
        """A connection from the pool, or a new one. Raises Lost; nothing was sent then."""
        while True:
            exchange = await self._next()
            if not exchange.spoiled:
                return exchange
            exchange.close()

    async def _next(self) -> Exchange:
        try:
            connection = await self._connector.connect(self._asked, [], self._timeout)
        except TimeoutError:
            text = f"connecting to {self.name} took longer than {self._settings.connect_s:g} s"
            raise Lost("connect_timeout", text, sent=False) from None
        except aiohttp.ClientConnectorDNSError:
            raise Lost("dns", f"the name {self.name} could not be resolved", sent=False) from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise Lost(
                "tls", f"TLS with {self.name} did not come about ({_why(error)})", sent=False
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(
                "connect", f"{self.name} could not be connected to ({_why(error)})", sent=False
            ) from None
        protocol = connection.protocol
        assert protocol is not None
        reused = protocol in self._known
        if not reused:
            self._known.add(protocol)
        return Exchange(connection, settings=self._settings, host=self.name, reused=reused)

    async def close(self) -> None:
        """Close every connection."""
        with suppress(OSError):
            await self._connector.close()


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """What to trust: the system's certificates, or those of a file. Raises ConfigError."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        text = f"reading the certificates in {ca_file}: {error.strerror or error}; name a PEM file"
        raise ConfigError((text,)) from None


def _why(error: Exception) -> str:
    """The reason in the system's own words, without addresses and object names."""
    inner = error.__cause__ or error
    if said := getattr(inner, "verify_message", None) or getattr(inner, "reason", None):
        return str(said)[:200]
    code = getattr(inner, "errno", None)
    return os.strerror(code).lower() if isinstance(code, int) and code > 0 else type(inner).__name__
