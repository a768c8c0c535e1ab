"""Requests that could be read in two ways are refused, and nothing of them reaches the upstream."""

import asyncio
import logging
from pathlib import Path

import pytest

from bot.errors import ConfigError
from tests.gateway.wires import gateway, read_message, upstream

SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"
POST = b"POST /v1/x HTTP/1.1\r\nHost: g\r\n"

SHAPES = {
    "length and coding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "two equal lengths in one": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "plus length": POST + b"Content-Length: +4\r\n\r\nabcd",
    "hex length": POST + b"Content-Length: 0x4\r\n\r\nabcd",
    "negative length": POST + b"Content-Length: -1\r\n\r\nabcd",
    "coding identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "coding gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding chunked twice": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding in 1.0": b"POST /v1/x HTTP/1.0\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": POST + b"Content-Length : 4\r\n\r\nabcd",
    "tab before colon": POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "underscore length": POST + b"Content_Length: 4\r\n\r\n",
    "underscore coding": POST + b"Transfer_Encoding: chunked\r\n\r\n",
    "folded header": b"GET /v1/x HTTP/1.1\r\nHost: g\r\nX-A: 1\r\n b\r\n\r\n",
    "bare LF": b"GET /v1/x HTTP/1.1\nHost: g\n\n",
    "bare CR in a value": b"GET /v1/x HTTP/1.1\r\nHost: g\r\nX-A: 1\rX-B: 2\r\n\r\n",
    "NUL in a value": b"GET /v1/x HTTP/1.1\r\nHost: g\r\nX-A: 1\x00\r\n\r\n",
    "no host": b"GET /v1/x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "absolute form": b"GET http://127.0.0.1:1/v1/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "absolute form of the upstream": b"GET http://evil/v1/x HTTP/1.1\r\nHost: evil\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n",
    "connect": b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n",
    "no path": b"GET v1/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "HTTP/0.9": b"GET /v1/x HTTP/0.9\r\nHost: g\r\n\r\n",
    "HTTP/0.9 bare": b"GET /v1/x\r\n\r\n",
    "HTTP/2.0": b"GET /v1/x HTTP/2.0\r\nHost: g\r\n\r\n",
    "HTTP/1.2": b"GET /v1/x HTTP/1.2\r\nHost: g\r\n\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "space in the target": b"GET /v1/x y HTTP/1.1\r\nHost: g\r\n\r\n",
    "raw bytes in the target": b"GET /v1/\xff HTTP/1.1\r\nHost: g\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "chunk longer than said": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_smuggling_shape_is_refused_and_nothing_goes_upstream(
    tmp_path: Path, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with (
        upstream() as up,
        gateway(up.url, tmp_path, stall_s=0.5) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(SHAPES[shape] + SMUGGLED)
        async with asyncio.timeout(10):
            answer = await read_message(reader, answer=True)
            rest = await reader.read()
        assert 400 <= answer.status < 600
        assert answer.json()["error"]
        assert answer.one("Connection") == b"close"
        assert b"HTTP/1.1 200" not in rest
        assert all(b"smuggled" not in r.start and b"smuggled" not in r.body for r in up.requests)
        assert not [r for r in up.requests if r.whole]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("chunk", [b"zz\r\nabc\r\n", b"3\r\nabcdef\r\n"])
async def test_a_malformed_chunk_after_the_head_was_taken_ends_the_request(
    tmp_path: Path, chunk: bytes
) -> None:
    async with (
        upstream() as up,
        gateway(up.url, tmp_path, stall_s=0.3) as gw,
        gw.connected() as (reader, writer),
    ):
        writer.write(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0.1)
        writer.write(chunk + SMUGGLED)
        async with asyncio.timeout(10):
            answer = await read_message(reader, answer=True)
        assert answer.status in (400, 408)
        assert not [r for r in up.requests if r.whole]
        assert all(b"smuggled" not in r.start and b"smuggled" not in r.body for r in up.requests)


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path) -> None:
    def answer(request: object) -> bytes:
        body = request.start.split()[1]  # type: ignore[attr-defined]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw, gw.connected() as (reader, writer):
        writer.write(b"".join(b"GET /v1/%d HTTP/1.1\r\nHost: g\r\n\r\n" % n for n in range(50)))
        for n in range(50):
            assert (await read_message(reader, answer=True)).body == b"/v1/%d" % n
        assert len(up.requests) == 50


async def test_an_upgrade_is_declined_and_what_follows_is_a_request(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw, gw.connected() as (reader, writer):
        head = b"GET /v1/x HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        writer.write(head + b"GET /v1/second HTTP/1.1\r\nHost: g\r\n\r\n")
        assert (await read_message(reader, answer=True)).status == 200
        assert (await read_message(reader, answer=True)).status == 200
        assert [r.one("Upgrade") for r in up.requests] == [None, None]


async def test_a_switch_of_protocols_by_the_upstream_is_no_answer(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get()
        assert (found.status, found.one("X-MX-Error")) == (502, b"malformed")
        assert len(up.requests) == 1


async def test_early_hints_end_at_the_gateway(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        assert (await gw.get()).body == b"ok"


async def test_a_loop_is_refused_by_via(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.get("/v1/users", "Via: 1.0 fred")
        first = up.requests[0].all("Via")
        assert first[0] == b"1.0 fred"
        looped = await gw.get("/v1/users", f"Via: {first[1].decode()}")
        assert looped.status == 508
        assert "MAINTAINX_BASE_URL" in looped.json()["error"]
        assert len(up.requests) == 1


async def test_two_gateways_in_a_row_are_no_loop(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        upstream() as up,
        gateway(up.url, tmp_path / "a") as inner,
        gateway(f"http://127.0.0.1:{inner.port}/v1", tmp_path / "b") as outer,
    ):
        assert (await outer.get()).status == 200
        assert len(up.requests[0].all("Via")) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_a_loop_to_itself_is_refused_at_the_start(tmp_path: Path, host: str, free_port: int) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        async with gateway(f"http://{host}:{free_port}/v1", tmp_path, port=free_port):
            pass
    assert caught.group_contains(ConfigError, match="this gateway itself")


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    async with upstream() as up:
        with pytest.raises(BaseExceptionGroup) as caught:
            async with gateway("http://127.0.0.1:1/v1", tmp_path, port=up.port):
                pass
    assert caught.group_contains(ConfigError, match="set MX_GATEWAY_PORT to a free port")


async def test_a_second_gateway_on_the_same_database_is_refused(tmp_path: Path) -> None:
    async with gateway("http://127.0.0.1:1/v1", tmp_path):
        with pytest.raises(BaseExceptionGroup) as caught:
            async with gateway("http://127.0.0.1:1/v1", tmp_path):
                pass
        assert caught.group_contains(ConfigError, match="another gateway already works with")
    async with gateway("http://127.0.0.1:1/v1", tmp_path) as gw:
        assert (await gw.admin("GET", "healthz")).status == 200
