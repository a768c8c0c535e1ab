"""The playbooks for flaky answers, for webhooks that do not come, and for nobody who answers: carried out, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from bot.clock import SystemClock
from bot.demo.door import beside
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.domain.gateway import Policy
from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.errors import Refused
from bot.gateway.webhooks.settings import WebhookSettings
from bot.gateway_client import GatewayClient
from bot.incidents import Incidents
from bot.pagers.pagerduty import PagerDuty
from bot.playbook import by_kind, shipped
from bot.runner import Runner
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings
from bot.timeline import Timeline
from tests.gateway.webhooks.rig import SECRET, Integration, integration, until
from tests.gateway.wires import RunningGateway, gateway
from tests.keys import HeldKey
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at
from tests.steps.around import KEY
from tests.wound_clock import WoundClock

CLOCK = SystemClock()


class Town(NamedTuple):
    """MaintainX and the integration's webhook address, the gateway between them, a pager, and mx beside them."""

    maintainx: FakeMaintainX
    there: Integration
    gw: RunningGateway
    client: GatewayClient
    pager: FakePagerDuty
    timeline: Timeline
    runner: Runner
    incidents: Incidents

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def carried_out(self) -> Run:
        async with asyncio.timeout(60):
            while await self.runner.advance():
                pass
        return (await self.incident()).runs[-1]

    async def policy(self) -> Policy:
        return Policy.from_json(await self.client.policy())

    async def keep_asking(self) -> None:
        """The integration's reads."""
        while True:
            await self.gw.get("/v1/users?limit=1", f"Authorization: Bearer {KEY}")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    async with (
        FakeMaintainX.start(
            key=KEY, rate_headers=False, user_limit=10_000, organisation_limit=10_000
        ) as maintainx,
        integration() as there,
        FakePagerDuty.start() as pager,
        timeline_at(folder / "mx.db", CLOCK) as timeline,
    ):
        webhooks = WebhookSettings(secret=SECRET, forward_to=there.url, poll_every_s=0.2, first_wait_s=0.01)
        async with (
            gateway(
                maintainx.base_url,
                folder,
                key=HeldKey(KEY),
                webhooks=webhooks,
                user_limit=10_000,
                organisation_limit=10_000,
            ) as gw,
            GatewayClient.open(f"http://127.0.0.1:{gw.port}", token=None, deadline_s=10) as client,
        ):
            second = "2" * 32
            pager.routing_keys.add(second)
            line = tuple(
                PagerDuty(SecretStr(key), url=pager.url, clock=WoundClock(), name=name)
                for key, name in ((ROUTING_KEY, "the first"), (second, "the second"))
            )
            steps = by_kind(step_kinds(client, CLOCK, Surroundings(pagers=line)))
            playbooks = shipped(steps)
            incidents = Incidents(timeline, CLOCK, playbooks=playbooks, new_id=numbered("run"))
            runner = Runner(timeline, CLOCK, playbooks=playbooks, steps=steps, epoch=lambda: 0)
            await open_incident(timeline, CLOCK)
            yield Town(maintainx, there, gw, client, pager, timeline, runner, incidents)


async def test_retries_make_the_errors_fewer_and_undo_ends_them(tmp_path: Path) -> None:
    async with town(tmp_path) as here, beside(here.keep_asking()):
        here.maintainx.break_(Fault("error", status=503, every=3))
        await until(lambda: here.maintainx.rate(10.0, status=503) > 0)
        await here.incidents.request_run(
            "default", "intermittent-errors", actor=ANN, params={"rate_per_s": 10.0}
        )

        async def mends() -> None:
            """Slowed down, MaintainX comes to itself."""
            while not (await here.policy()).retry:  # noqa: ASYNC110 - the gateway tells nobody of a change
                await asyncio.sleep(0.05)
            here.maintainx.heal()

        async with beside(mends()):
            run = await here.carried_out()
        assert run.outcome == "done", run
        assert "errors" in run.steps[1].says
        policy = await here.policy()
        assert (policy.retry, policy.rate_per_s) == (True, 10.0)
        with pytest.raises(Refused, match="intermittent-errors is on already: slack:U0ANN started it"):
            await here.incidents.request_run("default", "intermittent-errors", actor=BEN)
        await here.incidents.request_undo("default", "intermittent-errors", actor=BEN)
        assert (await here.carried_out()).outcome == "done"
        policy = await here.policy()
        assert (policy.retry, policy.rate_per_s, policy.leases) == (False, None, ())


async def test_what_webhooks_do_not_bring_is_polled_and_kept_back_until_the_undo(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.incidents.request_run(
            "default", "webhook-failure", actor=ANN, params={"forward": "paused"}
        )
        here.maintainx.rows.add("/workorders", {"title": "Leak under Boiler 1"})
        run = await here.carried_out()
        assert run.outcome == "done", run
        assert (await here.policy()).poll
        assert here.there.calls == [], "sending on is paused: what polling found is kept"
        await here.incidents.request_undo("default", "webhook-failure", actor=BEN)
        assert (await here.carried_out()).outcome == "done"
        await until(lambda: len(here.there.calls) >= 1)
        assert not (await here.policy()).poll


async def test_the_next_in_line_is_paged_with_the_assessment_and_the_page_is_called_off(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as here:
        for place, name in enumerate(("the first", "the second"), start=1):
            await here.incidents.request_run("default", "escalate", actor=ANN)
            run = await here.carried_out()
            assert (run.outcome, run.steps[0].evidence) == ("done", (f"paged pager {place} of 2",))
            assert name in run.says.lower()
        assert len(here.pager.open_alerts()) == 2
        await here.incidents.request_undo("default", "escalate", actor=BEN)
        undo = await here.carried_out()
        assert undo.outcome == "done", undo
        assert len(here.pager.open_alerts()) == 1
        here.pager.refuse()
        await here.incidents.request_run("default", "escalate", actor=ANN)
        failed = await here.carried_out()
        assert (failed.outcome, failed.stuck) == ("failed", 0)
        assert "the second: nothing can be reached there" in failed.steps[0].says
