"""The step ``verify-traffic``: the latest N answers decide; too few of them decide nothing."""

from collections.abc import Callable

import pytest

from bot.gateway_client import GatewayClient
from bot.ports import Step, StepContext
from bot.steps.traffic import VerifyTraffic
from tests.gateway_standin import GatewayStandIn
from tests.wound_clock import WoundClock

CONTEXT = StepContext(
    incident="mx-20261123-7f3a",
    run="run-1",
    playbook="rate-limited",
    actor="slack:U1",
    values={"answered": 5, "within_s": 60},
)


@pytest.fixture
def step(client: GatewayClient, clock: WoundClock) -> Step:
    return VerifyTraffic(client, clock)


def each_second(gateway: GatewayStandIn, status: Callable[[float], int | None]) -> Callable[[float], None]:
    """Produces one answer per second of the wound clock: the status for the seconds passed, None for no request."""
    began = gateway.clock.monotonic()

    def tick(_: float) -> None:
        answer = status(gateway.clock.monotonic() - began)
        if answer is not None:
            gateway.traffic(answer)

    return tick


def test_its_values_are_checked(step: Step) -> None:
    assert step.check({"answered": 5, "within_s": 60}) == ()
    assert step.check({"answered": 0, "for": 3}) == (
        "for: there is no such value; write one of answered, within_s, errors_below",
        "answered: 0 does not fit; write a whole number from 1 to 1000",
        "within_s: it is missing; write a whole number from 5 to 3600",
    )


async def test_done_when_the_429s_stop(step: Step, gateway: GatewayStandIn, clock: WoundClock) -> None:
    gateway.traffic(429, times=50)
    clock.on_tick = each_second(gateway, lambda passed: 429 if passed <= 10 else 200)
    result = await step.act(CONTEXT, {})
    assert result.outcome == "done"
    assert result.says.startswith("the 429s stopped: the latest 5 answers are free of 429, after 15 s")
    assert result.evidence == ("5 answered 200", "10 answered 429")


async def test_done_at_once_where_there_was_no_429(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    clock.on_tick = each_second(gateway, lambda _: 200)
    result = await step.act(CONTEXT, {})
    assert (result.outcome, result.says[:15]) == ("done", "no 429 was seen")


async def test_failed_when_they_go_on(step: Step, gateway: GatewayStandIn, clock: WoundClock) -> None:
    clock.on_tick = each_second(gateway, lambda passed: 429 if passed % 4 == 0 else 200)
    result = await step.act(CONTEXT, {})
    assert result.outcome == "failed"
    assert result.says.startswith("the 429s go on: 60 requests answered, 15 of them 429 in 60 s")


async def test_inconclusive_with_too_little_traffic(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    clock.on_tick = each_second(gateway, lambda passed: 200 if passed in (20, 40) else None)
    result = await step.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert result.says == (
        "no traffic to judge by: 2 requests answered, 0 of them 429 in 60 s, 5 answers are needed"
    )


async def test_no_traffic_at_all_says_how_to_route_it(step: Step) -> None:
    result = await step.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert result.says.startswith("no traffic to judge by")
    assert "set the integration's base URL to http://gateway:8081/v1" in result.says


async def test_a_gateway_that_goes_away_for_a_while_is_waited_for(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    answers = each_second(gateway, lambda _: 200)

    def tick(seconds: float) -> None:
        answers(seconds)
        gateway.broken = 503 if clock.monotonic() < 1030 else None

    clock.on_tick = tick
    assert (await step.act(CONTEXT, {})).outcome == "done"


async def test_a_gateway_that_stays_away_is_named(step: Step, gateway: GatewayStandIn) -> None:
    gateway.broken = 503
    result = await step.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert "the disk is full" in result.says


async def test_the_plan_tells_what_is_known(step: Step, gateway: GatewayStandIn) -> None:
    gateway.traffic(200, times=3)
    gateway.traffic(429)
    planned = await step.plan(CONTEXT)
    assert planned.says == "watch up to 60 s for 5 answers in a row without a 429"
    assert planned.touches == "last hour: 1 of 4 answers were 429"
    assert planned.undo_says == ""
    gateway.broken = 500
    assert "the disk is full" in (await step.plan(CONTEXT)).warnings[0]


async def test_it_only_reads_so_it_is_settled_by_watching_again_and_has_no_undo(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    clock.on_tick = each_second(gateway, lambda _: 200)
    observed = await step.observe(CONTEXT)
    assert observed is not None
    assert observed.outcome == "done"
    assert await step.undo(CONTEXT, {}) is None
    assert await step.before(CONTEXT) == {}
    assert gateway.leases == {}
