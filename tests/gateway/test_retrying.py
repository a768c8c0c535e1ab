"""Retries: only where nothing can happen twice, spaced by chance, and never more than their share of the traffic."""

import asyncio
import random
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.demo.maintainx import FakeMaintainX, Fault
from bot.gateway.backoff import Backoff
from bot.gateway.retrying import Retries
from bot.gateway.upstream import Lost
from bot.maintainx import RateHeaders
from tests.gateway.wires import RunningGateway, gateway, upstream

WIDE: dict[str, Any] = {"user_limit": 100_000, "organisation_limit": 100_000}
RETRY = {"retry": True, "owner": "slack:U1", "reason": "5xx", "ttl_s": 600}
SILENT = RateHeaders()


def retries(*, share: float = 1.0, tries: int = 3) -> Retries:
    dice = random.Random(1)  # noqa: S311 - repeatable, no secret
    made = Retries(share=share, tries=tries, longest_s=20.0, dice=dice)
    made.on = True
    return made


async def get(gw: RunningGateway, mx: FakeMaintainX) -> int:
    return (await gw.get("/v1/users", f"Authorization: Bearer {mx.key}")).status


async def test_a_read_that_meets_a_5xx_is_tried_again(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, retry_share=1.0, **WIDE) as gw,
    ):
        mx.break_(Fault("error", status=502, times=1))
        assert await get(gw, mx) == 502, "without the lease it is passed on"
        await gw.admin("PUT", "leases/r", RETRY)
        mx.break_(Fault("error", status=503, times=1))
        assert await get(gw, mx) == 200
        mx.break_(Fault("reset", times=1))
        assert await get(gw, mx) == 200
        assert [request.status for request in mx.requests] == [502, 503, 200, None, 200]


async def test_the_last_answer_is_passed_on_when_the_tries_are_used_up(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, retry_share=1.0, **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/r", RETRY)
        for _ in range(5):
            await get(gw, mx)
        mx.break_(Fault("error", status=500))
        mx.requests.clear()
        assert await get(gw, mx) == 500
        assert len(mx.requests) == 3


async def test_a_write_that_may_have_arrived_is_never_sent_twice(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, retry_share=1.0, **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/r", RETRY)
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            for fault in (Fault("reset", times=1), Fault("error", status=503, times=1)):
                mx.break_(fault)
                mx.requests.clear()
                answer = await gw.post("/v1/workorders/1", {"title": "x"}, method=method, key=mx.key)
                assert answer.status in (502, 503)
                assert len(mx.requests) == 1, (method, fault.kind)


async def test_a_write_that_could_not_connect_is_tried_again(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, retry_share=1.0, retry_tries=10, **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/r", RETRY)
        for _ in range(10):
            await get(gw, mx)
        away = Fault("refuse")
        mx.break_(away)
        mx.requests.clear()
        async with asyncio.TaskGroup() as group:
            small = group.create_task(gw.post("/v1/workorders", {"title": "x"}, key=mx.key))
            large = group.create_task(
                gw.post("/v1/workorders", {"title": "y", "description": "z" * 300_000}, key=mx.key)
            )
            await asyncio.sleep(0.1)
            mx.heal(away)
        assert (small.result().status, large.result().status) == (200, 200)
        assert len(mx.requests) == 2


def test_without_an_answer_only_what_was_never_sent_is_tried_again_with_any_method() -> None:
    for sent in (False, True):
        made = retries()
        lost = Lost("lost", "gone", sent=sent)
        assert (made.after_lost(lost, safe=False, tries=1, backoff=made.backoff()) is None) == sent
        made.count()
        assert made.after_lost(lost, safe=True, tries=1, backoff=made.backoff()) is not None


def test_what_maintainx_asks_for_is_waited_at_least() -> None:
    made = retries()
    made.count()
    made.count()
    wait_s = made.after_answer(503, RateHeaders(retry_after_s=7), safe=True, tries=1, backoff=made.backoff())
    assert wait_s == 7
    wait_s = made.after_answer(
        500, RateHeaders(remaining=0, reset_s=5), safe=True, tries=1, backoff=made.backoff()
    )
    assert wait_s == 5
    made.count()
    too_long = RateHeaders(retry_after_s=60)
    assert made.after_answer(503, too_long, safe=True, tries=1, backoff=made.backoff()) is None


def test_only_the_servers_own_trouble_is_tried_again() -> None:
    made = retries()
    for _ in range(30):
        made.count()
    tried = {
        status
        for status in range(200, 600)
        if made.after_answer(status, SILENT, safe=True, tries=1, backoff=made.backoff()) is not None
    }
    assert tried == {500, 502, 503, 504}
    assert (
        made.after_lost(Lost("client", "left", sent=False), safe=True, tries=1, backoff=made.backoff())
        is None
    )


@given(st.lists(st.booleans(), max_size=400), st.sampled_from([0.0, 0.1, 0.5]))
def test_retries_stay_below_their_share_of_the_traffic(failing: list[bool], share: float) -> None:
    made = retries(share=share, tries=2)
    again = 0
    for requests, failed in enumerate(failing, 1):
        made.count()
        if failed and made.after_answer(503, SILENT, safe=True, tries=1, backoff=made.backoff()) is not None:
            again += 1
        assert again <= requests * share + (1 if share else 0)


@given(st.integers(0, 60), st.floats(0.01, 5), st.floats(5, 600))
def test_a_backoff_grows_by_chance_within_its_bound(failures: int, first_s: float, longest_s: float) -> None:
    dice = random.Random(failures)  # noqa: S311 - repeatable, no secret
    backoff = Backoff(first_s=first_s, longest_s=longest_s, dice=dice)
    for number in range(failures):
        assert 0 <= backoff.next() <= min(longest_s, first_s * 2.0 ** min(number, 30))
    assert backoff.next(999.0) >= 999.0


async def test_retries_pass_the_limiter_like_any_request(tmp_path: Path) -> None:
    async with upstream(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") as up:
        limits: dict[str, Any] = {"user_limit": 2, "organisation_limit": 100, "max_wait_s": 0.0}
        async with gateway(up.url, tmp_path, retry_share=1.0, retry_tries=5, **limits) as gw:
            await gw.admin("PUT", "leases/r", RETRY)
            answer = await gw.get("/v1/users")
            assert answer.status == 429
            assert answer.one("X-MX-Limited") == b"budget"
            assert len(up.requests) == 2
