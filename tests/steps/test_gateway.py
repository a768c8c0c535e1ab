"""The step ``gateway``: the lease it puts, what its plan says, and that undo ends this lease and no other."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from pydantic import JsonValue

from bot.errors import OutsideError
from bot.gateway_client import GatewayClient
from bot.ports import Step, StepContext
from bot.steps.gateway import GatewayStep
from tests.gateway_standin import GatewayStandIn
from tests.wound_clock import WoundClock

VALUES: Mapping[str, JsonValue] = {
    "rate_per_s": 1.0,
    "paused_jobs": ["asset-sync", "report-generator"],
    "ttl_s": 3600,
}
EFFECTS = "rate_per_s, paused_jobs, buffer, retry, poll, forward"
CONTEXT = StepContext(
    incident="mx-20261123-7f3a", run="run-1", playbook="rate-limited", actor="slack:U1", values=VALUES
)
MANUAL = {"id": "manual", "rate_per_s": 0.5, "owner": "slack:U9", "reason": "by hand"}


@pytest.fixture
def step(client: GatewayClient, clock: WoundClock) -> Step:
    return GatewayStep(client, clock)


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        (VALUES, ()),
        ({"rate_per_s": 5}, ()),
        (
            {"paused_jobs": ["critical"]},
            ("paused_jobs: critical is the lane that always goes first; leave it out",),
        ),
        ({"rate_per_s": 0}, ("rate_per_s: 0 does not fit; write a number from 0.01 to 1000",)),
        ({"rate_per_s": True}, ("rate_per_s: True does not fit; write a number from 0.01 to 1000",)),
        ({"ttl_s": 60}, (f"rate_per_s: it is missing; write at least one of {EFFECTS}",)),
        ({"buffer": "on"}, ()),
        ({"buffer": "auto", "retry": True, "poll": True}, ()),
        (
            {"buffer": True, "retry": False, "poll": "yes"},
            (
                'buffer: True does not fit; write "on" or "auto"',
                "retry: False does not fit; write true, or leave it out",
                "poll: 'yes' does not fit; write true, or leave it out",
            ),
        ),
        (
            {"paused_jobs": "asset-sync", "ttl_s": 1.5, "rate": 1},
            (
                f"rate: there is no such value; write one of {EFFECTS}, ttl_s",
                "paused_jobs: 'asset-sync' does not fit; write a list of names, such as [\"asset-sync\"]",
                "ttl_s: 1.5 does not fit; write a whole number from 30 to 86400",
            ),
        ),
    ],
)
def test_wrong_values_are_told_with_what_to_write(
    step: Step, values: Mapping[str, JsonValue], faults: tuple[str, ...]
) -> None:
    assert step.check(values) == faults


async def test_the_plan_counts_what_the_last_hour_would_have_felt(
    step: Step, gateway: GatewayStandIn
) -> None:
    gateway.traffic(200, times=300)
    gateway.traffic(200, lane="asset-sync", times=100)
    gateway.traffic(429, lane="asset-sync", times=12)
    planned = await step.plan(CONTEXT)
    assert planned.says == (
        "limit the gateway to 1 request per second and pause asset-sync and report-generator, for 60 minutes"
    )
    assert (
        planned.touches == "last hour: 412 requests under the rate; asset-sync 112, report-generator 0 paused"
    )
    assert planned.warnings == ()
    assert gateway.leases == {}


async def test_the_plan_says_how_to_route_where_no_traffic_passes(step: Step) -> None:
    planned = await step.plan(CONTEXT)
    assert planned.touches == ""
    assert "set the integration's base URL to http://gateway:8081/v1" in planned.warnings[0]


async def test_the_plan_is_shown_even_where_the_gateway_is_down(step: Step, gateway: GatewayStandIn) -> None:
    gateway.broken = 500
    planned = await step.plan(CONTEXT)
    assert "1 request per second" in planned.says
    assert "the disk is full" in planned.warnings[0]


async def test_the_act_puts_a_lease_named_for_the_run(
    step: Step, gateway: GatewayStandIn, clock: WoundClock
) -> None:
    gateway.traffic(429)
    result = await step.act(CONTEXT, await step.before(CONTEXT))
    assert result.outcome == "done"
    assert result.says == (
        "gateway at 1 request per second; asset-sync and report-generator paused until 13:00 UTC"
    )
    assert result.started is not None
    assert (result.started.id, result.started.owner, result.started.since) == (
        "run-1",
        "slack:U1",
        clock.now(),
    )
    lease = gateway.leases["run-1"]
    assert (lease["rate_per_s"], lease["paused_jobs"], lease["ttl_s"]) == (
        1.0,
        ["asset-sync", "report-generator"],
        3600,
    )
    assert (lease["owner"], lease["reason"]) == ("slack:U1", "rate-limited in mx-20261123-7f3a")


async def test_a_lease_that_nothing_passes_is_no_success(step: Step, gateway: GatewayStandIn) -> None:
    result = await step.act(CONTEXT, {})
    assert result.outcome == "inconclusive"
    assert result.started is not None
    assert "set the integration's base URL to" in result.says


async def test_a_lost_answer_is_settled_by_looking(step: Step, gateway: GatewayStandIn) -> None:
    gateway.traffic(200)
    gateway.drop_answer_of = "PUT"
    result = await step.act(CONTEXT, {})
    assert (result.outcome, set(gateway.leases)) == ("done", {"run-1"})


async def test_where_nobody_can_look_the_lease_counts_as_on(
    client: GatewayClient, clock: WoundClock, gateway: GatewayStandIn
) -> None:
    class Deaf:
        """The gateway's port of somebody whose network goes away just after the lease was sent."""

        async def put_lease(self, lease: str, body: Mapping[str, JsonValue]) -> JsonValue:
            await client.put_lease(lease, body)
            raise OutsideError("putting the lease on: no answer within 2 s")

        async def policy(self) -> JsonValue:
            raise OutsideError("asking for its policy: no answer within 2 s")

        status, delete_lease, events, spent = client.status, client.delete_lease, client.events, client.spent
        buffer, buffered, decide = client.buffer, client.buffered, client.decide
        replay, control_replay = client.replay, client.control_replay
        paths = client.paths
        key, put_key, drop_key = client.key, client.put_key, client.drop_key

    result = await GatewayStep(Deaf(), clock).act(CONTEXT, {})
    assert result.outcome == "failed"
    assert result.started is not None
    assert result.started.id == "run-1"
    assert "counts as on until it is undone" in result.says


