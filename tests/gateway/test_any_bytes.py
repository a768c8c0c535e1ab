"""Whatever bytes a client sends, the upstream sees no request that a strict reader would not have found in them."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gateway.lab import Lab, lab, read_answers
from tests.gateway.strict import Headers, read_requests

STALL_S = IDLE_S = 0.1

INNER = b"GET /v1/inner HTTP/1.1\r\nHost: g\r\n\r\n"
REQUESTS = (
    b"GET /v1/a HTTP/1.1\r\nHost: g\r\nX-A: 1\r\n\r\n",
    b"GET /v1/b?x=%00 HTTP/1.1\r\nHost: g\r\nConnection: keep-alive\r\nCookie: a=1\r\n\r\n",
    b"HEAD /v1/c HTTP/1.1\r\nHost: g\r\n\r\n",
    b"GET /v1/d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"DELETE /v1/e HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n",
    b"POST /v1/f HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /v1/g HTTP/1.1\r\nHost: g\r\nContent-Length: 35\r\n\r\n" + INNER,
    b"PUT /v1/h HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
    b"POST /v1/i HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /v1/j HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
    b"POST /v1/k HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n23\r\n" + INNER + b"\r\n0\r\n\r\n",
    b"PATCH /v1/l HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
)
NASTY = (
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\0",
        b"\t",
        b"\x0b",
        b" ",
        b":",
        b",",
        b";",
        b"\xff",
        b"\x7f",
    ),
    *(b"0", b"0\r\n", b"0\r\n\r\n", b"0x", b"+", b"-", b"_", b"fffffffff", b"00", b"5\r\n"),
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length : 3\r\n",
    b"content-length:\t7\r\n",
    b"Content_Length: 9\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"Host: other\r\n",
    b"Connection: close\r\n",
    b"Connection: Content-Length, Transfer-Encoding\r\n",
    b"Upgrade: h2c\r\nConnection: upgrade\r\n",
    b"Expect: 100-continue\r\n",
    b" folded\r\n",
    b"X: a\nY: b\r\n",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\r\n",
    b"http://evil/",
    INNER,
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, ...]:
    """Requests one behind the other, bent in a few places, cut into segments."""
    raw = b"".join(draw(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.sampled_from((0, 0, 0, 1, 2, 5, 20, 100))))
        new = draw(st.sampled_from(NASTY) | st.binary(max_size=2) | st.just(raw[start:end] * 2))
        raw = raw[:start] + new + raw[end:]
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=2)))
    return tuple(filter(None, (raw[a:b] for a, b in zip((0, *cuts), (*cuts, len(raw)), strict=True))))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab"), idle_s=IDLE_S, stall_s=STALL_S) as made:
        yield made


def own(headers: Headers) -> set[tuple[bytes, bytes]]:
    """What a request brought itself: all but what the gateway puts in place of it."""
    return {(n, v) for n, v in headers if n.lower() not in (b"host", b"via", b"transfer-encoding")}


@settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(streams())
@example(
    (b"POST /v1/j HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n" + REQUESTS[0],)
)
@example((REQUESTS[8][:-5], b"zz\r\n", REQUESTS[0]))
def test_the_upstream_sees_no_more_than_a_strict_reader_admits(shared: Lab, parts: tuple[bytes, ...]) -> None:
    admitted = read_requests(b"".join(parts)).requests
    started = time.monotonic()
    back = shared.send(*parts)
    took = time.monotonic() - started
    recorder = shared.recorder

    assert recorder.faults == []
    assert len(recorder.whole) <= sum(request.whole for request in admitted)
    assert len(recorder.seen) <= len(admitted)
    for seen, allowed in zip(recorder.seen, admitted, strict=False):
        assert (seen.method, seen.target) == (allowed.method, allowed.target)
        assert own(seen.headers) <= own(allowed.headers)
        if seen.whole:
            assert seen.body == allowed.body

    answers = read_answers(back, [request.method for request in admitted])
    assert all(answer.status != 500 for answer in answers)
    assert len(answers) <= len(admitted) + 1
    assert took < 5, "what stands still is let go after a moment, and nothing takes seconds"


def test_the_strict_reader_finds_each_request_as_it_is() -> None:
    """The judge itself."""
    bodies = (b"", b"", b"", b"", b"", b"hello", INNER, b"", b"hello", b"abc", INNER, b"hi")
    for raw, body, letter in zip(REQUESTS, bodies, "abcdefghijkl", strict=True):
        (found,) = read_requests(raw).requests
        assert (found.target[:5], found.body, found.whole) == (f"/v1/{letter}".encode(), body, True)
    behind = [raw for raw in REQUESTS if b"Connection: close" not in raw]
    together = read_requests(b"".join(behind))
    assert [request.target[4:5] for request in together.whole] == [b"%c" % c for c in b"abcdfghijkl"]
    assert together.end == "clean"
    assert read_requests(REQUESTS[5][:-1]).end == "cut"
    assert read_requests(REQUESTS[8][:-5] + b"zz\r\n").end == "bad"
    assert read_requests(REQUESTS[4] + REQUESTS[0]).requests == read_requests(REQUESTS[4]).requests
