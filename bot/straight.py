"""MaintainX asked past the gateway, with the integration's key: at a pace, with bounded retries, told to the budget."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self

import httpx
from pydantic import JsonValue

from bot.domain.integration import Integration
from bot.errors import OutsideError
from bot.maintainx import error_text, host_of, key_headers, rate_headers
from bot.maintainx_pages import ListPage, read
from bot.ports import Clock, Gateway, KeySource

TRIES = 6
"""How often one page is asked for before it is given up."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 120.0
_MOST_BYTES = 16 * 2**20
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, or why there was none. ``wait_s`` is how long MaintainX wants to be left alone."""

    status: int | None
    says: str
    body: bytes = b""
    wait_s: float | None = None

    @property
    def again(self) -> bool:
        """Whether asking again may help."""
        return self.status is None or self.status in _AGAIN or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class Straight:
    """One walk's way to MaintainX: only reads, but for ``send``. May be used by several tasks at once."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        integration: Integration,
        *,
        gateway: Gateway,
        clock: Clock,
        rate_per_s: float,
    ) -> None:
        self._http = http
        self._integration = integration
        self._gateway = gateway
        self._clock = clock
        self._apart_s = 1.0 / rate_per_s
        self._next = 0.0
        self._untold = 0
        self.left: int | None = None
        """Requests that MaintainX's limit still allows, as it said last; 0 after a 429."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, integration: Integration, key: KeySource, *, gateway: Gateway, clock: Clock, rate_per_s: float
    ) -> AsyncIterator[Self]:
        """A client of its own. Raises OutsideError where there is no key that could be sent."""
        headers = key_headers(key.current(), org_id=integration.org_id)
        if isinstance(headers, str):
            raise OutsideError(f"asking MaintainX: {headers}; look at {key.name}", permanent=True)
        if "Authorization" not in headers:
            raise OutsideError(f"asking MaintainX: there is no API key; set {key.name}", permanent=True)
        async with httpx.AsyncClient(
            headers={**headers, "User-Agent": "mx"},
            timeout=integration.deadline_s,
            mounts={f"all://{host}": None for host in _LOOPBACK},
        ) as http:
            yield cls(http, integration, gateway=gateway, clock=clock, rate_per_s=rate_per_s)

    async def ask(self, path: str, query: Mapping[str, str]) -> Answered:
        """Ask once, not before its turn. Redirects are answers: the key stays with its host."""
        return await self._in_turn("GET", path, query, None)

    async def listed(self, path: str, query: Mapping[str, str]) -> ListPage | Answered:
        """One page of a list; what was answered instead, in words, where it is not the list that its document promises."""
        found = await self.ask(path, query)
        page = read(path, found.body) if found.status == HTTPStatus.OK else None
        if page is not None or found.status != HTTPStatus.OK:
            return page or found
        return replace(found, says="it answered 200, and not with the list that its document promises")

    async def send(
        self, method: str, path: str, body: Mapping[str, JsonValue], query: Mapping[str, str]
    ) -> Answered:
        """Write once, not before its turn; without an answer nobody knows whether it was done."""
        return await self._in_turn(method, path, query, body)

    async def body(self, path: str, query: Mapping[str, str]) -> bytes:
        """The body of a 200, asked for again where that may help. Raises OutsideError with what stands in the way."""
        wait_s, found = _FIRST_WAIT_S, Answered(None, "it was not asked")
        for left in reversed(range(TRIES)):
            found = await self.ask(path, query)
            if found.status == HTTPStatus.OK:
                return found.body
            if not found.again:
                break
            if left:
                await self._clock.sleep(
                    min(_LONGEST_WAIT_S, found.wait_s if found.wait_s is not None else wait_s)
                )
                wait_s *= 2
        what = f"reading {path} from {host_of(self._integration.base_url)}: {found.says}"
        if found.status == HTTPStatus.UNAUTHORIZED:
            raise OutsideError(
                f"{what}; put a key in place that MaintainX takes, then run it again", permanent=True
            )
        if not found.again:
            raise OutsideError(f"{what}; look whether the integration may read it", permanent=True)
        raise OutsideError(f"{what}, {TRIES} times in a row; run it again when MaintainX is well")

    async def _in_turn(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, JsonValue] | None
    ) -> Answered:
        now = self._clock.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._apart_s
        if turn > now:
            await self._clock.sleep(turn - now)
        try:
            return await self._asked(method, path, query, body)
        finally:
            await self._tell()

    async def _asked(
        self, method: str, path: str, query: Mapping[str, str], sent: Mapping[str, JsonValue] | None
    ) -> Answered:
        url = f"{self._integration.base_url.rstrip('/')}{path}"
        self._untold += 1
        try:
            async with (
                asyncio.timeout(self._integration.deadline_s),
                self._http.stream(method, url, params=dict(query), json=sent) as answer,
            ):
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        says = f"an answer of more than {_MOST_BYTES >> 20} MiB"
                        return Answered(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, says)
        except (TimeoutError, httpx.TimeoutException):
            return Answered(None, f"no answer within {self._integration.deadline_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Answered(None, f"no answer ({type(error).__name__})")
        told = rate_headers(answer.headers)
        waits = [s for s in (told.reset_s, told.retry_after_s) if s is not None]
        words = error_text(bytes(body)) if answer.is_error else None
        says = f"it answered {answer.status_code}" + (f" ({words})" if words else "")
        limited = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        wait_s = max(waits) if waits and limited else told.retry_after_s
        self.left = 0 if limited else told.remaining
        return Answered(answer.status_code, says, bytes(body), wait_s)

    async def _tell(self) -> None:
        """The gateway's budget counts what goes past it; one that is away is told with the next request."""
        untold, self._untold = self._untold, 0
        try:
            if untold:
                await self._gateway.spent(untold)
        except OutsideError:
            self._untold += untold