async def test_a_refusal_of_the_gateway_is_raised(step: Step, gateway: GatewayStandIn) -> None:
    gateway.broken = 400
    with pytest.raises(OutsideError, match="the disk is full"):
        await step.act(CONTEXT, {})


async def test_a_step_whose_end_is_not_known_is_settled_by_looking(
    step: Step, gateway: GatewayStandIn
) -> None:
    gateway.traffic(200)
    missing = await step.observe(CONTEXT)
    assert missing is not None
    assert (missing.outcome, missing.started) == ("failed", None)
    await step.act(CONTEXT, {})
    found = await step.observe(CONTEXT)
    assert found is not None
    assert found.outcome == "done"
    assert found.started is not None
    assert found.started.id == "run-1"


async def undo_context(step: Step, context: StepContext = CONTEXT) -> StepContext:
    before = await step.before(context)
    result = await step.act(context, before)
    assert result.started is not None
    return replace(
        context, run="run-2", undoes="run-1", actor="slack:U2", before=before, leases=(result.started,)
    )


async def test_undo_ends_this_lease_and_no_other(step: Step, gateway: GatewayStandIn) -> None:
    gateway.leases["manual"] = dict(MANUAL)
    undo = await undo_context(step)
    planned = await step.plan(undo)
    assert "Before it: 0.5 requests per second" in planned.says
    assert planned.warnings == ()
    assert await step.observe(undo) is not None
    result = await step.undo(undo, await step.before(undo))
    assert result is not None
    assert (result.outcome, result.ended, set(gateway.leases)) == ("done", "run-1", {"manual"})
    assert result.says == "the lease is off; still on: 0.5 requests per second"
    settled = await step.observe(undo)
    assert settled is not None
    assert (settled.outcome, settled.ended) == ("done", "run-1")


async def test_undo_says_what_came_on_since(step: Step, gateway: GatewayStandIn) -> None:
    undo = await undo_context(step)
    gateway.leases["manual"] = dict(MANUAL)
    planned = await step.plan(undo)
    assert planned.warnings == ("0.5 requests per second: this is on beside it, and stays on",)


async def test_undo_of_buffering_says_what_stays_behind(step: Step, gateway: GatewayStandIn) -> None:
    undo = await undo_context(step, replace(CONTEXT, values={"buffer": "on", "ttl_s": 3600}))
    assert (await step.plan(undo)).warnings == ()
    gateway.buffer.take(3)
    planned = await step.plan(undo)
    assert planned.says.startswith("end this buffering: ")
    assert planned.warnings == (
        "3 writes wait at the gateway, and new ones queue behind, until you deliver them: Replay on the card",
    )


async def test_undo_leaves_a_lease_that_somebody_else_changed(step: Step, gateway: GatewayStandIn) -> None:
    undo = await undo_context(step)
    gateway.leases["run-1"] |= {"rate_per_s": 3.0, "owner": "slack:U9"}
    planned = await step.plan(undo)
    assert "was changed since by slack:U9" in planned.warnings[0]
    result = await step.undo(undo, {})
    assert result is not None
    assert (result.outcome, result.ended) == ("failed", None)
    assert "run-1" in gateway.leases
    assert "Ask slack:U9" in result.says


async def test_undo_of_a_lease_that_has_ended_says_so(step: Step, gateway: GatewayStandIn) -> None:
    undo = await undo_context(step)
    gateway.leases.clear()
    assert (await step.plan(undo)).touches == "on now: the lease has ended already"
    result = await step.undo(undo, {})
    assert result is not None
    assert (result.outcome, result.ended) == ("done", "run-1")
    assert "had ended already" in result.says


async def test_the_undo_plan_says_what_it_could_not_ask(step: Step, gateway: GatewayStandIn) -> None:
    undo = await undo_context(step)
    gateway.broken = 503
    planned = await step.plan(undo)
    assert planned.touches == "on now: not known: the gateway did not answer"
    assert planned.warnings


async def test_an_undo_that_was_cut_short_says_the_lease_is_still_on(step: Step) -> None:
    undo = await undo_context(step)
    settled = await step.observe(undo)
    assert settled is not None
    assert settled.outcome == "failed"
    assert "undo it again" in settled.says


async def test_the_plan_of_a_rate_advises_another_with_its_reason(
    step: Step, gateway: GatewayStandIn
) -> None:
    gateway.traffic(429)
    assert (await step.plan(CONTEXT)).advice == (), "this gateway tells of no limit"
    shares = {"our_share": 0.1, "used": 500, "our_share_of": "organisation"}
    gateway.budget = {"left": 3, "limit": 100, "window_s": 60, "organisation_limit": 500, **shares}
    [advice] = (await step.plan(CONTEXT)).advice
    assert advice.startswith(
        "0.67 requests per second: others use about 450 of the organisation's 500 requests"
    )
    assert (await step.plan(replace(CONTEXT, values={"paused_jobs": ["asset-sync"]}))).advice == ()
