"""A button is bound to the plan it showed: where the plan has changed, it is shown again instead of carried out."""

from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.mitigation import Plan
from bot.domain.plan import plan_lines
from bot.gateway_client import GatewayClient
from bot.incidents import Incidents
from bot.planning import fingerprint, plan
from bot.playbook import by_kind, shipped
from bot.run_rules import Stale
from bot.steps import step_kinds
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import ANN, BEN, INCIDENT, assessment, numbered, open_incident, timeline_at, write
from tests.wound_clock import WoundClock


async def test_a_stale_fingerprint_shows_the_plan_again(tmp_path: Path) -> None:
    clock = WoundClock()
    async with (
        timeline_at(tmp_path / "mx.db", clock) as timeline,
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as client,
    ):
        steps = by_kind(step_kinds(client, clock))
        playbooks = shipped(steps)
        limit = playbooks["rate-limited"]
        incidents = Incidents(timeline, clock, playbooks=playbooks, new_id=numbered("run"))
        await open_incident(timeline, clock)
        gateway.traffic(429, times=20)

        async def shown() -> Plan:
            incident = (await timeline.book()).incident(INCIDENT)
            assert incident is not None
            return await plan(limit, steps, incident=incident, actor=ANN)

        first = await shown()
        gateway.traffic(200, times=5)  # counts change by the second: they bind nothing
        assert (await shown()).fingerprint == first.fingerprint

        # Meanwhile a triage finds that the 429s are over and the service is down: why it was offered has changed.
        await write(
            timeline, clock, e.Assessed(assessment=assessment(clock, "service_down", playbook="service-down"))
        )
        with pytest.raises(Stale, match="look at it again and confirm it"):
            await incidents.request_run("default", "rate-limited", actor=ANN, fingerprint=first.fingerprint)
        assert gateway.leases == {}

        again = await shown()
        assert again.fingerprint != first.fingerprint
        assert "last hour: 25 requests under the rate" in plan_lines(again)[1]
        await incidents.note("default", "an unrelated fact", actor=BEN)
        done = await incidents.request_run(
            "default", "rate-limited", actor=ANN, fingerprint=again.fingerprint
        )
        assert done.event is not None
        incident = (await timeline.book()).incident(INCIDENT)
        assert incident is not None
        assert fingerprint(limit, incident=incident) != again.fingerprint  # it runs: the button is stale now
