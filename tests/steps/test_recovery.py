"""The step ``recovery``: MaintainX itself, asked straight, has to answer well some rounds in a row."""

import pytest

from bot.demo.maintainx import Fault
from bot.gateway_client import GatewayClient
from bot.steps.recovery import Recovery
from bot.steps.surroundings import Surroundings
from tests.gateway_standin import GatewayStandIn
from tests.steps.around import context, outside
from tests.wound_clock import WoundClock


def test_its_values_are_checked(client: GatewayClient, clock: WoundClock) -> None:
    step = Recovery(client, clock, Surroundings())
    assert step.check({"rounds": 3, "every_s": 30, "within_s": 21600}) == step.check({}) == ()
    assert step.check({"rounds": 0}) == ("rounds: 0 does not fit; write a whole number from 1 to 100",)


async def test_it_waits_for_good_rounds_in_a_row(
    client: GatewayClient, clock: WoundClock, gateway: GatewayStandIn
) -> None:
    async with outside(clock) as out:
        step = Recovery(client, clock, out.around)
        out.maintainx.break_(Fault("error", status=503))
        rounds = []

        def tick(seconds: float) -> None:
            if seconds == 30:
                rounds.append(clock.monotonic())
            if len(rounds) == 4:
                out.maintainx.heal()
            if len(rounds) == 6:
                out.maintainx.break_(Fault("wrong_json", times=1))

        clock.on_tick = tick
        result = await step.act(context(rounds=3, every_s=30, within_s=3600), {})
        assert result.outcome == "done"
        assert result.says == "MaintainX answered well in 3 rounds in a row (/workorders), after 270 s"
        assert result.evidence == (
            "before that: /workorders: it answered 200, and not with the list that its document promises",
        )
        assert set(out.asked("/workorders")) == {"limit=1"}
        assert len(out.asked("/workorders")) == 10
        assert [line["says"] for line in gateway.log if line["what"] == "spent"] == ["1"] * 10
        assert not [call for call in gateway.calls if "leases" in call], "it only reads"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("error", status=502, html=True), "/workorders: it answered 502"),
        (Fault("revoked"), "/workorders: it answered 401 (Invalid token)"),
        (Fault("portal"), "it answered 200, and not with the list"),
        (Fault("redirect"), "/workorders: it answered 302"),
        (Fault("reset"), "/workorders: no answer ("),
    ],
)
async def test_it_fails_with_the_last_thing_seen(
    client: GatewayClient, clock: WoundClock, fault: Fault, says: str
) -> None:
    async with outside(clock) as out:
        out.maintainx.break_(fault)
        result = await Recovery(client, clock, out.around).act(context(every_s=30, within_s=60), {})
        assert result.outcome == "failed"
        assert result.says.startswith("MaintainX is not back after 60 s: 3 rounds, the latest 0 of them good")
        assert says in result.says


async def test_a_key_that_comes_meanwhile_is_used(client: GatewayClient, clock: WoundClock) -> None:
    async with outside(clock) as out:
        good, out.key.value = out.key.value, None

        def tick(_: float) -> None:
            out.key.value = good

        clock.on_tick = tick
        result = await Recovery(client, clock, out.around).act(
            context(every_s=30, within_s=300, rounds=1), {}
        )
        assert result.outcome == "done"
        assert result.evidence == (
            "before that: asking MaintainX: there is no API key; set MAINTAINX_API_KEY",
        )


async def test_its_plan_and_what_it_leaves(client: GatewayClient, clock: WoundClock) -> None:
    async with outside(clock) as out:
        step = Recovery(client, clock, out.around)
        planned = await step.plan(context())
        assert planned.waits
        assert planned.undo_says == ""
        assert planned.says == (
            "ask MaintainX itself for /workorders every 30 s, for about 6 hours at most, until 3 rounds in a row are answered well"
        )
        assert await step.undo(context(), {}) is None
        observed = await step.observe(context())
        assert observed is not None
        assert observed.outcome == "done"
        nowhere = await Recovery(client, clock, Surroundings()).plan(context())
        assert "describe it in mx.toml" in nowhere.warnings[0]
