"""Heads of requests and answers as bytes: what is forwarded as it came, what stays behind, what is refused. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

RawHeaders = Iterable[tuple[bytes, bytes]]

_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers that belong to one connection (RFC 9110, 7.6.1) and are never forwarded."""

_STAYS = _HOP | {b"host", b"expect"}
"""What stays at the gateway: it has a Host of its own upstream, and sends ``100 Continue`` itself."""

_LOOKED_AT = _STAYS | {b"authorization", b"x-organization-id", b"x-organization-ids", b"x-mx-job", b"via"}

_KEEP = re.compile(rb"authorization|cookie|set-cookie|host|content-.*|x-organization-.*")
"""What a Connection header may not strip: ``Connection: Authorization`` would take the key away."""

_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]*")
"""Names of headers, one behind the other. aiohttp lets a space stand behind an answer's."""

_MOST = 262144
"""Bytes of a request's head in all: its lines are limited one by one, and 500 of them would still be 32 MB."""

_MOMENT = re.compile(rb"content-length|date|age|retry-after|x-rate-limit-.*")

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_MISREAD = frozenset({b"content-length", b"transfer-encoding"})
"""Framing headers: with an underscore for the dash, a sloppy upstream could read them as these."""


class Malformed(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A request that cannot be forwarded as it is; ``status`` and the text are the answer."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True)
class Incoming:
    """What the gateway needs to know of a request's headers, and the lines that are forwarded."""

    lines: list[bytes]
    authorization: bytes = b""
    organisation: bytes = b""
    job: str | None = None
    chunked: bool = False
    expects: bool = False
    codings: list[bytes] = field(default_factory=list)
    """Values of Transfer-Encoding."""
    listed: frozenset[bytes] = frozenset()
    """Headers that Connection names as its own."""


def check_target(method: str, target: str, version: tuple[int, int]) -> None:
    """Refuse what is no plain request for a path of this server. Raises Malformed."""
    if version not in ((1, 1), (1, 0)):
        raise Malformed(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "the request is not HTTP/1.1; send HTTP/1.1 or HTTP/1.0"
        )
    if method == "CONNECT":
        raise Malformed(
            HTTPStatus.NOT_IMPLEMENTED,
            "CONNECT asks for a tunnel; this gateway forwards to one upstream only",
        )
    if not target.startswith("/"):
        raise Malformed(
            HTTPStatus.BAD_REQUEST,
            "the request's target does not begin with /; send a path, not a whole URL: this is no open proxy",
        )


def read_headers(raw: RawHeaders, *, version: tuple[int, int], via: bytes) -> Incoming:
    """Split a request's headers into what is forwarded and what is for the gateway. Raises Malformed."""
    found = Incoming([])
    names: list[bytes] = []
    for name, value in raw:
        low = name.lower()
        if (low in _LOOKED_AT or b"_" in low) and not _look(found, low, value, via):
            continue
        found.lines.append(name + b": " + value)
        names.append(low)
    if found.listed:
        found.lines = [
            line for line, name in zip(found.lines, names, strict=True) if name not in found.listed
        ]
    if found.codings:
        if [coding.strip().lower() for coding in found.codings] != [b"chunked"] or version == (1, 0):
            raise Malformed(
                HTTPStatus.NOT_IMPLEMENTED,
                "only Transfer-Encoding: chunked in HTTP/1.1 is understood; send a Content-Length or chunked",
            )
        found.chunked = True
    found.expects = found.expects and version >= (1, 1)  # HTTP/1.0 knows no 100 (RFC 9110, 10.1.1)
    return found


def _look(found: Incoming, low: bytes, value: bytes, via: bytes) -> bool:
    """Note what a header says to the gateway; True where it is forwarded too. Raises Malformed."""
    match low:
        case b"transfer-encoding":
            found.codings.append(value)
        case b"connection":
            found.listed |= _listed(value)
        case b"expect":
            _expect(found, value)
        case b"authorization":
            found.authorization += value
        case b"x-organization-id" | b"x-organization-ids":
            found.organisation = value
        case b"x-mx-job":
            found.job = found.job or value.decode("ascii", "replace")
        case b"via" if via in value:
            raise Malformed(
                HTTPStatus.LOOP_DETECTED,
                "this request has passed this gateway before: its upstream leads back to it; "
                "set MAINTAINX_BASE_URL to MaintainX, not to the gateway",
            )
        case _ if low.replace(b"_", b"-") in _MISREAD:
            text = f"the header {low.decode('ascii')} could be misread as another; remove it"
            raise Malformed(HTTPStatus.BAD_REQUEST, text)
        case _:
            pass
    return low not in _STAYS


def request_head(
    method: str, target: bytes, lines: list[bytes], *, host: bytes, via: bytes, chunked: bool
) -> bytes:
    """The request as it goes upstream. Raises Malformed where it is too long or holds a control character."""
    head = [
        method.encode("ascii") + b" " + target + b" HTTP/1.1",
        b"Host: " + host,
        *lines,
        b"Via: 1.1 " + via,
    ]
    if chunked:
        head.append(b"Transfer-Encoding: chunked")
    if _CONTROL.search(b"".join(head)):
        raise Malformed(
            HTTPStatus.BAD_REQUEST,
            "the request's head holds a control character; send printable text in headers",
        )
    head.append(b"\r\n")
    data = b"\r\n".join(head)
    if len(data) > _MOST:
        raise Malformed(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the request's head has {len(data)} bytes; send at most {_MOST}",
        )
    return data


def answer_head(status: int, reason: str, raw: RawHeaders, *, extra: Iterable[bytes] = ()) -> bytes:
    """The upstream's answer as it goes to the client: less hop-by-hop headers, plus ``extra`` lines.

    Raises Malformed where a line holds a control character or a name a space.
    """
    head = [b"HTTP/1.1 %d %s" % (status, reason.encode("utf-8", "surrogateescape"))]
    raw = tuple(raw)
    if not _NAMES.fullmatch(b"".join([name for name, _ in raw])):
        raise Malformed(HTTPStatus.BAD_GATEWAY, "the answer's head holds a header whose name is none")
    drop = _HOP
    for name, value in raw:
        if len(name) == 10 and name.lower() == b"connection":  # noqa: PLR2004 - the name's own length, a quick look
            drop |= _listed(value)
    if status == HTTPStatus.NO_CONTENT:
        drop |= {b"content-length"}
    head += [name + b": " + value for name, value in raw if name.lower() not in drop]
    head += extra
    if _CONTROL.search(b"".join(head)):
        raise Malformed(HTTPStatus.BAD_GATEWAY, "the answer's head holds a control character")
    head.append(b"\r\n")
    return b"\r\n".join(head)


def given_again(raw: RawHeaders) -> list[tuple[bytes, bytes]]:
    """An answer's headers for giving it again later: without its length, its moment and what it said of limits."""
    return [(name, value) for name, value in raw if not _MOMENT.fullmatch(name.lower())]


def framed(data: bytes, *, chunked: bool, last: bool) -> bytes:
    """Body bytes as they go on the wire: as they are, or as a chunk, the ``last`` one with the end behind it."""
    if not chunked:
        return data
    chunk = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
    return chunk + b"0\r\n\r\n" if last else chunk


def _listed(value: bytes) -> frozenset[bytes]:
    names = frozenset(name.strip().lower() for name in value.split(b","))
    return frozenset(name for name in names - {b"close"} if name and not _KEEP.fullmatch(name))


def _expect(found: Incoming, value: bytes) -> None:
    if value.strip().lower() != b"100-continue":
        raise Malformed(
            HTTPStatus.EXPECTATION_FAILED, "Expect: only 100-continue is understood; leave it out"
        )
    found.expects = True
