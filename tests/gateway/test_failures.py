"""Each way in which MaintainX can fail to answer: the phase is named, nothing is sent twice, no cut answer looks whole."""

import asyncio
import socket
import ssl
import struct
from pathlib import Path

import pytest

from tests.gateway.wires import OK, Message, RawUpstream, gateway, read_head, read_message, upstream

WRITE = b"%s /v1/workorders/7 HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\nhi"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST instead of a FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reads_then_closes(
    up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    up.requests.append(await read_message(reader))


async def reads_then_resets(
    up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    up.requests.append(await read_message(reader))
    reset(writer)


async def half_a_head(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    up.requests.append(await read_message(reader))
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()


async def says_nothing(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    up.requests.append(await read_message(reader))
    await reader.read()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("behaviour", [reads_then_closes, reads_then_resets, half_a_head])
async def test_no_method_is_ever_sent_twice_on_a_new_connection(
    tmp_path: Path, method: str, behaviour: object
) -> None:
    async with upstream(behaviour=behaviour) as up, gateway(up.url, tmp_path) as gw:  # type: ignore[arg-type]
        found = await gw.send(WRITE % method.encode(), method=method)
        assert (found.status, found.one("X-MX-Error")) == (502, b"lost")
        await asyncio.sleep(0.05)
        assert len(up.requests) == 1
        if method != "HEAD":
            assert "may have reached it" in found.json()["error"]


@pytest.mark.parametrize("method", METHODS)
async def test_on_a_stale_connection_only_what_is_safe_is_sent_again(tmp_path: Path, method: str) -> None:
    async def answers_once(
        up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        up.requests.append(await read_message(reader))
        writer.write(OK if len(up.requests) == 1 else OK.replace(b"ok", b"no"))
        await writer.drain()
        up.requests.append(await read_message(reader))
        up.behaviour = None  # the next connection answers

    async with upstream(behaviour=answers_once) as up, gateway(up.url, tmp_path) as gw:
        assert (await gw.get()).status == 200
        found = await gw.get("/v1/second", method=method)
        if method in ("GET", "HEAD", "OPTIONS"):
            assert found.status == 200
            assert len(up.requests) == 3
        else:
            assert found.status == 502
            assert len(up.requests) == 2


async def test_connect_refused(tmp_path: Path, free_port: int) -> None:
    async with gateway(f"http://127.0.0.1:{free_port}/v1", tmp_path, max_wait_s=0) as gw:
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (502, b"connect")
        assert "could not be connected to (connection refused)" in found.json()["error"]
        assert "nothing was sent" in found.json()["error"]
        status = (await gw.admin("GET", "status")).json()
        assert status["upstream"]["last_error"]["phase"] == "connect"
        assert status["upstream"]["failures_in_a_row"] == 1
        assert status["traffic"]["failed"] == {"connect": 1}
        assert status["traffic"]["fates"] == {"unsent": 1}
        assert status["traffic"]["by_status"] == {}


async def test_dns(tmp_path: Path) -> None:
    async with gateway("http://no-such-host.invalid/v1", tmp_path) as gw:
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (502, b"dns")


async def test_tls_with_a_server_that_speaks_none(tmp_path: Path) -> None:
    async def plain(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with (
        upstream(behaviour=plain) as up,
        gateway(f"https://127.0.0.1:{up.port}/v1", tmp_path) as gw,
    ):
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (502, b"tls")


async def test_connecting_takes_too_long(tmp_path: Path) -> None:
    async def hangs(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # a TLS handshake that is never answered

    async with (
        upstream(behaviour=hangs) as up,
        gateway(f"https://127.0.0.1:{up.port}/v1", tmp_path, connect_s=0.2) as gw,
    ):
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (502, b"connect-timeout")


async def test_no_answer_in_time(tmp_path: Path) -> None:
    async with upstream(behaviour=says_nothing) as up, gateway(up.url, tmp_path, answer_s=0.2) as gw:
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (504, b"answer-timeout")
        found = await gw.send(WRITE % b"POST")
        assert found.status == 504
        assert len(up.requests) == 2
        traffic = (await gw.admin("GET", "status")).json()["traffic"]
        assert traffic["failed"] == {"answer_timeout": 2}
        assert traffic["fates"] == {"unread": 1, "unknown": 1}  # the write may have arrived


@pytest.mark.parametrize(
    "answer",
    [
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: 1\x01\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_malformed_answer(tmp_path: Path, answer: bytes) -> None:
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (502, b"malformed")
        up.answer = OK
        await up.hang_up()
        assert (await gw.get()).body == b"ok"


CUT = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "inside a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf",
}


@pytest.mark.parametrize("cut", CUT)
@pytest.mark.parametrize("how", ["closes", "resets", "stalls"])
@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_a_cut_answer_never_looks_whole(tmp_path: Path, cut: str, how: str, pause: float) -> None:
    async def cuts(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up.requests.append(await read_message(reader))
        writer.write(CUT[cut])
        await writer.drain()
        await asyncio.sleep(pause)
        if how == "resets":
            reset(writer)
        if how == "stalls":
            await reader.read()

    async with upstream(behaviour=cuts) as up, gateway(up.url, tmp_path, answer_s=0.2) as gw:
        try:
            found = await gw.get()
        except (asyncio.IncompleteReadError, ConnectionResetError):
            found = Message(b"HTTP/1.1 0 cut", (), b"", whole=False)
        assert not found.whole or found.status == 502
        assert len(up.requests) == 1
        status = (await gw.admin("GET", "status")).json()
        assert status["upstream"]["failures_in_a_row"] == 1


async def test_a_client_that_stalls_in_its_body_gets_408(tmp_path: Path) -> None:
    async with (
        upstream() as up,
        gateway(up.url, tmp_path, stall_s=0.2) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nhalf")
        found = await read_message(reader, answer=True)
        assert (found.status, found.one("X-MX-Error")) == (408, b"client")
        assert (await gw.admin("GET", "status")).json()["traffic"]["fates"] == {"client": 1}
        assert not [r for r in up.requests if r.whole]


async def test_an_upstream_that_stops_reading_ends_in_504(tmp_path: Path) -> None:
    async def reads_no_body(
        up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_head(reader)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(3)

    async def pour(writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 262144)
                await writer.drain()
        except ConnectionError:
            pass

    async with (
        upstream(behaviour=reads_no_body) as up,
        gateway(up.url, tmp_path, stall_s=0.3) as gw,
        gw.connected() as (reader, writer),
        asyncio.TaskGroup() as group,
    ):
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 100000000\r\n\r\n")
        pouring = group.create_task(pour(writer))
        async with asyncio.timeout(10):
            found = await read_message(reader, answer=True)
        assert (found.status, found.one("X-MX-Error")) == (504, b"stalled")
        pouring.cancel()


async def test_a_slow_but_steady_upload_is_unharmed(tmp_path: Path) -> None:
    async with (
        upstream() as up,
        gateway(up.url, tmp_path, stall_s=0.8, answer_s=0.8) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.11)
            writer.write(b"x")
        assert (await read_message(reader, answer=True)).status == 200
        assert up.requests[0].body == b"x" * 10


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_client_that_leaves_in_its_upload_leaves_no_whole_request(
    tmp_path: Path, chunked: bool
) -> None:
    framing = (
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n" if chunked else b"Content-Length: 9\r\n\r\nhalf"
    )
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        async with gw.connected() as (_, writer):
            writer.write(b"POST /v1/x HTTP/1.1\r\nHost: g\r\n" + framing)
            await writer.drain()
            await asyncio.sleep(0.1)
        await up.left()
        assert not [r for r in up.requests if r.whole]


async def test_a_client_that_does_not_read_is_let_go(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def pours(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
        finally:
            gone.set()

    async with (
        upstream(behaviour=pours) as up,
        gateway(up.url, tmp_path, stall_s=0.3) as gw,
        gw.connected() as (_, writer),
    ):
        writer.write(b"GET /v1/x HTTP/1.1\r\nHost: g\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(10):
            await gone.wait()


async def test_a_slow_head_is_cut_off(tmp_path: Path) -> None:
    async with (
        upstream() as up,
        gateway(up.url, tmp_path, idle_s=0.3) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(b"GET /v1/x HT")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        assert up.requests == []


CERTIFICATE = Path(__file__).parent / "localhost.pem"


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_suffix(".key"))
    return context


async def test_a_tls_upstream(tmp_path: Path) -> None:
    async with upstream(tls=tls()) as up:
        async with gateway(f"https://localhost:{up.port}/v1", tmp_path, ca_file=CERTIFICATE) as gw:
            found = await gw.get("/v1/users")
            assert (found.status, found.body) == (200, b"ok")
        (tmp_path / "b").mkdir()
        async with gateway(f"https://localhost:{up.port}/v1", tmp_path / "b") as gw:
            found = await gw.get("/v1/users")
            assert (found.status, found.one("X-MX-Error")) == (502, b"tls")
            assert "certificate" in found.json()["error"]


async def test_a_tls_upstream_through_a_proxy(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def tunnel(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        start, _ = await read_head(reader)
        asked.append(start)
        if behind.port == 0:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", behind.port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(reader, far_writer))
            group.create_task(pump(far_reader, writer))

    async with upstream(tls=tls()) as behind, upstream(behaviour=tunnel) as between:
        url, proxy = f"https://localhost:{behind.port}/v1", f"http://127.0.0.1:{between.port}"
        async with gateway(url, tmp_path, ca_file=CERTIFICATE, proxy=proxy) as gw:
            for _ in range(3):
                assert (await gw.get("/v1/users?limit=1")).body == b"ok"
            assert asked == [f"CONNECT localhost:{behind.port} HTTP/1.1".encode()]
            assert {r.start for r in behind.requests} == {b"GET /v1/users?limit=1 HTTP/1.1"}
            behind.port = 0
            await behind.hang_up()
            found = await gw.get()
            assert (found.status, found.one("X-MX-Error")) == (502, b"connect")
