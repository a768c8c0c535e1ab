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
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx  # its continuation has the same API: ``import httpx2 as httpx`` is the whole change

from bot.domain.addresses import shown_host
from bot.domain.readings import Phase, Sample, Timing
from bot.maintainx import error_text, rate_headers
from bot.probes.watch import Watch, words_of

USER_AGENT = "mx-triage"
_TEXT_LIMIT = 160
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


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
        watch = Watch(started=asyncio.get_running_loop().time())
        host = shown_host(url)
        try:
            async with asyncio.timeout_at(until):
                await _look_up(url, watch)
                client = self._plain if url.startswith("http:") else await self._tls()
                return await _ask(client, url, headers or {}, watch=watch, max_body=max_body)
        except TimeoutError:
            doing = watch.doing(host)
            error = f"{doing} timed out after {round(watch.waited(), 1):g} s"
            return Exchange(timing=watch.timing(), failed_phase=watch.phase, timed_out=True, error=error)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            words, refused = words_of(problem)
            doing = watch.doing(host)
            return Exchange(
                timing=watch.timing(), failed_phase=watch.phase, error=f"{doing} {words}", refused=refused
            )
        finally:
            await watch.close_half_open()

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


def _client(trust: ssl.SSLContext) -> httpx.AsyncClient:
    """A client that costs 0.3 ms because its TLS settings are given; proxies of the environment serve it."""
    unlimited = httpx.Timeout(None)  # one deadline round the whole exchange instead: it can name the phase
    return httpx.AsyncClient(
        verify=trust,
        timeout=unlimited,
        headers={"User-Agent": USER_AGENT},
        mounts={f"all://{host}": None for host in _LOOPBACK},  # no proxy leads to this machine itself
    )


async def _look_up(url: str, watch: Watch) -> None:
    """Time the name's lookup, unless there is none to do: an address, or a proxy that does it for us."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return
    if host not in _LOOPBACK and _proxied(parts.scheme, host):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    watch.begin("dns")
    await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    watch.end("dns")


def _proxied(scheme: str, host: str) -> bool:
    proxies = getproxies()
    return (scheme in proxies or "all" in proxies) and not proxy_bypass(host)


async def _ask(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], *, watch: Watch, max_body: int
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
