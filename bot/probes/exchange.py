"""One timed HTTP exchange: the answer, or the phase in which it broke, and where the time went.

DNS is an own timed lookup; connect, TLS and first byte come from the client's trace events. The client looks
the name up once more while connecting, so on a machine that caches no names "connect" holds a lookup as well.
"""

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx  # its continuation has the same API: ``import httpx2 as httpx`` is the whole change

from bot.domain.readings import Phase, Sample, Timing
from bot.maintainx import error_text, rate_headers

USER_AGENT = "mx-triage"
_TEXT_LIMIT = 160
_DOING: Mapping[Phase, str] = {
    "dns": "looking up {host}",
    "connect": "connecting to {host}",
    "tls": "agreeing on TLS with {host}",
    "first_byte": "waiting for the first byte from {host}",
    "body": "reading the answer of {host}",
}
_STARTS: Mapping[str, Phase] = {
    "connect_tcp": "connect",
    "start_tls": "tls",
    "send_request_headers": "first_byte",
    "receive_response_headers": "first_byte",
    "receive_response_body": "body",
}
_ERRNO_WORDS: Mapping[int, str] = {
    errno.ECONNREFUSED: "was refused (nothing listens there)",
    errno.ECONNRESET: "was cut off by the other side",
    errno.EPIPE: "was cut off by the other side",
    errno.EHOSTUNREACH: "found no route to the host",
    errno.ENETUNREACH: "found no route to the network",
    errno.ETIMEDOUT: "timed out in the operating system",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one request went. ``code`` is None where no answer came; ``error`` then says what happened."""

    timing: Timing
    code: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failed_phase: Phase | None = None
    timed_out: bool = False
    error: str | None = None
    refused: bool = False
    """The connection was refused: nothing listens at that address."""

    @property
    def html(self) -> bool:
        """The body is a page, not data; some servers send JSON under the name of HTML, so the body decides."""
        start = self.body[:256].lstrip().lower()
        named = "text/html" in self.headers.get("content-type", "")
        return start.startswith((b"<!doctype", b"<html", b"<head", b"<body")) or (
            named and not start.startswith((b"{", b"["))
        )

    def sample(self, *, at_ms: float) -> Sample:
        """The exchange as a sample of a reading."""
        refusal = self.code is not None and self.code >= 400  # noqa: PLR2004 - HTTP's own border
        return Sample(
            at_ms=at_ms,
            code=self.code,
            ms=self.timing.total if self.code is not None else None,
            timing=self.timing,
            failed_phase=self.failed_phase,
            timed_out=self.timed_out,
            error=self.error or (error_text(self.body, limit=_TEXT_LIMIT) if refusal else None),
            html=self.html,
            retry_after_s=rate_headers(self.headers).retry_after_s,
        )


class Line:
    """A fresh client over the shared TLS settings: its first request opens a new connection."""

    def __init__(self, plain: httpx.AsyncClient, wire: "Wire") -> None:
        self._plain = plain
        self._wire = wire
        self._secure: httpx.AsyncClient | None = None

    async def get(
        self,
        url: str,
        *,
        until: float,
        headers: Mapping[str, str] | None = None,
        max_body: int = 262_144,
    ) -> Exchange:
        """GET ``url``, ending at ``until`` (the loop's time) at the latest. Raises nothing but cancellation.

        Redirects are answers, never followed: the key stays with the host it was meant for.
        """
        watch = _Watch(started=asyncio.get_running_loop().time())
        host = shown_host(url)
        try:
            async with asyncio.timeout_at(until):
                await _look_up(url, watch)
                client = self._plain if url.startswith("http:") else await self._tls()
                return await _ask(client, url, headers or {}, watch=watch, max_body=max_body)
        except TimeoutError:
            doing = _DOING[watch.phase].format(host=host)
            error = f"{doing} timed out after {watch.waited():.3g} s"
            return Exchange(timing=watch.timing(), failed_phase=watch.phase, timed_out=True, error=error)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            words, refused = _words(problem)
            doing = _DOING[watch.phase].format(host=host)
            return Exchange(
                timing=watch.timing(), failed_phase=watch.phase, error=f"{doing} {words}", refused=refused
            )

    async def _tls(self) -> httpx.AsyncClient:
        if self._secure is None:
            self._secure = _client(await self._wire.trust())
        return self._secure

    async def aclose(self) -> None:
        """Close the connections."""
        await self._plain.aclose()
        if self._secure is not None:
            await self._secure.aclose()


class Wire:
    """What all HTTP probes of an integration share: the TLS settings, which take 40 ms to load, once."""

    def __init__(self) -> None:
        self._trust: ssl.SSLContext | None = None
        self._lock = asyncio.Lock()
        self._bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def trust(self) -> ssl.SSLContext:
        """The certificates to trust (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` included), loaded on first use."""
        async with self._lock:
            if self._trust is None:
                self._trust = await asyncio.to_thread(httpx.create_ssl_context)
            return self._trust

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A line of its own for one probe: no connection of an earlier reading is reused."""
        line = Line(_client(self._bare), self)
        try:
            yield line
        finally:
            await line.aclose()


def shown_host(url: str) -> str:
    """``host`` or ``host:port`` of a URL, without user name and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def shown(url: str) -> str:
    """The URL without user name and password, fit to show."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@dataclass(slots=True)
class _Watch:
    """Which phase the exchange is in, and how long each took."""

    started: float
    phase: Phase = "dns"
    begun: dict[Phase, float] = field(default_factory=dict)
    took: dict[Phase, float] = field(default_factory=dict)

    def waited(self) -> float:
        return asyncio.get_running_loop().time() - self.started

    def begin(self, phase: Phase) -> None:
        self.phase = phase
        self.begun.setdefault(phase, asyncio.get_running_loop().time())

    def end(self, phase: Phase) -> None:
        if phase in self.begun:
            self.took[phase] = asyncio.get_running_loop().time() - self.begun[phase]

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """The HTTP client tells where it is: ``connection.connect_tcp.started`` and the like."""
        _, _, rest = event.partition(".")
        name, _, stage = rest.partition(".")
        phase = _STARTS.get(name)
        if phase is None:
            return
        if stage == "started":
            if name == "send_request_headers":  # a proxy's CONNECT came before it: count the request itself
                self.begun.pop(phase, None)
            self.begin(phase)
        elif stage == "complete" and name != "send_request_headers":
            self.end(phase)

    def timing(self) -> Timing:
        def ms(phase: Phase) -> float | None:
            took = self.took.get(phase)
            return None if took is None else round(took * 1000, 1)

        return Timing(
            dns=ms("dns"),
            connect=ms("connect"),
            tls=ms("tls"),
            first_byte=ms("first_byte"),
            total=round(self.waited() * 1000, 1),
        )


def _client(trust: ssl.SSLContext) -> httpx.AsyncClient:
    """A client that costs 0.3 ms because its TLS settings are given; proxies of the environment serve it."""
    unlimited = httpx.Timeout(None)  # one deadline round the whole exchange instead: it can name the phase
    return httpx.AsyncClient(verify=trust, timeout=unlimited, headers={"User-Agent": USER_AGENT})


async def _look_up(url: str, watch: _Watch) -> None:
    """Time the name's lookup, unless there is none to do: an address, or a proxy that does it for us."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return
    proxies = getproxies()
    if (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(host):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    watch.begin("dns")
    await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    watch.end("dns")


async def _ask(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], *, watch: _Watch, max_body: int
) -> Exchange:
    watch.phase = "connect"
    async with client.stream(
        "GET", url, headers=dict(headers), extensions={"trace": watch.trace}
    ) as response:
        watch.begin("body")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) >= max_body:
                break
        watch.end("body")
        return Exchange(
            timing=watch.timing(), code=response.status_code, headers=response.headers, body=bytes(body)
        )


def _words(problem: Exception) -> tuple[str, bool]:
    """What the network said, in words, and whether the connection was refused."""
    step: BaseException | None = problem
    while step is not None:
        match step:
            case socket.gaierror():
                return f"found no such name ({step.strerror})", False
            case ssl.SSLCertVerificationError():
                return f"met a certificate that is not trusted ({step.verify_message})", False
            case ssl.SSLError():
                return f"broke off ({step.reason or 'TLS error'})", False
            case OSError(errno=int() as number):
                words = _ERRNO_WORDS.get(number) or f"ended with: {os.strerror(number)}"
                return words, number == errno.ECONNREFUSED
            case _:
                step = step.__cause__ or step.__context__ or _only(step)
    return f"ended with: {str(problem)[:_TEXT_LIMIT] or type(problem).__name__}", False


def _only(problem: BaseException) -> BaseException | None:
    """One of several attempts' errors (IPv6 and IPv4 are tried side by side), the last one."""
    return problem.exceptions[-1] if isinstance(problem, BaseExceptionGroup) else None
