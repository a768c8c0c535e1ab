"""``verify-traffic`` with ``errors_below``: the share of failed requests, before and after."""

from collections.abc import Callable

import pytest

from bot.gateway_client import GatewayClient
from bot.ports import Step
from bot.steps.traffic import VerifyTraffic
from tests.gateway_standin import GatewayStandIn
from tests.steps.around import context
from tests.wound_clock import WoundClock

CONTEXT = context(answered=20, within_s=120, errors_below=0.05)


@pytest.fixture
def step(client: GatewayClient, clock: WoundClock) -> Step:
    return VerifyTraffic(client, clock)


def each_second(gateway: GatewayStandIn, status: Callable[[float], int]) -> Callable[[float], None]:
    began = gateway.clock.monotonic()
    return lambda _: gateway.traffic(status(gateway.clock.monotonic() - began))


async def test_the_share_before_and_after_is_told(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    gateway.traffic(503, times=30)
    gateway.traffic(200, times=70)
    before = await step.before(CONTEXT)
    assert before == {"errors": "30 of 100 requests failed (30%)"}
    clock.wind(30)
    clock.on_tick = each_second(gateway, lambda passed: 503 if passed <= 10 else 200)
    result = await step.act(CONTEXT, before)
    assert result.outcome == "done"
    assert result.says.startswith("errors are few: 2 of 60 requests failed (3%), after 68 s")
    assert result.says.endswith("; in the ten minutes before, 30 of 100 requests failed (30%)")


async def test_429s_are_no_errors_here(step: Step, gateway: GatewayStandIn, clock: WoundClock) -> None:
    clock.on_tick = each_second(gateway, lambda _: 429)
    result = await step.act(CONTEXT, {})
    assert (result.outcome, result.evidence) == ("done", ("20 answered 429",))


async def test_it_fails_where_they_go_on(step: Step, gateway: GatewayStandIn, clock: WoundClock) -> None:
    clock.on_tick = each_second(gateway, lambda passed: 500 if passed % 4 == 0 else 200)
    result = await step.act(CONTEXT, {})
    assert result.outcome == "failed"
    assert (
        result.says
        == "the errors go on: 15 of 60 requests failed (25%) of the latest, fewer than 5.0% are wanted"
    )


async def test_requests_without_an_answer_are_errors(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    gateway.fates = {"answered": 20, "unread": 3, "unsent": 2, "unknown": 1, "limited": 50}
    clock.on_tick = each_second(gateway, lambda _: 200)
    result = await step.act(CONTEXT, {})
    assert result.outcome == "failed"
    assert "6 of 66 requests failed (9%)" in result.says
    assert "6 got no answer" in result.evidence


async def test_too_little_traffic_decides_nothing(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    result = await step.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert result.says.startswith(
        "no traffic to judge by: 0 requests in 120 s, 20 are needed; no request of the last hour"
    )
    gateway.broken = 503
    assert (await step.act(CONTEXT, {})).says.startswith("nothing could be watched: ")


async def test_the_plan_says_what_is_watched(step: Step, gateway: GatewayStandIn) -> None:
    gateway.traffic(503, times=3)
    gateway.traffic(200, times=9)
    planned = await step.plan(CONTEXT)
    assert (
        planned.says == "watch up to 120 s until fewer than 5.0% of the latest requests fail, of 20 at least"
    )
    assert planned.touches == "last hour: 3 of 12 requests failed (25%)"
    assert step.check({"answered": 5, "within_s": 60, "errors_below": 0}) == (
        "errors_below: 0 does not fit; write a number from 0.001 to 1",
    )
