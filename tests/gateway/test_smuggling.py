"""The catalogue of smuggling: what is ambiguous is refused, what is odd but legal arrives as exactly one request.

The upstream keeps every byte. Behind each shape that must be refused stands a request that must never arrive.
"""

import json
from collections.abc import Iterator

import pytest

from tests.gateway.lab import Lab, lab, read_answers

SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"
GET = b"GET /v1/x HTTP/1.1\r\nHost: g\r\n"
POST = b"POST /v1/x HTTP/1.1\r\nHost: g\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), idle_s=0.1, stall_s=0.05) as made:
        yield made


def coded(*lines: bytes) -> bytes:
    """A request whose chunks end at once, if it has any."""
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n0\r\n\r\n"


def long(value: bytes) -> bytes:
    return POST + b"Content-Length: " + value + b"\r\n\r\nabcd"


def line(first: bytes) -> bytes:
    return first + b"\r\nHost: g\r\n\r\n"


def header(text: bytes) -> bytes:
    return GET + text + b"\r\n\r\n"


REFUSED = {
    # CL.TE and TE.CL: two lengths for one body
    "CL 0 and TE": coded(b"Content-Length: 0", b"Transfer-Encoding: chunked"),
    "TE and CL": coded(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "TE of no meaning and CL": coded(b"Transfer-Encoding: chunkedx", b"Content-Length: 5"),
    "empty TE and CL": coded(b"Transfer-Encoding:", b"Content-Length: 5"),
    "TE listed in Connection and CL": coded(
        b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked", b"Content-Length: 5"
    ),
    "equal CLs": long(b"4\r\nContent-Length: 4"),
    "CLs that differ in case of the name": long(b"4\r\ncontent-length: 5"),
    # TE.TE: one side is to overlook the coding
    "TE chunked, then another": coded(b"Transfer-Encoding: chunked", b"Transfer-encoding: x"),
    "TE another, then chunked": coded(b"Transfer-Encoding: x", b"Transfer-encoding: chunked"),
    "TE chunked, identity": coded(b"Transfer-Encoding: chunked, identity"),
    "TE identity, chunked": coded(b"Transfer-Encoding: identity, chunked"),
    "TE with a comma before": coded(b"Transfer-Encoding: ,chunked"),
    "TE with a comma behind": coded(b"Transfer-Encoding: chunked,"),
    "TE in quotes": coded(b'Transfer-Encoding: "chunked"'),
    "TE with a parameter": coded(b"Transfer-Encoding: chunked;q=1"),
    "TE behind a vertical tab": coded(b"Transfer-Encoding: \x0bchunked"),
    "TE behind a NUL": coded(b"Transfer-Encoding: \x00chunked"),
    "TE before a NUL": coded(b"Transfer-Encoding: chunked\x00"),
    "TE with a Kelvin sign": coded("Transfer-Encoding: chun\u212aed".encode()),
    "TE with a dotless i": coded("Transfer-Encod\u0131ng: chunked".encode()),
    "TE on a folded line": coded(b"Transfer-Encoding:\r\n chunked"),
    "TE with its colon on a folded line": coded(b"Transfer-Encoding\r\n : chunked"),
    "TE behind a space": coded(b" Transfer-Encoding: chunked"),
    "TE behind a bare LF": coded(b"X: x\nTransfer-Encoding: chunked"),
    "TE behind a bare CR": coded(b"X: x\rTransfer-Encoding: chunked"),
    "TE, empty": coded(b"Transfer-Encoding:"),
    "TE in HTTP/1.0 that stays": b"POST /v1/x HTTP/1.0\r\nHost: g\r\nConnection: keep-alive\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # lengths that two parsers may count differently
    **{
        f"CL {value!r}": long(value)
        for value in (
            b"",
            b"-0",
            b"4.0",
            b"4e0",
            b"0_4",
            b"4;",
            b"4 4",
            b"4,",
            b'"4"',
            b"4\x0b",
            b"\xa04",
            "\uff14".encode(),
            "\u0664".encode(),
            b"18446744073709551620",
            b"9" * 30,
        )
    },
    # chunks
    **{
        f"chunk {chunk[:24]!r}": CHUNKED + chunk
        for chunk in (
            b"0x3\r\nabc\r\n0\r\n\r\n",
            b"+3\r\nabc\r\n0\r\n\r\n",
            b"-3\r\nabc\r\n0\r\n\r\n",
            b" 3\r\nabc\r\n0\r\n\r\n",
            b"3 \r\nabc\r\n0\r\n\r\n",
            b"3\t\r\nabc\r\n0\r\n\r\n",
            b"3 ;a\r\nabc\r\n0\r\n\r\n",
            b"0_3\r\nabc\r\n0\r\n\r\n",
            b"10000000000000003\r\nabc\r\n0\r\n\r\n",
            b"3\nabc\r\n0\r\n\r\n",
            b"3\rabc\r\n0\r\n\r\n",
            b"3\rXabc\r\n0\r\n\r\n",
            b"\r\n3\r\nabc\r\n0\r\n\r\n",
            b"3;a=b\nabc\r\n0\r\n\r\n",
            b"3;a\rb\r\nabc\r\n0\r\n\r\n",
            b"3;a\x00\r\nabc\r\n0\r\n\r\n",
            b"3\r\nabcXX0\r\n\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"3\r\nabc\r0\r\n\r\n",
            b"3\r\nabc0\r\n\r\n",
            b"2\r\nxxx\n0\r\n\r\n",
            b"-0\r\n\r\n",
            b"0x0\r\n\r\n",
            b"0 \r\n\r\n",
            b"0\n\r\n",
            b"0\r\n\n",
            b"0\r\r\n\r\n",
        )
    },
    # trailers
    **{
        f"trailer {trailer[:24]!r}": CHUNKED + b"0\r\n" + trailer
        for trailer in (
            b"Content-Length: 5\r\n\r\n",
            b"Transfer-Encoding: x\r\n\r\n",
            b"GET /v1/smuggled HTTP/1.1\r\n\r\n",
            b"X: y\n\r\n",
            b"X: y\n\n",
            b"X: y\r\n z\r\n\r\n",
            b"X : y\r\n\r\n",
            b"X: \x00\r\n\r\n",
            b"X: a\rb\r\n\r\n",
            b"X: y\r\n" * 2000 + b"\r\n",
        )
    },
    # request lines
    "HTTP/0.9 with CRLF": b"GET /v1/x\r\n\r\n",
    "a bare path": b"/v1/x\r\n\r\n",
    "tabs in the line": line(b"GET\t/v1/x\tHTTP/1.1"),
    "a space before the method": line(b" GET /v1/x HTTP/1.1"),
    "a space behind the version": line(b"GET /v1/x HTTP/1.1 "),
    "two versions": line(b"GET /v1/x HTTP/1.1 HTTP/1.1"),
    **{
        f"version {version!r}": line(b"GET /v1/x " + version)
        for version in (
            b"http/1.1",
            b"HTTP/1.1.1",
            b"HTTP/01.1",
            b"HTTP/11",
            b"HTTP/1.10",
            b"HTTP/1.",
            b"HTTP/-1.1",
            b"HTTP/1,1",
            b"HTTP/ 1.1",
            b"HTTP/1.1\x00",
            b"HTTP/1.1\x0b",
            b"HTTP/2",
            b"HTTP/3.0",
            b"HTTPS/1.1",
            b"RTSP/1.0",
            b"ICE/1.0",
        )
    },
    **{
        f"method {method!r}": line(method + b" /v1/x HTTP/1.1")
        for method in (
            b"get",
            b"G ET",
            b"GE\x00T",
            b"GETT",
            b"",
            b"PRI",
            b"GET\r",
            b"\xffGET",
            b"\xef\xbb\xbfGET",
        )
    },
    **{
        f"target {target[:24]!r}": line(b"GET " + target + b" HTTP/1.1")
        for target in (
            b"",
            b"*",
            b"?x",
            b"#x",
            b"\\v1\\x",
            b"@evil/x",
            b":80/x",
            b"g:80",
            b"http:/v1/x",
            b"HTTP://g/v1/x",
            b"http://g@evil/v1/x",
            b"/v1/\x00x",
            b"/v1/\x7fx",
            b"/v1/\x0bx",
            b"/v1/\tx",
            b"/v1/\rx",
            b"/v1/\nx",
            b"/v1/" + b"y" * 70_000,
        )
    },
    "CONNECT with a path": line(b"CONNECT /v1/x HTTP/1.1"),
    "CONNECT with a body": b"CONNECT g:1 HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\n\r\nabcd",
    "CONNECT that is chunked": b"CONNECT g:1 HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    # Host
    "Host twice, equal": header(b"Host: g"),
    "Host twice, in another case": header(b"hOST: h"),
    "Host with a space before its colon": b"GET /v1/x HTTP/1.1\r\nHost : g\r\n\r\n",
    "Host on a folded line": b"GET /v1/x HTTP/1.1\r\n Host: g\r\n\r\n",
    "Host with a NUL": b"GET /v1/x HTTP/1.1\r\nHost: g\x00\r\n\r\n",
    # header injection
    **{
        f"header {text!r}": header(text)
        for text in (
            b": x",
            b":",
            b"X-A",
            b"X A: x",
            b"X : a",
            b"X\x00A: x",
            b"X\xe9: 1",
            b"X(A): 1",
            b'"X": 1',
            b"X/Y: a",
            b"X,Y: 1",
            b"X\nY: 1",
            b" X: a",
            b"\tX: a",
            b"X: a\n",
            b"X: a\r",
            b"X: a\nY: b",
            b"X: a\n\rY: b",
            b"X: a\r\rY: b",
            b"X: a\x0bb",
            b"X: a\x0cb",
            b"X: a\x1bb",
            b"X: a\x7fb",
            b"Transfer_Encoding: chunked",
            b"Content_Length: 4",
            b"content_length: 4",
        )
    },
    # sizes
    "a header of 70 kB": header(b"X: " + b"y" * 70_000),
    "a name of 70 kB": header(b"X" * 70_000 + b": y"),
    "600 headers": header(b"\r\n".join([b"X: y"] * 600)),
    "300 kB in headers that are short enough each": header(b"\r\n".join([b"X: " + b"y" * 60_000] * 5)),
    # expectations
    "Expect something else": POST + b"Expect: y 100-continue\r\nContent-Length: 4\r\n\r\nabcd",
    "Expect twice": POST + b"Expect: 100-continue\r\nExpect: x\r\nContent-Length: 4\r\n\r\nabcd",
    "Expect nothing": header(b"Expect:"),
    # other protocols
    "SIP": b"OPTIONS sip:x SIP/2.0\r\nHost: g\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
    "PROXY": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + GET + b"\r\n",
}


@pytest.mark.parametrize("pieces", ["at once", "in two"])
@pytest.mark.parametrize("shape", REFUSED)
def test_what_is_ambiguous_is_refused_and_nothing_behind_it_is_forwarded(
    shared: Lab, shape: str, pieces: str
) -> None:
    raw = REFUSED[shape]
    head = raw.find(b"\r\n\r\n") + 4
    cut = head if head < len(raw) else len(raw) // 2
    parts = (raw + SMUGGLED,) if pieces == "at once" else (raw[:cut], raw[cut:] + SMUGGLED)
    (answer,) = read_answers(shared.send(*parts), [])
    assert 400 <= answer.status < 600
    assert answer.status != 500
    assert json.loads(answer.body)["error"]
    assert answer.headers[b"connection"] == b"close"
    assert shared.recorder.whole == []
    assert b"smuggled" not in shared.recorder.raw


def told(method: bytes, body: bytes = SMUGGLED, *lines: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    """A request with a body of a declared length that looks like a request itself."""
    head = b"".join(line + b"\r\n" for line in (b"Host: g", b"Content-Length: %d" % len(body), *lines))
    return method + b" /v1/x " + version + b"\r\n" + head + b"\r\n" + body


ABC = b"3\r\nabc\r\n0\r\n\r\n"
LENGTH = (b"Content-Length",)
CODING = (b"Transfer-Encoding",)

ONE: dict[str, tuple[bytes, bytes, bytes, tuple[bytes, ...]]] = {
    # the raw request; what arrives: method, body, and the headers besides Host and Via
    **{
        f"{method.decode()} whose body looks like a request": (told(method), method, SMUGGLED, LENGTH)
        for method in (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PURGE")
    },
    "a body of HTTP/1.0": (told(b"POST", version=b"HTTP/1.0"), b"POST", SMUGGLED, LENGTH),
    "a length with zeros before it": (long(b"0004"), b"POST", b"abcd", LENGTH),
    "a length between tabs": (long(b"\t4\t"), b"POST", b"abcd", LENGTH),
    "a length that Connection would strip": (
        told(b"POST", SMUGGLED, b"Connection: Content-Length"),
        b"POST",
        SMUGGLED,
        LENGTH,
    ),
    "a coding that Connection would strip": (
        POST + b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n" + ABC,
        b"POST",
        b"abc",
        CODING,
    ),
    "a coding in capitals": (POST + b"Transfer-Encoding: CHUNKED\r\n\r\n" + ABC, b"POST", b"abc", CODING),
    "a coding behind a tab": (POST + b"Transfer-Encoding:\tchunked\r\n\r\n" + ABC, b"POST", b"abc", CODING),
    "GET with chunks": (GET + b"Transfer-Encoding: chunked\r\n\r\n" + ABC, b"GET", b"abc", CODING),
    "a chunk that looks like a request": (
        CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
        b"POST",
        SMUGGLED,
        CODING,
    ),
    "a chunk's extension that looks like a request": (
        CHUNKED + b'3;x="GET /v1/smuggled HTTP/1.1"\r\nabc\r\n0;x=y\r\n\r\n',
        b"POST",
        b"abc",
        CODING,
    ),
    "a chunk's size with zeros before it": (
        CHUNKED + b"0000000000000000000003\r\nabc\r\n00\r\n\r\n",
        b"POST",
        b"abc",
        CODING,
    ),
    "trailers": (CHUNKED + b"0\r\nX-A: 1\r\nAuthorization: Bearer other\r\n\r\n", b"POST", b"", CODING),
    "empty lines before it": (b"\r\n\r\n" + GET + b"\r\n", b"GET", b"", ()),
    "two spaces in its line": (b"GET  /v1/x  HTTP/1.1\r\nHost: g\r\n\r\n", b"GET", b"", ()),
    "HTTP/1.0 without a Host": (b"GET /v1/x HTTP/1.0\r\n\r\n", b"GET", b"", ()),
    **{
        f"Host {host!r}": (b"GET /v1/x HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", b"GET", b"", ())
        for host in (b"", b"a, b", b"evil", b"g@evil", b"g/evil", b"g:port", b"[::1", b"g evil", b"\xe9")
    },
    "Host that Connection would strip": (header(b"Connection: Host"), b"GET", b"", ()),
    "an upgrade to h2c": (
        header(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"),
        b"GET",
        b"",
        (),
    ),
    "an upgrade to h2c with a body": (
        told(b"POST", SMUGGLED, b"Connection: Upgrade", b"Upgrade: h2c"),
        b"POST",
        SMUGGLED,
        LENGTH,
    ),
    "an upgrade to h2c that Connection does not list": (header(b"Upgrade: h2c"), b"GET", b"", ()),
    "an upgrade to websocket with chunks": (
        POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n" + ABC,
        b"POST",
        b"abc",
        CODING,
    ),
    "an expectation and its body at once": (
        told(b"POST", SMUGGLED, b"Expect: 100-continue"),
        b"POST",
        SMUGGLED,
        LENGTH,
    ),
    "an expectation without a body": (header(b"Expect: 100-continue"), b"GET", b"", ()),
    "an expectation of nothing": (told(b"POST", b"", b"Expect: 100-continue"), b"POST", b"", LENGTH),
}


@pytest.mark.parametrize("shape", ONE)
def test_what_is_odd_but_legal_arrives_as_exactly_one_request(shared: Lab, shape: str) -> None:
    raw, method, body, names = ONE[shape]
    (answer,) = read_answers(shared.send(raw), [method])
    assert (answer.status, answer.body) == (200, b"" if method == b"HEAD" else b"ok")
    (request,) = shared.recorder.seen
    assert shared.recorder.faults == []
    assert (request.method, request.target, request.body) == (method, b"/v1/x", body)
    assert request.all(b"host") == [f"127.0.0.1:{shared.upstream.port}".encode()]
    assert sorted(name for name, _ in request.headers if name not in (b"Host", b"Via")) == sorted(names)


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize(
    "first",
    [
        CHUNKED + b"0\r\nX-A: 1\r\nAuthorization: Bearer other\r\n\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n",
        told(b"POST", b"hi", b"Connection: close"),
        told(b"POST", b"hi", version=b"HTTP/1.0"),
    ],
)
def test_behind_a_request_that_is_the_last_nothing_is_read(shared: Lab, first: bytes, *, pause: bool) -> None:
    """A chunked one is the last too: its trailers must not become headers of the next."""
    shared.send(*((first, SMUGGLED) if pause else (first + SMUGGLED,)))
    assert [request.target for request in shared.recorder.seen] in ([b"/v1/x"], [])
    assert b"smuggled" not in shared.recorder.raw
    assert b"Bearer other" not in shared.recorder.raw


def test_an_expectation_of_http_1_0_is_not_answered(shared: Lab) -> None:
    raw = told(b"POST", b"hi", b"Expect: 100-continue", version=b"HTTP/1.0")
    back = shared.send(raw[:-2], raw[-2:])
    assert back.startswith(b"HTTP/1.1 200 OK")
    assert shared.recorder.whole[0].body == b"hi"
