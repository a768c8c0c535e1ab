"""Headers go through as they came, in both directions; what belongs to one connection stays behind."""

from pathlib import Path

from tests.gateway.wires import gateway, upstream


async def test_request_headers_arrive_as_they_were_sent(tmp_path: Path) -> None:
    lines = (
        b"X-b: 1",
        b"X-B: 2",
        b"x-b: 3",
        b"Accept: */*",
        b"X-Empty:",
        b"X-Latin: caf\xe9!",
        b"X-Utf8: caf\xc3\xa9",
        b"Cookie: a=1; b=2",
        b"X-MX-Job: nightly",
        b"Authorization: Bearer k",
        b"X-Tab: a\tb",
    )
    raw = b"GET /v1/users HTTP/1.1\r\nHost: gateway:8081\r\n" + b"".join(x + b"\r\n" for x in lines) + b"\r\n"
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        assert (await gw.send(raw)).status == 200
        (request,) = up.requests
        assert request.headers[0] == (b"Host", f"127.0.0.1:{up.port}".encode())
        sent = tuple((n, v.strip(b" ")) for n, _, v in (line.partition(b":") for line in lines))
        assert request.headers[1:-1] == sent
        assert request.headers[-1][0] == b"Via"


async def test_nothing_is_added_to_a_bare_request_but_host_and_via(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "PURGE", "PROPFIND", "TRACE", "OPTIONS"):
            assert (await gw.get("/v1/x", method=method)).status == 200
        assert {tuple(name for name, _ in r.headers) for r in up.requests} == {(b"Host", b"Via")}


async def test_answer_headers_arrive_as_they_were_sent_and_nothing_is_added(tmp_path: Path) -> None:
    lines = (
        b"Set-Cookie: a=1",
        b"set-cookie: b=2",
        b"X-Latin: caf\xe9!",
        b"Content-Length: 2",
        b"X-Repeat: 1",
        b"X-repeat: 2",
    )
    answer = b"HTTP/1.1 418 I'm a teapot \xe9\r\n" + b"".join(x + b"\r\n" for x in lines) + b"\r\nok"
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get()
        assert found.start == b"HTTP/1.1 418 I'm a teapot \xe9"
        assert [n + b": " + v for n, v in found.headers] == list(lines)


async def test_hop_by_hop_headers_stay_behind(tmp_path: Path) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Authenticate: x\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok"
    )
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get(
            "/v1/users",
            "Connection: keep-alive, X-Mine, close",
            "X-Mine: 1",
            "Keep-Alive: 5",
            "TE: trailers",
            "Trailer: X",
            "Upgrade: websocket",
            "Proxy-Authorization: p",
            "Proxy-Connection: p",
            "X-Stays: 1",
        )
        assert [name for name, _ in up.requests[0].headers] == [b"Host", b"X-Stays", b"Via"]
        assert [name for name, _ in found.headers] == [b"X-Stays", b"Content-Length", b"Connection"]


async def test_a_connection_header_cannot_take_the_key_away(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        raw = (
            b"POST /v1/x HTTP/1.1\r\nHost: g\r\n"
            b"Connection: Authorization, Content-Type, Content-Length, Host, Cookie, X-Organization-Id\r\n"
            b"Authorization: Bearer k\r\nContent-Type: a/b\r\nContent-Length: 2\r\nCookie: a=1\r\n"
            b"X-Organization-Id: 7\r\n\r\nhi"
        )
        assert (await gw.send(raw)).status == 200
        (request,) = up.requests
        assert request.body == b"hi"
        assert [n for n, _ in request.headers[1:-1]] == [
            b"Authorization",
            b"Content-Type",
            b"Content-Length",
            b"Cookie",
            b"X-Organization-Id",
        ]


async def test_headers_and_targets_of_60_kb_pass_and_200_kb_do_not(tmp_path: Path) -> None:
    long = "x" * 60_000
    answer = f"HTTP/1.1 200 OK\r\nX-Long: {long}\r\nContent-Length: 2\r\n\r\nok".encode()
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get(f"/v1/{'y' * 60_000}", f"X-Long: {long}", *(f"X-{n}: 1" for n in range(300)))
        assert found.status == 200
        assert found.one("X-Long") == long.encode()
        assert up.requests[0].one("X-Long") == long.encode()
        too_long = await gw.get("/v1/users", f"X-Long: {long * 4}")
        assert too_long.status == 400
        assert "not readable" in too_long.json()["error"]
        assert len(up.requests) == 1


async def test_cookies_of_one_client_are_not_sent_for_another(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=ann; Path=/\r\nContent-Length: 2\r\n\r\nok"
    async with upstream(answer) as up, gateway(f"http://localhost:{up.port}/v1", tmp_path) as gw:
        assert (await gw.get()).one("Set-Cookie") == b"session=ann; Path=/"
        await gw.get()
        assert [r.one("Cookie") for r in up.requests] == [None, None]
        assert up.requests[0].one("Host") == f"localhost:{up.port}".encode()


async def test_a_redirect_is_the_clients_to_follow(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /v1/elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        found = await gw.get()
        assert (found.status, found.one("Location")) == (302, b"/v1/elsewhere")
        assert len(up.requests) == 1


async def test_a_base_url_with_a_path_of_its_own(tmp_path: Path) -> None:
    async with upstream() as up:
        for n, base in enumerate(("", "/", "/v1", "/v1/", "/proxy/v1", "/proxy/")):
            (tmp_path / str(n)).mkdir()
            async with gateway(f"http://127.0.0.1:{up.port}{base}", tmp_path / str(n)) as gw:
                await gw.get("/v1/users?limit=1")
        starts = [r.start.split()[1] for r in up.requests]
        assert starts == [b"/v1/users?limit=1"] * 4 + [b"/proxy/v1/users?limit=1"] * 2
