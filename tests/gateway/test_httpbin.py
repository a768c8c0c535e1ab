"""Whatever httpbin answers directly, it answers the same through the gateway: status line, headers, bytes of the body.

Each request goes over raw sockets to a real httpbin and through the gateway in front of it. ``Host`` names httpbin
itself, so that what it echoes is the same too. Set aside is what belongs to one connection: ``Connection``, and
``Transfer-Encoding`` but for whether it is there.
"""

import asyncio
import gzip
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.test_process import process
from tests.gateway.wires import (
    OK,
    Message,
    RawUpstream,
    RunningGateway,
    gateway,
    read_head,
    read_message,
    upstream,
)

MB = 1024 * 1024
HERE = b"httpbin.here"
"""Stands for httpbin's own host and port in a raw request."""


def ask(method: str, target: str, *lines: str, body: bytes | None = None) -> bytes:
    """A raw request; with a body its length is told."""
    length = () if body is None else (f"Content-Length: {len(body)}",)
    head = "".join(f"{line}\r\n" for line in (*lines, *length))
    return f"{method} {target} HTTP/1.1\r\nHost: {HERE.decode()}\r\n{head}\r\n".encode() + (body or b"")


def chunked(method: str, target: str, *chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return ask(method, target, "Transfer-Encoding: chunked") + body


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
STATUSES = (*(int(status) for status in HTTPStatus if status >= 200), 599)
RANGES = ("0-9", "99990-", "-5", "5-4", "200000-", "0-0", "x")
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: a/b\r\n\r\n\x00\xff\r\n--x--\r\n'
BINARY = bytes(range(256)) * 400

ASKED: dict[str, tuple[bytes, ...]] = {
    "methods": (
        *(ask(method, "/anything/x?y=1", JSON, body=b'{"a": [1, 2]}') for method in METHODS),
        *(ask(method, "/anything") for method in METHODS),
        *(
            ask(method, f"/{name}", body=b"x=1")
            for name in ("get", "post", "put", "patch", "delete")
            for method in METHODS
        ),
        ask("PROPFIND", "/anything"),
        ask("OPTIONS", "/get", "Origin: http://a", "Access-Control-Request-Headers: X-A, X-B"),
    ),
    "statuses": tuple(
        ask(method, f"/status/{code}") for method in ("GET", "HEAD", "POST", "DELETE") for code in STATUSES
    ),
    "redirects, which are the client's to follow": (
        *(
            ask(method, f"/status/{code}")
            for code in (301, 302, 303, 305, 307, 308)
            for method in ("GET", "POST")
        ),
        ask("GET", "/redirect/3"),
        ask("GET", "/redirect/1"),
        ask("GET", "/redirect/2?absolute=true"),
        ask("GET", "/relative-redirect/2"),
        ask("GET", "/relative-redirect/1"),
        ask("GET", "/absolute-redirect/2"),
        ask("GET", "/links/3"),
        ask("GET", "/redirect-to?url=http%3A%2F%2Fevil%2F%3Fa%3D1%26b&status_code=307"),
        ask("POST", "/redirect-to?url=%2Fpost&status_code=308", body=b"kept"),
        ask("GET", "/redirect-to?url=//evil/%C3%A9"),
    ),
    "encodings": (
        *(
            ask("GET", f"/{name}", "Accept-Encoding: gzip, deflate, br")
            for name in ("gzip", "deflate", "brotli")
        ),
        *(ask(method, f"/{name}") for method in ("GET", "HEAD") for name in ("gzip", "deflate", "brotli")),
        ask("GET", "/encoding/utf8"),
        ask("POST", "/post", "Content-Encoding: gzip", body=gzip.compress(b"a" * 5000, mtime=0)),
        ask("POST", "/post", "Content-Encoding: br", body=b"\x0b\x02\x80hello\x03"),
    ),
    "streams": (
        ask("GET", "/stream/5"),
        ask("GET", "/stream/100"),
        ask("HEAD", "/stream/5"),
        ask("GET", "/stream-bytes/100000?seed=7&chunk_size=100"),
        ask("GET", "/stream-bytes/0"),
        ask("GET", "/stream-bytes/1?seed=1"),
        ask("GET", "/bytes/100000?seed=3"),
        ask("GET", "/bytes/0"),
        ask("GET", "/drip?duration=0.1&numbytes=10&code=201"),
        ask("GET", "/drip?duration=0&numbytes=5000"),
        ask("GET", "/drip?duration=0&numbytes=3&code=500"),
        ask("GET", "/delay/0"),
    ),
    "request bodies": (
        ask("POST", "/post", JSON, body=b'{"title": "pump \xe2\x82\xac"}'),
        ask("POST", "/post", FORM, body=b"a=1&a=2&b=%00&c=+%2B&d"),
        ask("POST", "/post", "Content-Type: multipart/form-data; boundary=x", body=MULTIPART),
        ask("PUT", "/put", "Content-Type: application/octet-stream", body=BINARY),
        ask("POST", "/post", body=b""),
        ask("POST", "/post"),
        ask("DELETE", "/delete", body=b"why"),
        ask("GET", "/anything", body=b"odd but legal"),
        chunked("POST", "/post", b"a", b"bc", b"d" * 10_000),
        chunked("PUT", "/put", *(bytes([n]) * 1000 for n in range(200))),
        chunked("POST", "/post"),
        chunked("PATCH", "/patch", BINARY),
        chunked("GET", "/anything", b"odd but legal"),
    ),
    "headers": (
        ask("GET", "/headers", "X-One: 1", "x-TWO: 2", "X-Empty:", "X-Tab: a\tb", "X-Latin: caf\u00e9"),
        ask("GET", "/headers", "X-Rep: 1", "X-Other: x", "x-rep: 2", "X-REP:   3  "),
        ask("GET", "/headers", "Accept: */*", "Accept-Language: de, en;q=0.5", "Referer: http://a/b?c#d"),
        ask("GET", "/headers", "X-Long: " + "y" * 8000),
        ask("GET", "/user-agent", "User-Agent: pump/1.0 (a; b)"),
        ask("GET", "/user-agent"),
        ask("GET", "/ip"),
        ask("GET", "/ip", "X-Forwarded-For: 10.1.2.3"),
        ask("GET", "/get", "X-Forwarded-Proto: https"),
        ask("GET", "/response-headers?X-one=1&x-ONE=2&X-other=%20a%20&X-ONE=3&Content-Type=a/b%3B%20c%3Dd"),
        ask("HEAD", "/response-headers?Content-Language=de&X-Utf8=%C3%A9"),
        ask("POST", "/response-headers?Server=mine&Date=never"),
        ask("GET", "/get", "Origin: http://a.example"),
    ),
    "cookies": (
        ask("GET", "/cookies", "Cookie: a=1; b=2; a=3"),
        ask("GET", "/cookies", "Cookie: a=1", "Cookie: b=2"),
        ask("GET", "/cookies"),
        ask("GET", "/cookies/set?a=1&b=2&c=%3B"),
        ask("GET", "/cookies/set/session/ann"),
        ask("GET", "/cookies/delete?a&b", "Cookie: a=1; b=2"),
    ),
    "auth": (
        *(
            ask("GET", path, *lines)
            for path in ("/basic-auth/u/p", "/hidden-basic-auth/u/p")
            for lines in ((), ("Authorization: Basic dTpw",), ("Authorization: Basic eDp5",))
        ),
        ask("GET", "/bearer"),
        ask("GET", "/bearer", "Authorization: Bearer k"),
        ask("GET", "/bearer", "authorization: bearer k"),
    ),
    "ranges": (
        *(ask(method, "/range/100000?chunk_size=999") for method in ("GET", "HEAD")),
        *(
            ask(method, "/range/100000?chunk_size=999", f"Range: bytes={part}")
            for method in ("GET", "HEAD")
            for part in RANGES
        ),
        ask("GET", "/range/0"),
        ask("GET", "/static/favicon.ico", "Range: bytes=10-20"),
    ),
    "caching": (
        ask("GET", "/cache", 'If-None-Match: "x"'),
        ask("GET", "/cache", "If-Modified-Since: Mon, 23 Nov 2026 09:00:00 GMT"),
        ask("GET", "/cache/60"),
        ask("GET", "/etag/x"),
        ask("GET", "/etag/x", 'If-None-Match: "x"'),
        ask("HEAD", "/etag/x", "If-None-Match: *"),
        ask("GET", "/etag/x", 'If-Match: "y"'),
        ask("GET", "/static/favicon.ico"),
        ask("HEAD", "/static/favicon.ico"),
        ask("GET", "/static/favicon.ico", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"),
    ),
    "odd but legal targets": tuple(
        ask("GET", target)
        for target in (
            "/anything/a/../b/./c",
            "/anything/%2e%2e/%2F/%25",
            "/anything//double//slash/",
            "/anything/[x]|{y}\\^`\"<>'",
            "/anything;p=1,2:3@4!$&'()*+=~",
            "/anything?",
            "/anything??a=1",
            "/anything?a=1&a=2&b&=c&d=%zz&%C3%A9=%E2%82%AC&f=+%20+",
            "/anything?createdAt[gte]=2026-11-23T00:00:00.000Z",
            "/anything?next=http://a/b?c=d",
            "/anything/%00%0d%0aX:%20y",
            "/anything?x=" + "y" * 7000,
            "//anything",
            "/%61nything",
            "/nowhere",
            "/-",
        )
    ),
    "pages": tuple(
        ask(method, target, *lines)
        for method in ("GET", "HEAD")
        for target, lines in (
            *((f"/image/{kind}", ()) for kind in ("png", "jpeg", "webp", "svg")),
            ("/image", ("Accept: image/webp",)),
            ("/image", ("Accept: text/plain",)),
            *((f"/{page}", ()) for page in ("", "html", "xml", "json", "deny", "robots.txt", "forms/post")),
            ("/links/5/2", ()),
            ("/base64/aGVsbG8=", ()),
            ("/base64/%21", ()),
        )
    ),
    "random": (
        ask("GET", "/uuid"),
        ask("GET", "/cache"),
        ask("GET", "/digest-auth/auth/u/p"),
        ask("GET", "/digest-auth/auth-int/u/p/SHA-256"),
        ask("GET", "/digest-auth/auth/u/p/MD5/never", "Cookie: fake=fake_value"),
    ),
}
_RANDOM = re.compile(rb"\b[0-9a-f]{8}(?:[0-9a-f]{24}|[0-9a-f]{56}|(?:-[0-9a-f]{4,12}){4})\b")


@pytest.fixture(scope="module")
def httpbin() -> Iterator[int]:
    """A real httpbin in a process of its own; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            f"--bind=fd://{listening.fileno()}",
            "--no-control-socket",
        ]
        command += [
            "--worker-class=gthread",
            "--threads=8",
            "--keep-alive=75",
            "--log-level=error",
            "httpbin:app",
        ]
        running = subprocess.Popen(command, pass_fds=[listening.fileno()], env={"PATH": os.defpath})
        try:
            yield listening.getsockname()[1]
            assert running.poll() is None, "httpbin ended by itself"
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


@asynccontextmanager
async def before(port: int, folder: Path, **settings: Any) -> AsyncIterator[RunningGateway]:
    """A gateway in front of httpbin that has no budget to keep."""
    given = {"user_limit": 1_000_000, "organisation_limit": 1_000_000, **settings}
    async with gateway(f"http://127.0.0.1:{port}/v1", folder, **given) as running:
        yield running


async def exchange(port: int, httpbin: int, raw: bytes) -> Message:
    """Send a raw request on a connection of its own; its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        async with asyncio.timeout(20):
            writer.write(raw.replace(HERE, f"127.0.0.1:{httpbin}".encode()))
            return await read_message(reader, method=raw.split()[0].decode(), answer=True)
    finally:
        writer.close()


def comparable(message: Message, *, method: str, scrub: bool) -> tuple[Any, ...]:
    """All of an answer that must be the same: times stand for themselves, random values are told by their form."""
    assert message.whole
    lines, now = [], time.time()  # noqa: TID251 - httpbin's own clock is the system's
    for name, value in message.headers:
        if name.lower() in (b"connection", b"transfer-encoding"):
            continue
        if name == b"Date" and value != b"never":
            assert abs(parsedate_to_datetime(value.decode()).timestamp() - now) < 30
            lines.append((name, b"now"))
        else:
            lines.append((name, _RANDOM.sub(b"#", value) if scrub else value))
    body = message.body
    if message.one("content-encoding") == b"gzip" and body:
        body = body[:4] + b"time" + body[8:]
    if scrub:
        lines = [(name, b"now" if name == b"Last-Modified" else value) for name, value in lines]
        body = _RANDOM.sub(b"#", body)
    framed = method == "HEAD" or message.one("transfer-encoding")
    return message.start, lines, framed, body


@pytest.mark.parametrize("what", ASKED)
async def test_httpbin_answers_the_same_through_the_gateway(httpbin: int, tmp_path: Path, what: str) -> None:
    async with before(httpbin, tmp_path) as gw:
        for raw in ASKED[what]:
            method, scrub = raw.split()[0].decode(), what == "random"
            direct = comparable(await exchange(httpbin, httpbin, raw), method=method, scrub=scrub)
            through = comparable(await exchange(gw.port, httpbin, raw), method=method, scrub=scrub)
            assert through == direct, raw[:200]


_UNASKED = """
import json, sys
from httpbin import app
rules = app.url_map.bind("x")
asked = {str(rules.match(path, method, return_rule=True)[0]) for method, path in json.load(sys.stdin)}
print(json.dumps([str(rule) for rule in app.url_map.iter_rules() if str(rule) not in asked]))
"""


def test_every_route_of_httpbin_is_asked() -> None:
    routes = sorted(
        {
            (method.decode(), target.partition(b"?")[0].decode())
            for what, raws in ASKED.items()
            if what not in ("methods", "odd but legal targets")
            for method, target in (raw.split()[:2] for raw in raws)
            if method in (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE") and b"/status/" not in target
        }
        | {("GET", "/status/1"), ("GET", "/anything/x")}
    )
    found = subprocess.run(
        [sys.executable, "-c", _UNASKED],
        input=json.dumps(routes),
        capture_output=True,
        check=True,
        text=True,
        env={"PATH": os.defpath},
    )
    assert json.loads(found.stdout) == []


async def test_one_connection_serves_many_requests_as_httpbin_does(httpbin: int, tmp_path: Path) -> None:
    """Answers of every framing follow one another, and none leaves a byte behind."""
    targets = (
        "/get",
        "/stream/3",
        "/status/204",
        "/status/304",
        "/gzip",
        "/bytes/0",
        "/status/418",
        "/image/png",
    )
    async with before(httpbin, tmp_path) as gw:
        found = []
        for port in (httpbin, gw.port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for n in range(24):
                method, target = ("HEAD", "GET", "POST")[n % 3], targets[n % len(targets)]
                raw = ask(method, target, f"X-N: {n}", body=b"x" * n)
                writer.write(raw.replace(HERE, f"127.0.0.1:{httpbin}".encode()))
                async with asyncio.timeout(20):
                    message = await read_message(reader, method=method, answer=True)
                found.append(comparable(message, method=method, scrub=False))
            writer.close()
        assert found[:24] == found[24:]


async def test_an_answer_streams_while_httpbin_still_writes(httpbin: int, tmp_path: Path) -> None:
    async with before(httpbin, tmp_path) as gw, gw.connected() as (reader, writer):
        writer.write(ask("GET", "/drip?duration=1&numbytes=4"))
        await read_head(reader)
        assert await reader.readexactly(1) == b"*"
        first = time.monotonic()
        assert await reader.readexactly(3) == b"***"
        assert time.monotonic() - first > 0.4


async def test_an_upload_waits_for_the_go_as_httpbin_says_it(httpbin: int, tmp_path: Path) -> None:
    async with before(httpbin, tmp_path) as gw:
        found = []
        for port in (httpbin, gw.port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            raw = ask("POST", "/anything?x", "Expect: 100-continue", body=b"hello")
            writer.write(raw[: -len(b"hello")].replace(HERE, f"127.0.0.1:{httpbin}".encode()))
            async with asyncio.timeout(10):
                early = await read_message(reader, answer=True)
                writer.write(b"hello")
                answer = await read_message(reader, answer=True)
            writer.close()
            found.append((early.status, answer.status, answer.json()["data"]))
        assert found == [(100, 200, "hello")] * 2


@pytest.mark.parametrize(("code", "status"), [(100, 504), (102, 504), (103, 504), (101, 502)])
async def test_a_1xx_that_httpbin_takes_for_an_answer_is_none(
    httpbin: int, tmp_path: Path, code: int, status: int
) -> None:
    """Directly the client waits for the real answer for ever; the gateway tells it so."""
    async with before(httpbin, tmp_path, answer_s=0.3) as gw:
        raw = ask("GET", f"/status/{code}")
        assert (await exchange(httpbin, httpbin, raw)).status == code
        assert (await exchange(gw.port, httpbin, raw)).status == status


async def test_a_client_of_http_1_0_gets_the_same_bytes(httpbin: int, tmp_path: Path) -> None:
    async with before(httpbin, tmp_path) as gw:
        for target in ("/get", "/stream/5", "/stream-bytes/5000?seed=1", "/status/404", "/gzip?x"):
            raw = ask("GET", target).replace(b"HTTP/1.1", b"HTTP/1.0")
            direct, through = [
                comparable(await exchange(port, httpbin, raw), method="GET", scrub=False)
                for port in (httpbin, gw.port)
            ]
            assert direct[0].replace(b"1.0", b"1.1") == through[0]
            assert direct[1:] == through[1:]


async def test_the_host_that_httpbin_hears_is_its_own(httpbin: int, tmp_path: Path) -> None:
    """A client names the gateway; httpbin, and what it makes of the name, hears its own."""
    async with before(httpbin, tmp_path) as gw:
        echo = (await gw.get("/anything?show_env=1")).json()
        assert echo["headers"]["Host"] == f"127.0.0.1:{httpbin}"
        assert echo["headers"]["Via"].startswith("1.1 mx-")
        assert set(echo["headers"]) == {"Host", "Via"}
        assert echo["url"] == f"http://127.0.0.1:{httpbin}/anything?show_env=1"


def memory_mb(pid: int) -> tuple[float, float]:
    """A process's resident memory, now and at its highest. Linux."""
    status = Path(f"/proc/{pid}/status").read_text()
    now, most = (int(re.findall(rf"{name}:\s+(\d+) kB", status)[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


BLOCK = hashlib.sha256(b"block").digest() * (MB // 32)


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory"
)
async def test_100_mb_go_up_and_down_through_50_mb_of_memory(tmp_path: Path) -> None:
    """Both sides stop reading for a moment: what then piles up is in the gateway or in nobody's memory."""
    uploaded, downloaded = hashlib.sha256(), hashlib.sha256()

    async def behave(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start, _ = await read_head(reader)
        if start.startswith(b"PUT "):
            await asyncio.sleep(0.5)
            left = 100 * MB
            while left:
                data = await reader.read(MB)
                uploaded.update(data)
                left -= len(data)
            writer.write(OK)
            return
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            writer.write(b"%x\r\n%s\r\n" % (MB, BLOCK))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with upstream() as up, process(up.url, tmp_path) as (gw, running), asyncio.timeout(120):
        assert (await gw.get()).status == 200
        up.behaviour = behave
        await up.hang_up()
        before_mb, _ = memory_mb(running.pid)
        async with gw.connected() as (reader, writer):
            writer.write(b"PUT /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (100 * MB))
            for _ in range(100):
                writer.write(BLOCK)
                await writer.drain()
            assert (await read_message(reader, answer=True)).body == b"ok"
        async with gw.connected() as (reader, writer):
            writer.write(b"GET /v1/x HTTP/1.1\r\nHost: g\r\n\r\n")
            _, headers = await read_head(reader)
            assert headers == ((b"Transfer-Encoding", b"chunked"),)
            await asyncio.sleep(0.5)
            while size := int(await reader.readline(), 16):
                downloaded.update(await reader.readexactly(size))
                await reader.readexactly(2)
        _, most_mb = memory_mb(running.pid)
        assert uploaded.digest() == downloaded.digest() == hashlib.sha256(BLOCK * 100).digest()
        assert most_mb - before_mb < 50
