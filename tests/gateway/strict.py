"""HTTP/1.1 read by the letter of RFC 9112, sharing nothing with the gateway: what it may let through at most."""

import re
from dataclasses import dataclass
from typing import Literal

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_START = re.compile(rb"(" + _TOKEN + rb") +(/[\x21-\x7e]*) +HTTP/(1\.[01])")
"""Several spaces may pass (RFC 9112, 3); what is forwarded has one."""
_LINE = re.compile(rb"(" + _TOKEN + rb"):[ \t]*(" + _TEXT + rb")")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,32})(?:;" + _TEXT + rb")?")

Headers = tuple[tuple[bytes, bytes], ...]


class _Bad(Exception):  # noqa: N818 - it is a finding
    pass


class _Cut(Exception):  # noqa: N818 - it is a finding
    pass


@dataclass(frozen=True)
class Request:
    """One request; not ``whole`` where its head is good and its body is cut or bad."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes = b""
    whole: bool = False

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True)
class Stream:
    """What a connection's bytes are: requests, and how they end."""

    requests: tuple[Request, ...]
    end: Literal["clean", "cut", "bad"]
    used: int
    """Bytes of whole requests."""

    @property
    def whole(self) -> tuple[Request, ...]:
        return tuple(request for request in self.requests if request.whole)


def read_requests(raw: bytes) -> Stream:
    """Read requests until the bytes end, are no HTTP, or a request says that it is the last."""
    found: list[Request] = []
    used = 0
    while True:
        at = used
        while raw[at : at + 1] in (b"\r", b"\n"):
            at += 1
        if at == len(raw):
            return Stream(tuple(found), "clean", used)
        try:
            lines, at = _until_blank(raw, at)
            head, version = _head(lines)
            length = _length(head, version)
            found.append(head)
            body, used = _chunks(raw, at) if length is None else _exactly(raw, at, length)
        except _Bad:
            return Stream(tuple(found), "bad", used)
        except _Cut:
            return Stream(tuple(found), "cut", used)
        found[-1] = Request(head.method, head.target, head.headers, body, whole=True)
        said = {word.strip().lower() for value in head.all(b"connection") for word in value.split(b",")}
        if b"close" in said or (version == b"1.0" and b"keep-alive" not in said):
            return Stream(tuple(found), "clean", used)


def _until_blank(raw: bytes, at: int) -> tuple[list[bytes], int]:
    end = raw.find(b"\r\n\r\n", at)
    if end < 0:
        raise _Cut
    return raw[at:end].split(b"\r\n"), end + 4


def _head(lines: list[bytes]) -> tuple[Request, bytes]:
    start = _START.fullmatch(lines[0])
    if start is None:
        raise _Bad
    return Request(start[1], start[2], _headers(lines[1:])), start[3]


def _headers(lines: list[bytes]) -> Headers:
    found: list[tuple[bytes, bytes]] = []
    for line in lines:
        pair = _LINE.fullmatch(line)
        if pair is None:
            raise _Bad
        found.append((pair[1], pair[2].rstrip(b" \t")))
    return tuple(found)


def _length(head: Request, version: bytes) -> int | None:
    """How long the body is; None: as its chunks say."""
    hosts, lengths, codings = (head.all(name) for name in (b"host", b"content-length", b"transfer-encoding"))
    if len(hosts) > 1 or (version == b"1.1" and not hosts):
        raise _Bad
    if codings:
        if lengths or version == b"1.0" or [coding.lower() for coding in codings] != [b"chunked"]:
            raise _Bad
        return None
    if len(lengths) > 1 or not all(re.fullmatch(rb"[0-9]{1,30}", length) for length in lengths):
        raise _Bad
    return int(lengths[0]) if lengths else 0


def _exactly(raw: bytes, at: int, length: int) -> tuple[bytes, int]:
    if len(raw) - at < length:
        raise _Cut
    return raw[at : at + length], at + length


def _chunks(raw: bytes, at: int) -> tuple[bytes, int]:
    body = b""
    while True:
        end = raw.find(b"\r\n", at)
        if end < 0:
            raise _Cut
        size = _CHUNK.fullmatch(raw, at, end)
        if size is None:
            raise _Bad
        at = end + 2
        if not int(size[1], 16):
            break
        data, at = _exactly(raw, at, int(size[1], 16))
        body += data
        mark, at = _exactly(raw, at, 2)
        if mark != b"\r\n":
            raise _Bad
    while raw[at : at + 2] != b"\r\n":
        end = raw.find(b"\r\n", at)
        if end < 0:
            raise _Cut
        _headers([raw[at:end]])
        at = end + 2
    return body, at + 2
