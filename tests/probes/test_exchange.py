"""One exchange: phases, certificates, proxies, big bodies."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.demo.door import full_door
from bot.demo.maintainx import FakeMaintainX
from bot.probes.exchange import Exchange, Wire


async def get(url: str, *, within_s: float = 10.0, max_body: int = 262_144) -> Exchange:
    async with Wire().line() as line:
        until = asyncio.get_running_loop().time() + within_s
        return await line.get(url, until=until, max_body=max_body)


@asynccontextmanager
async def served(
    answer: web.Response, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[str]]]:
    """A server that always answers the same, and notes the targets it was asked for."""
    asked: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(f"{request.method} {request.raw_path if request.method != 'CONNECT' else request.path}")
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


async def test_a_full_queue_is_a_connect_that_times_out() -> None:
    async with full_door() as port:
        exchange = await get(f"http://127.0.0.1:{port}/", within_s=0.5)
    assert (exchange.failed_phase, exchange.timed_out) == ("connect", True)
    assert exchange.error is not None
    assert exchange.error.startswith(f"connecting to 127.0.0.1:{port} timed out after 0.5")


async def test_a_name_is_looked_up_and_timed(maintainx: FakeMaintainX) -> None:
    exchange = await get(f"{maintainx.origin.replace('127.0.0.1', 'localhost')}/versions")
    assert exchange.code == 200
    assert exchange.timing.dns is not None
    assert exchange.timing.tls is None


async def test_a_second_request_on_the_same_line_reuses_name_and_connection(maintainx: FakeMaintainX) -> None:
    url = f"{maintainx.origin.replace('127.0.0.1', 'localhost')}/versions"
    async with Wire().line() as line:
        until = asyncio.get_running_loop().time() + 10
        await line.get(url, until=until)
        again = await line.get(url, until=until)
    assert (again.code, again.timing.dns, again.timing.connect) == (200, None, None)
    assert again.timing.first_byte is not None


async def test_plain_http_behind_https_is_a_tls_fault() -> None:
    async with served(web.Response(text="x")) as (port, _):
        exchange = await get(f"https://127.0.0.1:{port}/")
    assert exchange.failed_phase == "tls"
    assert exchange.error is not None
    assert "agreeing on TLS" in exchange.error


async def test_a_long_body_is_cut_where_it_was_said() -> None:
    async with served(web.Response(body=b"x" * 500_000)) as (port, _):
        exchange = await get(f"http://127.0.0.1:{port}/", max_body=1000)
    assert 1000 <= len(exchange.body) < 500_000


@pytest.mark.parametrize(
    ("body", "named", "html"),
    [
        (b"<!DOCTYPE html><p>", "text/html", True),
        (b'{"data": {}}', "text/html", False),
        (b"\n <HTML>", "application/json", True),
        (b"Invalid authentication token", "text/html", True),
        (b"[]", "application/json", False),
    ],
)
async def test_the_body_decides_whether_it_is_a_page(body: bytes, named: str, html: bool) -> None:
    async with served(web.Response(body=body, content_type=named)) as (port, _):
        assert (await get(f"http://127.0.0.1:{port}/")).html is html


async def test_a_proxy_of_the_environment_serves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy looks the name up, so a name that only the proxy knows is no fault of ours."""
    async with served(web.Response(text="from the proxy")) as (port, asked):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        exchange = await get("http://api.nowhere.invalid/v1/users")
    assert (exchange.code, exchange.body, exchange.timing.dns) == (200, b"from the proxy", None)
    assert asked == ["GET http://api.nowhere.invalid/v1/users"]


async def test_no_proxy_stands_before_this_machine(
    maintainx: FakeMaintainX, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await get(f"{maintainx.origin}/versions")).code == 200


async def test_a_proxy_that_cannot_be_used_is_said_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in ("socks5://127.0.0.1:9", "gopher://127.0.0.1:9", "http://127.0.0.1:9"):
        monkeypatch.setenv("all_proxy", proxy)
        exchange = await get("http://api.nowhere.invalid/v1/users")
        assert exchange.error is not None


async def test_no_proxy_in_the_environment_s_list_of_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "nowhere.invalid")
    exchange = await get("http://api.nowhere.invalid/v1/users")
    assert exchange.failed_phase == "dns"  # asked for by name, so not given to the proxy
