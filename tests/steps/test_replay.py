"""The step ``replay``: ends its own buffering, starts the replay once, follows it, and says what is left to whom."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.mitigation import Lease
from bot.gateway_client import GatewayClient
from bot.ports import Step, StepContext
from bot.steps.replay import ReplayStep
from tests.gateway_standin import GatewayStandIn
from tests.wound_clock import START, WoundClock

LEASE = Lease(
    id="run-1",
    run="run-1",
    playbook="platform-outage",
    says="gateway: writes buffered",
    owner="slack:U1",
    reason="outage",
    since=START,
    expires_at=START + timedelta(hours=4),
)
CONTEXT = StepContext(
    incident="mx-20261123-7f3a",
    run="run-1",
    playbook="platform-outage",
    actor="slack:U1",
    values={"within_s": 600},
    leases=(LEASE,),
)


@pytest.fixture
def step(client: GatewayClient, clock: WoundClock) -> Step:
    return ReplayStep(client, clock)


@pytest.fixture
async def buffering(client: GatewayClient, gateway: GatewayStandIn) -> GatewayStandIn:
    """The gateway buffers by this run's lease, and three writes wait."""
    await client.put_lease("run-1", {"buffer": "on", "owner": "slack:U1", "reason": "outage", "ttl_s": 14400})
    gateway.buffer.take(3)
    return gateway


def delivers(gateway: GatewayStandIn, clock: WoundClock) -> None:
    """One write is delivered each second while the replay runs."""
    clock.on_tick = lambda _: (
        gateway.buffer.deliver() if gateway.buffer.progress["state"] == "running" else None
    )


async def test_the_plan_counts_what_waits_and_gives_the_button_its_words(
    step: Step, buffering: GatewayStandIn
) -> None:
    planned = await step.plan(CONTEXT)
    assert (
        planned.says
        == "end this run's buffering, and deliver what waits at the gateway, in order, behind live traffic"
    )
    assert (planned.button, planned.undo_says, planned.waits) == ("Replay 3 writes", None, True)
    buffering.broken = 503
    unknown = await step.plan(CONTEXT)
    assert unknown.button == ""
    assert "503" in unknown.warnings[0]


async def test_it_ends_its_buffering_and_delivers_all(
    step: Step, buffering: GatewayStandIn, clock: WoundClock
) -> None:
    delivers(buffering, clock)
    result = await step.act(CONTEXT, {})
    assert (result.outcome, result.says, result.ended) == ("done", "3 of 3 writes delivered", "run-1")
    assert buffering.leases == {}


async def test_while_somebody_else_buffers_nothing_is_started(
    step: Step, buffering: GatewayStandIn, client: GatewayClient
) -> None:
    await client.put_lease("manual", {"buffer": "on", "owner": "eve", "reason": "by hand", "ttl_s": 600})
    result = await step.act(CONTEXT, {})
    assert result.outcome == "failed"
    assert result.says == (
        "writes are still buffered by manual of eve, so no replay is started; end that first, then try again"
    )
    assert buffering.buffer.progress["state"] == "idle"


async def test_a_write_of_unknown_fate_is_left_to_a_person(
    step: Step, buffering: GatewayStandIn, clock: WoundClock
) -> None:
    buffering.buffer.take(1, state="unknown", parked=True)
    delivers(buffering, clock)
    result = await step.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert "1 write of unknown fate waits for a person's word: decide on the card" in result.says


async def test_a_replay_that_is_held_is_a_failure_that_says_what_to_do(
    step: Step, buffering: GatewayStandIn, clock: WoundClock
) -> None:
    def hold(_: float) -> None:
        if buffering.buffer.progress["state"] == "running":
            buffering.buffer.progress["state"] = "paused"

    clock.on_tick = hold
    result = await step.act(CONTEXT, {})
    assert result.outcome == "failed"
    assert "the replay is held" in result.says
    assert "Resume it on the card, or try again" in result.says
    delivers(buffering, clock)  # tried again, it goes on
    again = await step.act(replace(CONTEXT, leases=()), {})
    assert (again.outcome, again.says) == ("done", "3 of 3 writes delivered")


async def test_nothing_that_waits_is_nothing_to_do(step: Step, gateway: GatewayStandIn) -> None:
    result = await step.act(replace(CONTEXT, leases=()), {})
    assert (result.outcome, result.says) == ("done", "nothing waits at the gateway")


async def test_after_a_crash_the_gateway_is_looked_at(
    step: Step, buffering: GatewayStandIn, client: GatewayClient, clock: WoundClock
) -> None:
    before_it = await step.observe(CONTEXT)
    assert before_it is not None
    assert before_it.says == "mx stopped before the replay was started; 3 writes wait. Try again"
    assert before_it.ended is None
    await client.delete_lease("run-1", owner="slack:U1", reason="x")
    await client.control_replay("start", owner="slack:U1", reason="x")
    delivers(buffering, clock)
    amid = await step.observe(CONTEXT)
    assert amid is not None
    assert (amid.outcome, amid.says, amid.ended) == ("done", "3 of 3 writes delivered", "run-1")
    assert [entry["what"] for entry in buffering.log].count("replay_started") <= 1
