"""One bounded request to an outside address, whose errors tell whether it can have arrived."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import JsonValue

from bot.errors import OutsideError

DEADLINE_S = 20.0
CONNECT_S = 5.0
ANSWER_BYTES = 64 * 1024

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_HOPS = 3


class Unsent(OutsideError):  # noqa: N818 - it says what became of the request
    """Nothing of the request left this machine's connection: it cannot have been done."""


class Lost(OutsideError):  # noqa: N818 - it says what became of the request
    """The request left, and no answer came: it may have been done."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back: the status and the body's beginning; ``whole`` is False where it went on."""

    status: int
    body: bytes
    whole: bool = True
    location: str | None = None

    @property
    def good(self) -> bool:
        """A 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP

    def says(self, most: int = 200) -> str:
        """The first characters of the body on one line, fit to show."""
        return plain(self.body[: 8 * most].decode("utf-8", errors="replace"), most)


def plain(text: str, most: int) -> str:
    """Text from outside on one line, without control characters, at most so long."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def place(url: str) -> str:
    """Host and path of an address: what may be shown of it, since a query can hold anything."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{host}{f':{parts.port}' if parts.port else ''}{parts.path or '/'}"


async def ask(
    method: str,
    url: str,
    *,
    doing: str,
    headers: Mapping[str, str] | None = None,
    json: JsonValue = None,
    content: bytes | None = None,
    deadline_s: float = DEADLINE_S,
    most_bytes: int = ANSWER_BYTES,
) -> Answered:
    """Send one request and read its answer's beginning. Raises Unsent and Lost, whose text begins with ``doing``.

    A GET follows at most three redirects, and none to another host; nothing else follows any.
    """
    left = _Left()
    try:
        async with asyncio.timeout(deadline_s), _client(url, deadline_s=deadline_s) as http:
            for hop in range(_HOPS + 1):
                answer = await _once(
                    http,
                    left,
                    method,
                    url,
                    headers=headers,
                    json=json,
                    content=content,
                    most_bytes=most_bytes,
                )
                onward = urljoin(url, answer.location) if answer.location else url
                if (
                    hop == _HOPS
                    or method != "GET"
                    or not 300 <= answer.status < 400  # noqa: PLR2004 - a redirect
                    or not _same_host(url, onward)
                ):
                    return answer
                url = onward
            raise AssertionError("the last hop returns or raises")
    except (TimeoutError, httpx.TimeoutException):
        raise left.trouble(f"{doing}: no answer within {deadline_s:g} s") from None
    except httpx.ConnectError as error:
        raise Unsent(f"{doing}: nothing can be reached there ({plain(str(error), 120)})") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
        # Their texts may repeat the address or a header.
        raise left.trouble(f"{doing}: the exchange broke ({type(error).__name__})") from None


class _Left:
    """Whether a byte of the request has left."""

    def __init__(self) -> None:
        self._sent = False

    async def __call__(self, event: str, _info: object) -> None:
        if event.endswith("send_request_headers.started"):
            self._sent = True

    def trouble(self, text: str) -> OutsideError:
        return Lost(f"{text}; it may have arrived all the same") if self._sent else Unsent(text)


async def _once(
    http: httpx.AsyncClient,
    left: _Left,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None,
    json: JsonValue,
    content: bytes | None,
    most_bytes: int,
) -> Answered:
    request = http.build_request(
        method, url, headers=headers, json=json, content=content, extensions={"trace": left}
    )
    answer = await http.send(request, stream=True, follow_redirects=False)
    try:
        body = bytearray()
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > most_bytes:
                break
        return Answered(
            answer.status_code,
            bytes(body[:most_bytes]),
            whole=len(body) <= most_bytes,
            location=answer.headers.get("location"),
        )
    finally:
        await answer.aclose()


def _client(url: str, *, deadline_s: float) -> httpx.AsyncClient:
    plain_http = url.startswith("http:")  # loading the certificates to trust takes 40 ms
    return httpx.AsyncClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain_http else True,
        timeout=httpx.Timeout(deadline_s, connect=min(CONNECT_S, deadline_s)),
        mounts={f"all://{host}": None for host in _LOOPBACK},
    )


def _same_host(one: str, other: str) -> bool:
    a, b = urlsplit(one), urlsplit(other)
    return (a.scheme, a.hostname, a.port) == (b.scheme, b.hostname, b.port)
