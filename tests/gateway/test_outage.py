"""``buffer: auto``: traffic passes until the gateway itself judges MaintainX down; it asks until it is back."""

import asyncio
from pathlib import Path
from typing import Any

from bot.demo.maintainx import FakeMaintainX, Fault
from bot.gateway.buffer.settings import BufferSettings
from tests.gateway.wires import RunningGateway, gateway
from tests.keys import HeldKey

WIDE: dict[str, Any] = {"user_limit": 100_000, "organisation_limit": 100_000}
AUTO = {"buffer": "auto", "owner": "slack:U1", "reason": "5xx", "ttl_s": 600}
QUICK: dict[str, Any] = {
    "down_after": 3,
    "up_after": 2,
    "ask_every_s": 0.05,
    "settle_s": 0.0,
    "replay_share": 1.0,
}


async def mode(gw: RunningGateway, wanted: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            status: dict[str, Any] = (await gw.admin("GET", "status")).json()
            if status["mode"] == wanted:
                return status
            await asyncio.sleep(0.02)


async def events(gw: RunningGateway, *names: str) -> list[dict[str, Any]]:
    found = (await gw.admin("GET", "events")).json()["events"]
    return [event for event in found if event["what"] in names]


async def write(gw: RunningGateway, mx: FakeMaintainX, title: str) -> int:
    return (await gw.post("/v1/workorders", {"title": title}, key=mx.key)).status


async def test_auto_passes_until_maintainx_is_down_then_buffers_and_says_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=BufferSettings(**QUICK), **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/a", AUTO)
        assert await write(gw, mx, "passes") == 200
        assert (await gw.admin("GET", "policy")).json()["mode"] == "pass"
        outage = Fault("error", status=503)
        mx.break_(outage)
        assert [await write(gw, mx, "lost") for _ in range(3)] == [503, 503, 503]
        down = await mode(gw, "buffering")
        assert down["circuit"]["state"] == "open"
        assert "3 failures in a row" in down["circuit"]["says"]
        assert await write(gw, mx, "kept") == 202
        mx.heal(outage)
        await mode(gw, "draining")
        assert await write(gw, mx, "behind") == 202
        assert (await gw.admin("GET", "replay")).json()["state"] == "idle", "a person clicks"
        told = await events(gw, "circuit_opened", "circuit_closed")
        assert [event["what"] for event in told] == ["circuit_opened", "circuit_closed"]
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        await mode(gw, "pass")
        made = [row["title"] for row in mx.workorders.values()][-3:]
        assert made == ["passes", "kept", "behind"]


async def test_auto_starts_the_replay_alone_where_the_configuration_says_so(tmp_path: Path) -> None:
    settings = BufferSettings(**QUICK, auto_replay=True)
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=settings, **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/a", AUTO)
        outage = Fault("refuse")
        mx.break_(outage)
        assert [await write(gw, mx, "lost") for _ in range(3)] == [502, 502, 502]
        await mode(gw, "buffering")
        assert await write(gw, mx, "kept") == 202
        mx.heal(outage)
        await mode(gw, "pass")
        assert [row["title"] for row in mx.workorders.values()][-1] == "kept"
        (started,) = await events(gw, "replay_started")
        assert started["actor"] == "gateway"


async def test_a_refusal_is_no_outage(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=BufferSettings(**QUICK), **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/a", AUTO)
        for _ in range(5):
            assert (await gw.get("/v1/workorders", "Authorization: Bearer nobody")).status == 401
            assert (await gw.get("/v1/nothing", f"Authorization: Bearer {mx.key}")).status == 404
        assert (await gw.admin("GET", "status")).json()["circuit"]["state"] == "closed"


async def test_without_a_lease_the_circuit_only_watches(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=BufferSettings(**QUICK), **WIDE) as gw,
    ):
        outage = Fault("error", status=502)
        mx.break_(outage)
        assert [await write(gw, mx, "lost") for _ in range(4)] == [502] * 4
        status = (await gw.admin("GET", "status")).json()
        assert (status["mode"], status["circuit"]["state"]) == ("pass", "open")
        mx.heal(outage)
        assert [await write(gw, mx, "fine") for _ in range(2)] == [200, 200]
        assert (await gw.admin("GET", "status")).json()["circuit"]["state"] == "closed"


async def test_an_outage_in_the_replay_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(
            mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=BufferSettings(**QUICK, concurrency=1), **WIDE
        ) as gw,
    ):
        await gw.admin("PUT", "policy", {"mode": "buffering", "owner": "u", "reason": "r", "ttl_s": 600})
        for n in range(6):
            assert await write(gw, mx, f"W{n}") == 202
        await gw.admin("PUT", "policy", {"mode": "pass", "owner": "u"})
        mx.break_(Fault("reset", methods=("POST",), times=3))
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        async with asyncio.timeout(20):
            while (found := (await gw.admin("GET", "replay")).json())["state"] != "paused":  # noqa: ASYNC110 - another task
                await asyncio.sleep(0.02)
        assert "MaintainX is down" in found["says"]
        await gw.admin("POST", "replay", {"action": "resume", "owner": "slack:U1"})
        await mode(gw, "pass")
        made = [str(row["title"]) for row in mx.workorders.values() if str(row["title"]).startswith("W")]
        assert sorted(made) == [f"W{n}" for n in range(6)]
