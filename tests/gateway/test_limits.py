"""Limits on live traffic: rate, pauses, priority, MaintainX's own budget; each answer marked as the gateway's."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.clock import FakeClock
from tests.gateway.wires import Message, RunningGateway, gateway, upstream

LEASE = {"owner": "cli:ann@host", "reason": "mx-1", "ttl_s": 600}


async def statuses(gw: RunningGateway, count: int, target: str = "/v1/users", *headers: str) -> list[int]:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(gw.get(target, *headers)) for _ in range(count)]
    return [task.result().status for task in asked]


async def until_waiting(gw: RunningGateway, count: int) -> None:
    async with asyncio.timeout(10):
        while (await gw.admin("GET", "status")).json()["waiting"] < count:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)


async def test_a_request_over_the_rate_waits_and_then_gets_429(tmp_path: Path) -> None:
    clock = FakeClock()
    async with upstream() as up, gateway(up.url, tmp_path, clock=clock, max_wait_s=0.45) as gw:
        assert (await gw.admin("PUT", "leases/r1", {**LEASE, "rate_per_s": 5.0})).status == 200
        assert (await gw.get()).status == 200
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(gw.get()) for _ in range(6)]
            await until_waiting(gw, 6)
            await clock.advance(0.44)
            await until_settled(asked, 2)
            await clock.advance(0.02)
        assert sorted(task.result().status for task in asked) == [200, 200, 429, 429, 429, 429]
        assert len(up.requests) == 3
        status = (await gw.admin("GET", "status?window_s=60")).json()
        assert status["traffic"]["by_status"] == {"200": 3}
        assert status["traffic"]["limited"] == {"rate": 4}
        assert status["traffic"]["total"] == 7


async def until_settled(asked: list[asyncio.Task[Message]], count: int) -> None:
    for finished in range(count):
        async with asyncio.timeout(10):
            if sum(task.done() for task in asked) <= finished:
                pending = [task for task in asked if not task.done()]
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    assert sum(task.done() for task in asked) == count


async def test_the_429_says_it_is_the_gateways_and_when_to_come_back(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path, max_wait_s=0.0) as gw:
        await gw.admin("PUT", "leases/r1", {**LEASE, "rate_per_s": 0.1})
        assert (await gw.get()).status == 200
        answer = await gw.get()
        assert answer.status == 429
        assert answer.one("X-MX-Limited") == b"rate"
        assert answer.one("Content-Type") == b"application/json"
        assert 1 <= int(answer.one("Retry-After") or b"") <= 10
        assert "limits requests to 0.1 per second" in answer.json()["error"]
        assert len(up.requests) == 1


async def test_a_paused_job_gets_503_at_once_by_path_and_by_header(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.admin("PUT", "leases/r1", {**LEASE, "paused_jobs": ["asset-sync", "nightly"], "ttl_s": 30})
        for target, *headers in (
            ("/v1/assets?limit=100",),
            ("/v1/locations",),
            ("/v1/users", "X-MX-Job: asset-sync"),
            ("/v1/users", "X-MX-Job: nightly"),
        ):
            answer = await gw.get(target, *headers)
            assert (answer.status, answer.one("X-MX-Limited")) == (503, b"paused")
            assert 1 <= int(answer.one("Retry-After") or b"") <= 30
        assert (await gw.get("/v1/workorders")).status == 200
        assert (await gw.get("/v1/assets", "X-MX-Job: other")).status == 200
        assert (await gw.get("/v1/assets", "X-MX-Job: not a name")).status == 503
        assert len(up.requests) == 2
        assert (await gw.admin("DELETE", "leases/r1", {"owner": "bob"})).json() == {"id": "r1", "ended": True}
        assert (await gw.get("/v1/assets")).status == 200


async def test_the_critical_lane_goes_first(tmp_path: Path) -> None:
    clock = FakeClock()
    async with upstream() as up, gateway(up.url, tmp_path, clock=clock) as gw:
        await gw.admin("PUT", "leases/r1", {**LEASE, "rate_per_s": 1.0})
        assert (await gw.get()).status == 200
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(gw.get(f"/v1/users?n={n}")) for n in range(4)]
            await until_waiting(gw, 4)
            critical = [group.create_task(gw.get(f"/v1/workorders?n={n}")) for n in range(2)]
            await until_waiting(gw, 6)
            await clock.advance(2.0)
            await asyncio.wait(critical)
            assert not any(task.done() for task in others)
            await gw.admin("DELETE", "leases/r1")
        assert [r.start.split()[1][:13] for r in up.requests[1:3]] == [b"/v1/workorder"] * 2
        assert len(up.requests) == 7


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /v1/left HTTP/1.1\r\nHost: g\r\n\r\n",
        b"POST /v1/left HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
async def test_who_leaves_while_waiting_gives_the_slot_up(
    tmp_path: Path, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.admin("PUT", "leases/r1", {**LEASE, "rate_per_s": 2.0})
        assert (await gw.get()).status == 200
        for _ in range(5):
            async with gw.connected() as (_, writer):
                writer.write(request_)
                await writer.drain()
                await asyncio.sleep(0.02)
        started = time.monotonic()
        assert (await gw.get()).status == 200
        assert time.monotonic() - started < 2.0
        assert all(b"/v1/left" not in request.start for request in up.requests)
        status = (await gw.admin("GET", "status")).json()
        assert status["traffic"]["failed"] == {"client": 5}
        assert status["upstream"]["failures_in_a_row"] == 0
    assert not caplog.records


async def test_the_end_of_a_lease_lets_those_go_who_wait(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.admin("PUT", "leases/r1", {**LEASE, "rate_per_s": 0.05})
        assert (await gw.get()).status == 200
        async with asyncio.TaskGroup() as group, asyncio.timeout(5):
            waiting = [group.create_task(gw.get()) for _ in range(3)]
            await asyncio.sleep(0.05)
            await gw.admin("DELETE", "leases/r1")
        assert [task.result().status for task in waiting] == [200, 200, 200]
        assert len(up.requests) == 4


async def test_a_pause_reaches_those_who_wait(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.admin("PUT", "leases/r1", {**LEASE, "rate_per_s": 0.05})
        assert (await gw.get()).status == 200
        async with asyncio.TaskGroup() as group, asyncio.timeout(5):
            waiting = group.create_task(gw.get("/v1/assets"))
            await asyncio.sleep(0.05)
            await gw.admin("PUT", "leases/r2", {**LEASE, "paused_jobs": ["asset-sync"]})
        assert waiting.result().status == 503
        assert len(up.requests) == 1


async def test_maintainx_own_limit_is_kept_without_any_lease(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path, user_limit=3, max_wait_s=0.05) as gw:
        found = await statuses(gw, 5, "/v1/users", "Authorization: Bearer a")
        assert sorted(found) == [200, 200, 200, 429, 429]
        assert (await gw.get("/v1/users", "Authorization: Bearer b")).status == 200
        answer = await gw.get("/v1/users", "Authorization: Bearer a")
        assert (answer.status, answer.one("X-MX-Limited")) == (429, b"budget")
        assert 50 <= int(answer.one("Retry-After") or b"") <= 60
        assert len(up.requests) == 4
        status = (await gw.admin("GET", "status")).json()
        assert status["budget"]["left"] == 0
        assert status["budget"]["limit"] == 3
        assert status["traffic"]["limited"] == {"budget": 3}


async def test_maintainx_headers_count_more_than_our_own_count(tmp_path: Path) -> None:
    told = b"X-Rate-Limit-Limit: 100\r\nX-Rate-Limit-Remaining: 0\r\nX-Rate-Limit-Reset: 1\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + told + b"\r\nok"
    async with upstream(answer) as up, gateway(up.url, tmp_path, max_wait_s=5.0) as gw:
        assert (await gw.get()).status == 200
        started = time.monotonic()
        assert (await gw.get()).status == 200
        assert time.monotonic() - started >= 0.9
        assert len(up.requests) == 2


async def test_what_the_bot_spent_counts(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path, user_limit=10, max_wait_s=0.0) as gw:
        assert (await gw.admin("POST", "spent", {"requests": 8})).json() == {"left": 2, "limit": 10}
        assert await statuses(gw, 2) == [200, 200]
        assert await statuses(gw, 1) == [429]
        assert len(up.requests) == 2


async def test_what_never_reached_maintainx_spends_nothing(tmp_path: Path, free_port: int) -> None:
    async with gateway(f"http://127.0.0.1:{free_port}/v1", tmp_path, user_limit=3, max_wait_s=0.0) as gw:
        for _ in range(4):
            assert await statuses(gw, 3) == [502] * 3
        assert (await gw.admin("GET", "status")).json()["budget"]["left"] == 3
