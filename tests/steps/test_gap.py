"""The step ``gap``: since when data may be missing, from the best evidence there is, noted once."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from bot.domain.integration import Integration
from bot.gateway_client import GatewayClient
from bot.ports import Step
from bot.steps.gap import GapStep
from bot.steps.surroundings import Surroundings
from tests.gateway_standin import GatewayStandIn
from tests.steps.around import OPENED, context, gap, incident
from tests.wound_clock import WoundClock

MARGIN = timedelta(seconds=300)


@pytest.fixture
def step(client: GatewayClient, clock: WoundClock) -> Step:
    made = Integration(base_url="http://x/v1", status_url="http://x", endpoints=("/workorders", "/users"))
    return GapStep(client, clock, Surroundings(integrations={"default": made}))


def test_its_values_are_checked(step: Step) -> None:
    good: dict[str, JsonValue] = {
        "entities": ["/workorders"],
        "directions": ["in"],
        "since": "2026-11-23T02:40Z",
        "margin_s": 0,
    }
    assert step.check(good) == ()
    assert step.check({"since": "worked out"}) == step.check({"since": ""}) == step.check({}) == ()
    assert step.check({"entities": ["workorders"], "directions": ["up"], "since": "yesterday"}) == (
        'entities: [\'workorders\'] does not fit; write a list of collections, such as ["/workorders", "/assets"]',
        'directions: [\'up\'] does not fit; write ["in"], ["out"], or both',
        "since: 'yesterday' does not fit; write a time such as 2026-11-23T02:40Z, or \"worked out\"",
    )


async def test_one_gap_per_collection_and_direction_from_where_the_incident_began(step: Step) -> None:
    result = await step.act(context(), {})
    assert result.outcome == "done"
    assert [(gap.entity, gap.direction) for gap in result.noted] == [
        ("/workorders", "in"),
        ("/workorders", "out"),
        ("/users", "in"),
        ("/users", "out"),
    ]
    assert {gap.since for gap in result.noted} == {OPENED - MARGIN}
    assert {gap.until for gap in result.noted} == {None}
    assert result.noted[0].says == (
        "when the incident was opened (11:30 UTC), 5 minutes earlier; the gateway knows of no good answer before it"
    )
    assert result.says == (
        "noted: workorders, users from MaintainX since 2026-11-23 11:25 UTC; "
        "workorders, users to MaintainX since 2026-11-23 11:25 UTC"
    )


async def test_the_triage_that_opened_it_was_asked_for_earlier(step: Step) -> None:
    asked = OPENED - timedelta(minutes=2)
    result = await step.act(context(incident(requested_at=asked)), {})
    assert {gap.since for gap in result.noted} == {asked - MARGIN}


async def test_the_gateways_last_good_answer_before_the_incident_is_better_evidence(
    step: Step, gateway: GatewayStandIn
) -> None:
    good, late = OPENED - timedelta(minutes=12), OPENED + timedelta(minutes=3)
    gateway.last_good = {
        "/workorders": {"in": good.isoformat(), "out": late.isoformat()},
        "/users": {"in": good.isoformat()},
    }
    result = await step.act(context(margin_s=60), {})
    found = {(gap.entity, gap.direction): gap.since for gap in result.noted}
    minute = timedelta(minutes=1)
    assert found == {
        ("/workorders", "in"): good - minute,
        ("/workorders", "out"): OPENED - minute,  # a good answer after the incident began proves nothing
        ("/users", "in"): good - minute,
        ("/users", "out"): OPENED - minute,
    }
    assert result.noted[0].says == (
        "the last good answer at the gateway before the incident (11:18 UTC), 60 s earlier"
    )


async def test_the_gateway_is_no_evidence_for_an_integration_that_it_does_not_serve(
    client: GatewayClient, clock: WoundClock, gateway: GatewayStandIn
) -> None:
    gateway.last_good = {"/workorders": {"in": (OPENED - timedelta(minutes=12)).isoformat()}}
    made = Integration(base_url="http://x/v1", status_url="http://x", endpoints=("/workorders",))
    step = GapStep(client, clock, Surroundings(integrations={"default": made}, served="other"))
    result = await step.act(context(directions=["in"]), {})
    assert [gap.since for gap in result.noted] == [OPENED - MARGIN]
    assert gateway.calls == []


async def test_a_time_that_was_given_stands(step: Step, gateway: GatewayStandIn) -> None:
    gateway.broken = 503  # nothing needs to be asked
    given = context(since="2026-11-23T02:40Z", entities=["/workorders"], directions=["in"])
    [only] = (await step.act(given, {})).noted
    assert (only.since.isoformat(), only.says) == ("2026-11-23T02:40:00+00:00", "as it was given")


async def test_what_is_open_already_is_not_noted_twice_and_reaches_back_to_the_earlier_time(
    step: Step,
) -> None:
    earlier, later = gap("/workorders", OPENED - timedelta(hours=9)), gap("/users", OPENED)
    again = context(incident(earlier, later), run="run-2", directions=["in"])
    result = await step.act(again, {})
    assert [gap.id for gap in result.noted] == [earlier.id, later.id]
    assert [gap.since for gap in result.noted] == [earlier.since, OPENED - MARGIN]


async def test_the_plan_tells_from_where_and_that_undo_leaves_it(step: Step, gateway: GatewayStandIn) -> None:
    planned = await step.plan(context(directions=["in"]))
    assert planned.says.startswith(
        "note that data may be missing: workorders, users from MaintainX since 2026-11-23 11:25 UTC. Nothing is changed"
    )
    assert "undo leaves it noted" in planned.says
    assert planned.undo_says == ""
    assert planned.touches.startswith("since 2026-11-23 11:25 UTC: when the incident was opened")
    gateway.broken = 503
    [warning] = (await step.plan(context())).warnings
    assert warning.endswith("the gap's beginning is taken from the incident")


async def test_a_crash_is_settled_by_noting_it_under_the_same_names(step: Step) -> None:
    first, again = await step.act(context(), {}), await step.observe(context())
    assert again is not None
    assert [gap.id for gap in again.noted] == [gap.id for gap in first.noted]
