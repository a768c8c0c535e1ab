"""The step ``gateway`` with a buffer: what a playbook may ask, what its plan says, and what its undo leaves waiting."""

from dataclasses import replace

import pytest

from bot.gateway_client import GatewayClient
from bot.playbook import load
from bot.ports import Step, StepContext
from bot.steps.gateway import GatewayStep
from tests.gateway_standin import GatewayStandIn
from tests.wound_clock import WoundClock

PLAYBOOK = """
name = "ride-it-out"
title = "Buffer writes"
button = "Buffer writes"
fits = []
when = "MaintainX is down."

[[steps]]
kind = "gateway"
buffer = "auto"
retry = true
poll = true
ttl_s = 7200
"""


@pytest.fixture
def step(client: GatewayClient, clock: WoundClock) -> Step:
    return GatewayStep(client, clock)


@pytest.fixture
def context(step: Step) -> StepContext:
    playbook = load(PLAYBOOK, source="ride-it-out.toml", steps={"gateway": step})
    (only,) = playbook.steps
    return StepContext(
        incident="mx-20261123-7f3a", run="run-1", playbook=playbook.name, actor="slack:U1", values=only.values
    )


async def test_the_plan_says_what_happens_to_writes_and_to_what_waits(
    step: Step, context: StepContext, gateway: GatewayStandIn
) -> None:
    gateway.traffic(503, times=12)
    planned = await step.plan(context)
    assert planned.says == (
        "buffer writes on disk as soon as the gateway finds MaintainX down, retry safe requests and "
        "poll for what webhooks do not bring, for 120 minutes"
    )
    assert planned.touches == "last hour: 12 requests passed the gateway"
    assert (
        planned.undo_says == "end this lease and no other; what is buffered stays until the replay is started"
    )


async def test_the_lease_asks_for_all_of_it_and_is_known_again(
    step: Step, context: StepContext, gateway: GatewayStandIn
) -> None:
    gateway.traffic(503)
    result = await step.act(context, await step.before(context))
    lease = gateway.leases["run-1"]
    assert (lease["buffer"], lease["retry"], lease["poll"]) == ("auto", True, True)
    assert "rate_per_s" not in lease
    assert result.says == (
        "gateway: writes buffered once MaintainX is down; safe requests retried; webhooks polled, without comments and deletes until 14:00 UTC"
    )
    assert result.started is not None
    undo = replace(context, run="run-2", undoes="run-1", leases=(result.started,))
    assert (await step.plan(undo)).warnings == ()
    gateway.leases["run-1"]["buffer"] = "on"
    assert "was changed since" in (await step.plan(undo)).warnings[0]


async def test_undo_says_what_waits_now_and_how_it_is_sent(
    step: Step, context: StepContext, gateway: GatewayStandIn
) -> None:
    before = await step.before(context)
    result = await step.act(context, before)
    assert result.started is not None
    gateway.buffer.take(137)
    undo = replace(context, run="run-2", undoes="run-1", leases=(result.started,), before=before)
    assert (await step.plan(undo)).says.endswith("Before it: no limit")
    ended = await step.undo(undo, {})
    assert ended is not None
    assert ended.says == (
        "the lease is off; the gateway has no limit of ours on; 137 writes wait for the replay: start it on the "
        "card, or with mx replay"
    )
    assert len(gateway.buffer.of("waiting")) == 137


async def test_polling_is_of_use_where_no_request_passes_and_a_buffer_is_not(
    step: Step, context: StepContext
) -> None:
    polling = await step.act(replace(context, values={"poll": True}), {})
    assert polling.outcome == "done"
    buffering = await step.act(replace(context, values={"buffer": "on"}), {})
    assert buffering.outcome == "inconclusive"
    assert "set the integration's base URL to" in buffering.says
