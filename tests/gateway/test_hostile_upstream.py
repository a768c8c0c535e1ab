"""An upstream that answers wrongly: no client gets an answer meant for another, nothing ambiguous is passed on."""

import asyncio
from pathlib import Path

import pytest

from tests.gateway.wires import (
    OK,
    Behaviour,
    Message,
    RawUpstream,
    RunningGateway,
    gateway,
    read_message,
    upstream,
)

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
OWN = OK.replace(b"ok", b"my")
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"\r\n2\r\nok\r\n0\r\n\r\n"


def answers(*parts: bytes) -> Behaviour:
    """The first request is answered with these, a moment apart; those behind it with OWN."""

    async def behave(up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            up.requests.append(await read_message(reader))
            for part in parts if len(up.requests) == 1 else (OWN,):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)

    return behave


def sized(*lines: bytes) -> bytes:
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\nok"


def coded(*lines: bytes, chunks: bytes = CHUNKS) -> bytes:
    return HEAD + b"".join(line + b"\r\n" for line in lines) + chunks


async def ask(gw: RunningGateway, first: str = "GET", pause: float = 0.05) -> tuple[Message, Message]:
    """Two requests, one behind the other, on one connection."""
    async with gw.connected() as (reader, writer), asyncio.timeout(10):
        writer.write(f"{first} /v1/first HTTP/1.1\r\nHost: g\r\n\r\n".encode())
        found = await read_message(reader, method=first, answer=True)
        await asyncio.sleep(pause)
        writer.write(b"GET /v1/second HTTP/1.1\r\nHost: g\r\n\r\n")
        return found, await read_message(reader, answer=True)


MALFORMED = {
    **{
        f"length {value!r}": sized(b"Content-Length: " + value)
        for value in (b"", b"+2", b"-2", b"0x2", b"2,2", b"2 2", b"2;", b"0_2", b"2\x0b", b"9" * 20)
    },
    "equal lengths": sized(b"Content-Length: 2", b"Content-Length: 2"),
    "a length with a space before its colon": sized(b"Content-Length : 2"),
    "a length and a coding": coded(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
    **{
        f"coding {value!r}": coded(b"Transfer-Encoding: " + value)
        for value in (
            b"",
            b"x",
            b"identity",
            b"chunked, chunked",
            b"\x0bchunked",
            b"chunked;q=1",
            b'"chunked"',
        )
    },
    "coding twice": coded(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "coding, then another": coded(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"),
    "coding behind another": coded(b"Transfer-Encoding: x", b"Transfer-Encoding: chunked"),
    "coding with a space before its colon": coded(b"Transfer-Encoding : chunked"),
    "no coding and a length": sized(b"Transfer-Encoding:", b"Content-Length: 2"),
    **{
        f"chunk {chunk!r}": coded(b"Transfer-Encoding: chunked", chunks=b"\r\n" + chunk)
        for chunk in (b"0x2\r\nok\r\n0\r\n\r\n", b"+2\r\nok\r\n0\r\n\r\n", b"2\nok\n0\n\n", b"zz\r\nok\r\n")
    },
    **{
        f"header {text!r}": sized(text, b"Content-Length: 2")
        for text in (
            b"X: a\x00",
            b"X: a\rY: b",
            b"X: a\x0bb",
            b"X: a\x7f",
            b": a",
            b"X Y: a",
            b"X : a",
            b"X\xe9: a",
            b"X",
        )
    },
    **{
        f"start {start!r}": start + b"\r\nContent-Length: 2\r\n\r\nok"
        for start in (
            b"HTTP/2 200",
            b"HTTP/1.1 1000 X",
            b"HTTP/1.1 20 X",
            b"HTTP/1.1 099 X",
            b"HTTP/1.1 000 X",
        )
    },
    "something before the answer": b"junk\r\n" + OK,
    "an early answer with a body": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nevil" + OK,
}


@pytest.mark.parametrize("shape", MALFORMED)
async def test_an_answer_that_could_be_read_in_two_ways_is_not_passed_on(tmp_path: Path, shape: str) -> None:
    async with upstream(behaviour=answers(MALFORMED[shape])) as up, gateway(up.url, tmp_path) as gw:
        first, second = await ask(gw, pause=0)
        assert (first.status, first.one("X-MX-Error")) == (502, b"malformed")
        assert second.body == b"my"
        assert [r.start.split()[1] for r in up.requests] == [b"/v1/first", b"/v1/second"]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("method", "first"),
    [
        ("GET", OK),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: %d\r\n\r\n" % len(EVIL)),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(EVIL)),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ],
)
async def test_an_answer_that_nobody_asked_for_is_nobodys_answer(
    tmp_path: Path, method: str, first: bytes, *, later: bool
) -> None:
    parts = (first, EVIL) if later else (first + EVIL,)
    async with upstream(behaviour=answers(*parts)) as up, gateway(up.url, tmp_path) as gw:
        found, second = await ask(gw, method)
        assert found.status < 400 or (found.status, found.one("X-MX-Error")) == (502, b"malformed")
        assert b"evil" not in found.body
        assert second.body == b"my"
        assert up.connections == 2


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (sized(b"X: a", b" b", b"Content-Length: 2"), [b"X: a b", b"Content-Length: 2"]),
        (sized(b"X: a\nY: b", b"Content-Length: 2"), [b"X: a", b"Y: b", b"Content-Length: 2"]),
        (sized(b"Connection: Content-Length", b"Content-Length: 2"), [b"Content-Length: 2"]),
        (coded(b"Transfer-Encoding: CHUNKED"), [b"Transfer-Encoding: chunked"]),
        (
            coded(b"Transfer-Encoding: chunked", chunks=b"\r\n2\r\nok\r\n0\r\nSet-Cookie: a=evil\r\n\r\n"),
            [b"Transfer-Encoding: chunked"],
        ),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" * 50 + OK, [b"Content-Length: 2"]),
        (b"\r\n" + OK, [b"Content-Length: 2"]),
    ],
)
async def test_what_is_odd_in_an_answer_is_put_right(
    tmp_path: Path, raw: bytes, headers: list[bytes]
) -> None:
    async with upstream(behaviour=answers(raw)) as up, gateway(up.url, tmp_path) as gw:
        first, second = await ask(gw)
        assert (first.status, first.body) == (200, b"ok")
        assert [name + b": " + value for name, value in first.headers] == headers
        assert (second.body, second.headers) == (b"my", ((b"Content-Length", b"2"),))


@pytest.mark.parametrize("early", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
async def test_an_early_answer_does_not_stop_the_wait_for_the_real_one(tmp_path: Path, early: bytes) -> None:
    async with (
        upstream(behaviour=answers(b"HTTP/1.1 " + early + b"\r\n\r\n")) as up,
        gateway(up.url, tmp_path, answer_s=0.2) as gw,
    ):
        first, second = await ask(gw, pause=0)
        assert (first.status, first.one("X-MX-Error")) == (504, b"answer-timeout")
        assert second.body == b"my"


async def test_an_early_answer_leaves_no_alarm_behind_for_the_next_request(tmp_path: Path) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    async with (
        upstream(behaviour=answers(early + OK)) as up,
        gateway(up.url, tmp_path, answer_s=0.3) as gw,
        gw.connected() as (reader, writer),
    ):
        assert (await gw.get()).body == b"ok"
        writer.write(b"POST /v1/slow HTTP/1.1\r\nHost: g\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            writer.write(b"x")
            await asyncio.sleep(0.1)
        assert (await read_message(reader, answer=True)).body == b"my"
        assert up.connections == 1
