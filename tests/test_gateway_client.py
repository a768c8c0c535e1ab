"""The client of the gateway's admin routes: what it asks, and that every trouble becomes a sentence."""

import asyncio

import pytest
from aiohttp import web

from bot.errors import OutsideError
from bot.gateway_client import GatewayClient
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.wound_clock import WoundClock


async def test_every_route_is_asked_as_the_contract_says() -> None:
    async with (
        GatewayStandIn(WoundClock()).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        await client.status(window_s=3600)
        await client.policy()
        await client.put_lease("run/1", {"rate_per_s": 1.0, "owner": "cli:a@b", "reason": "r", "ttl_s": 60})
        assert set(gateway.leases) == {"run/1"}
        await client.delete_lease("run/1", owner="cli:a@b", reason="over")
        assert gateway.leases == {}
        await client.delete_lease("run/1", owner="cli:a@b", reason="over")
        await client.events(0)
        await client.spent(3)
        (write,) = gateway.buffer.take(state="unknown")
        await client.buffer(state="unknown", limit=5, cursor="0")
        await client.buffered(write)
        await client.decide(write, "arrived", owner="cli:a@b", reason="seen there")
        await client.replay()
        await client.control_replay("start", owner="cli:a@b", reason="r", dry_run=True)
        assert gateway.calls == [
            "GET /-/status?window_s=3600",
            "GET /-/policy",
            "PUT /-/leases/run%2F1",
            "DELETE /-/leases/run%2F1",
            "DELETE /-/leases/run%2F1",
            "GET /-/events?after=0",
            "POST /-/spent",
            "GET /-/buffer?state=unknown&limit=5&cursor=0",
            f"GET /-/buffer/{write}",
            f"POST /-/buffer/{write}",
            "GET /-/replay",
            "POST /-/replay",
        ]


async def test_nobody_there() -> None:
    async with GatewayStandIn(WoundClock()).serve() as gateway:
        url = gateway.url
    async with GatewayClient.open(url, token=TOKEN) as client:
        with pytest.raises(OutsideError, match="start it with `mx gateway`") as refused:
            await client.policy()
    assert not refused.value.permanent


async def test_the_wrong_token_is_named_but_never_shown() -> None:
    async with (
        GatewayStandIn(WoundClock()).serve() as gateway,
        GatewayClient.open(gateway.url, token="wrong-one") as client,
    ):
        with pytest.raises(OutsideError, match="MX_GATEWAY_TOKEN") as refused:
            await client.policy()
    assert refused.value.permanent
    assert "wrong-one" not in str(refused.value)


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (409, True), (500, False), (503, False)])
async def test_the_gateways_own_words_are_passed_on(status: int, permanent: bool) -> None:
    async with (
        GatewayStandIn(WoundClock()).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        gateway.broken = status
        with pytest.raises(OutsideError, match="the disk is full") as refused:
            await client.put_lease("r", {})
    assert refused.value.permanent is permanent


async def test_an_answer_that_is_lost_is_not_permanent() -> None:
    async with (
        GatewayStandIn(WoundClock()).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        gateway.drop_answer_of = "PUT"
        with pytest.raises(OutsideError, match="the connection broke") as lost:
            await client.put_lease("r", {"owner": "cli:a@b", "ttl_s": 60})
    assert not lost.value.permanent
    assert set(gateway.leases) == {"r"}


async def test_something_else_listens_there() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>hello</html>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/-/policy", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with GatewayClient.open(f"http://127.0.0.1:{runner.addresses[0][1]}", token=None) as client:
            with pytest.raises(OutsideError, match="not JSON"):
                await client.policy()
            with pytest.raises(OutsideError, match="MX_GATEWAY_URL"):
                await client.status()
    finally:
        await runner.cleanup()


async def test_a_gateway_that_hangs_is_given_up() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_get("/-/policy", hang)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with GatewayClient.open(url, token=None, deadline_s=0.3) as client:
            with pytest.raises(OutsideError, match=r"no answer within 0\.3 s"):
                await client.policy()
    finally:
        await runner.cleanup()


async def test_a_proxy_in_the_environment_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with (
        GatewayStandIn(WoundClock()).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        assert await client.policy() is not None


async def test_a_url_that_is_none_is_a_sentence() -> None:
    async with GatewayClient.open("http://[", token=None) as client:
        with pytest.raises(OutsideError, match="MX_GATEWAY_URL"):
            await client.policy()
