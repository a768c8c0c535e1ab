"""One timed HTTP exchange: the answer, or the phase in which it broke, and where the time went.

DNS is an own timed lookup; connect, TLS and first byte come from the client's trace events. The client looks
the name up once more while connecting, so on a machine that caches no names "connect" holds a lookup as well.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.request import getproxies, proxy_bypass

import httpx  # its continuation has the same API: ``import httpx2 as httpx`` is the whole change

from bot.domain.addresses import shown_host
from bot.domain.readings import Phase, Sample, Timing
from bot.maintainx import error_text, rate_headers
from bot.probes.watch import Watch, words_of

USER_AGENT = "mx-triage"
_TEXT_LIMIT = 160
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


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
    """Transports of its own over the shared TLS settings: its first request opens a new connection.

    Without the client on top: a probe wants no cookies, no redirects followed and no password from a ``.netrc``.
    """

    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._ways: dict[tuple[bool, str | None], httpx.AsyncHTTPTransport] = {}
        self._found: set[str] = set()

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
        watch = Watch(started=asyncio.get_running_loop().time())
        host = shown_host(url)
        try:
            async with asyncio.timeout_at(until):
                request = httpx.Request("GET", url, headers={"User-Agent": USER_AGENT, **(headers or {})})
                proxy = self._wire.proxy_for(request.url.scheme, request.url.host)
                if proxy is None and request.url.host not in self._found:  # a proxy looks the name up for us
                    await _look_up(request.url, watch)
                    self._found.add(request.url.host)
                return await _ask(
                    await self._way(request.url.scheme, proxy), request, watch, max_body=max_body
                )
        except TimeoutError:
            doing = watch.doing(host)
            error = f"{doing} timed out after {round(watch.waited(), 1):g} s"
            return Exchange(timing=watch.timing(), failed_phase=watch.phase, timed_out=True, error=error)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as problem:
            words, refused = words_of(problem)
            doing = watch.doing(host)
            return Exchange(
                timing=watch.timing(), failed_phase=watch.phase, error=f"{doing} {words}", refused=refused
            )
        finally:
            await watch.close_half_open()

    async def _way(self, scheme: str, proxy: str | None) -> httpx.AsyncHTTPTransport:
        secure = scheme == "https"
        if (secure, proxy) not in self._ways:
            trust = await self._wire.trust() if secure else self._wire.bare
            self._ways[secure, proxy] = httpx.AsyncHTTPTransport(verify=trust, proxy=proxy)
        return self._ways[secure, proxy]

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in self._ways.values():
            await transport.aclose()


class Wire:
    """What all HTTP probes of an integration share: the TLS settings, which take 40 ms to load, once."""

    def __init__(self) -> None:
        self.bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        """For plain HTTP: trusts nobody and costs nothing."""
        self._proxies = getproxies()  # read once: it goes through the whole environment
        self._trust: ssl.SSLContext | None = None
        self._lock = asyncio.Lock()

    async def trust(self) -> ssl.SSLContext:
        """The certificates to trust (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` included), loaded on first use."""
        async with self._lock:
            if self._trust is None:
                self._trust = await asyncio.to_thread(httpx.create_ssl_context)
            return self._trust

    def proxy_for(self, scheme: str, host: str) -> str | None:
        """The environment's proxy for this host; none leads to this machine itself."""
        proxy = self._proxies.get(scheme) or self._proxies.get("all")
        if not proxy or host in _LOOPBACK or proxy_bypass(host):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A line of its own for one probe: no connection of an earlier reading is reused."""
        line = Line(self)
        try:
            yield line
        finally:
            await line.aclose()


async def _look_up(url: httpx.URL, watch: Watch) -> None:
    """Time the name's lookup, unless it is an address."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(url.host)
        return
    watch.begin("dns")
    port = url.port or (443 if url.scheme == "https" else 80)
    await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    watch.end("dns")


async def _ask(
    transport: httpx.AsyncHTTPTransport, request: httpx.Request, watch: Watch, *, max_body: int
) -> Exchange:
    watch.phase = "connect"
    request.extensions = {"trace": watch.trace, "timeout": {}}  # the deadline round it can name the phase
    response = await transport.handle_async_request(request)
    try:
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
    finally:
        await response.aclose()
