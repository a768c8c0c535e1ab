"""MaintainX is down: writes are kept, it is waited for, they are replayed; what was missed is brought, and the gap closes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from bot.clock import SystemClock
from bot.demo.door import beside
from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.domain import events as e
from bot.domain.calendar import Calendar
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.run import Run
from bot.domain.watching import VerifyRequested
from bot.errors import Refused
from bot.gap_watch import GapWatch
from bot.gateway_client import GatewayClient
from bot.incidents import Incidents
from bot.playbook import Playbook, by_kind, shipped
from bot.ports import Step
from bot.probes.api import ApiProbe
from bot.probes.exchange import Wire
from bot.probes.spending import Spending
from bot.report_gaps import gaps
from bot.runner import Runner
from bot.steering import Steering
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings
from bot.timeline import Timeline
from bot.triage import assess
from tests.gateway.wires import RunningGateway, gateway
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at, write
from tests.steps.around import KEY, Key
from tests.wound_clock import WoundClock


class Brisk(WoundClock):
    """Its waits are short in real time, so that what is waited for has the time to happen."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(min(seconds, 0.05))


class Beside(SystemClock):
    """The gateway's clock: it shows what the bot's does, and its waits are real."""

    def __init__(self, shown: WoundClock) -> None:
        self._shown = shown

    def now(self) -> datetime:
        return self._shown.now()


class Town(NamedTuple):
    """A gateway between an integration and a MaintainX, and the bot's runner beside it."""

    maintainx: FakeMaintainX
    there: FakeIntegration
    gw: RunningGateway
    timeline: Timeline
    clock: Brisk
    playbooks: Mapping[str, Playbook]
    steps: Mapping[str, Step]
    incidents: Incidents
    client: GatewayClient
    integration: Integration

    async def go(self) -> Incident:
        """Carry out whatever is due."""
        runner = Runner(
            self.timeline, self.clock, playbooks=self.playbooks, steps=self.steps, epoch=lambda: 1
        )
        while await runner.advance():
            pass
        return await self.incident()

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def begin(self, name: str) -> Run:
        done = await self.incidents.request_run("default", name, actor=ANN)
        assert done.event is not None
        assert isinstance(done.event.fact, e.RunRequested)
        found = (await self.go()).run(done.event.fact.run)
        assert found is not None
        return found

    async def keep_asking(self) -> None:
        """The integration's reads."""
        while True:
            await self.gw.get("/v1/users?limit=1", f"Authorization: Bearer {KEY}")
            await asyncio.sleep(0.05)


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    clock = Brisk()
    limits: dict[str, Any] = {"user_limit": 10_000, "organisation_limit": 10_000}
    async with (
        FakeMaintainX.start(key=KEY, now=clock.now, rate_headers=False, **limits) as maintainx,
        FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as there,
        gateway(maintainx.base_url, folder, clock=Beside(clock), key=Key(), **limits) as gw,
        GatewayClient.open(f"http://127.0.0.1:{gw.port}", token=None, deadline_s=10) as client,
        timeline_at(folder / "mx.db", clock) as timeline,
    ):
        made = Integration(
            base_url=maintainx.base_url,
            status_url="http://127.0.0.1:9",
            endpoints=("/workorders", "/users"),
            import_url=there.import_url,
        )
        around = Surroundings(integrations={"default": made}, keys={"default": Key()})
        steps = by_kind(step_kinds(client, clock, around))
        playbooks = shipped(steps)
        incidents = Incidents(timeline, clock, playbooks=playbooks, new_id=numbered("run"))
        await open_incident(timeline, clock)
        yield Town(maintainx, there, gw, timeline, clock, playbooks, steps, incidents, client, made)


async def test_writes_are_kept_replayed_at_a_persons_go_and_the_gap_is_filled(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        outage = Fault("error", status=503)
        here.maintainx.break_(outage)
        await here.gw.get("/v1/users?limit=1", f"Authorization: Bearer {KEY}")

        def tick(seconds: float) -> None:
            if seconds == 30 and len(here.maintainx.requests) > 4:
                here.maintainx.heal()

        here.clock.on_tick = tick
        run = await here.begin("platform-outage")
        assert run.held == 4, run.steps
        assert run.steps[3].says.startswith("MaintainX answered well in 3 rounds in a row (/workorders)")
        assert run.steps[2].says.startswith("nobody was paged: none is configured")
        noted = (await here.incident()).gaps
        assert [(gap.entity, gap.direction) for gap in noted] == [
            ("/workorders", "in"),
            ("/workorders", "out"),
            ("/users", "in"),
            ("/users", "out"),
        ]
        for title in ("Leak under Boiler 1", "Grease the bearings", "Clean the filters"):
            kept = await here.gw.post("/v1/workorders", {"title": title}, key=KEY)
            assert kept.status == 202

        filled = await here.begin("sync-gap")  # while writes still wait, their gap cannot close
        assert filled.outcome == "failed"
        assert "3 wait for the replay" in filled.says
        assert {gap.direction for gap in (await here.incident()).gaps} == {"out"}

        steering = Steering(here.timeline, here.clock, playbooks=here.playbooks, new_id=numbered("s"))
        await steering.release("default", run.id, 4, actor=BEN)
        async with beside(here.keep_asking()):
            after = (await here.go()).run(run.id)
        assert after is not None
        assert after.steps[4].says == "3 of 3 writes delivered"
        assert after.steps[5].says.startswith("errors are few: ")
        assert (await here.incident()).leases == ()
        titles = [row["title"] for row in here.maintainx.workorders.values()]
        assert titles[-3:] == ["Leak under Boiler 1", "Grease the bearings", "Clean the filters"]

        again = await here.begin("sync-gap")
        assert again.outcome == "done", again.says
        assert "3 of 3 writes that the gateway kept are delivered" in again.says
        assert (await here.incident()).gaps == ()
        assert {str(number) for number in here.maintainx.users} == set(here.there.imports.rows["/users"])


async def test_an_outage_opens_its_gap_by_itself_and_the_backfill_closes_it(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        made = here.integration
        watch = GapWatch(
            here.timeline, here.client, clock=here.clock, integrations={"default": made}, served="default"
        )
        probes = [
            ApiProbe(base_url=made.base_url, path=path, key=Key(), wire=Wire(), spending=Spending(None))
            for path in made.endpoints
        ]

        async def look() -> Incident:
            found = await assess(
                made, probes, samples=2, clock=here.clock, calendar=Calendar(ZoneInfo("UTC"))
            )
            await write(here.timeline, here.clock, e.Assessed(assessment=found))
            await watch.step()
            return await here.incident()

        bearer = f"Authorization: Bearer {KEY}"
        await here.gw.get("/v1/workorders?limit=1", bearer)
        await here.gw.post("/v1/workorders", {"title": "Grease the bearings"}, key=KEY)
        here.clock.wind(60)
        here.maintainx.break_(Fault("error", status=503))
        opened = await look()
        assert [(gap.entity, gap.direction, gap.until) for gap in opened.gaps] == [
            ("/workorders", "in", None),
            ("/users", "in", None),
            ("/workorders", "out", None),
        ]
        here.clock.wind(3000)
        here.maintainx.heal()
        missed = here.maintainx.rows.add("/workorders", {"title": "Leak under Boiler 1"})
        ended = {(gap.entity, gap.direction): gap.until for gap in (await look()).gaps}
        assert ended["/workorders", "in"] is ended["/workorders", "out"] is None, (
            "its own were not answered yet"
        )
        assert ended["/users", "in"] is not None, (
            "of users the gateway never saw any, so mx's answer stands for it"
        )
        await here.gw.get("/v1/workorders?limit=1", bearer)
        await here.gw.post("/v1/workorders", {"title": "Clean the filters"}, key=KEY)
        over = await look()
        assert all(gap.until is not None for gap in over.gaps)
        with pytest.raises(Refused, match="the gap of workorders from MaintainX"):
            await here.incidents.resolve("default", actor=ANN)

        run = await here.begin("sync-gap")
        assert run.outcome == "done", run.says
        about = await here.incident()
        assert about.gaps == ()
        assert str(missed) in here.there.imports.rows["/workorders"]
        # The playbook's own step noted the gaps of every collection; those of the outage are the same, not a second.
        assert len({(one.gap.entity, one.gap.direction) for one in about.closed_gaps}) == len(
            about.closed_gaps
        )
        lines = tuple(gaps(about, zone=ZoneInfo("UTC"), names=str))
        assert any(
            line.startswith("workorders from MaintainX, 2026-11-23") and "0 missing" in line for line in lines
        )
        asked = (await here.incidents.resolve("default", actor=ANN)).event
        assert asked is not None, "no gap is in the way any more"
        assert isinstance(asked.fact, VerifyRequested), "it is for the proof to say that it is over"


async def test_a_row_that_is_missed_keeps_the_gap_open_and_is_named_on_the_timeline(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        lost = here.maintainx.rows.add("/workorders", {"title": "Leak under Boiler 1"})
        here.there.imports.loses = {str(lost)}
        run = await here.begin("sync-gap")
        assert run.outcome == "failed"
        assert f"1 missing ({lost})" in run.says
        about = await here.incident()
        assert [(gap.entity, gap.direction) for gap in about.gaps] == [("/workorders", "in")]
        assert [end.missing for end in about.gap_ends if end.missing] == [1]
        here.there.imports.loses = set()
        await Steering(here.timeline, here.clock, playbooks=here.playbooks, new_id=numbered("s")).resume(
            "default", run.id, "retry", actor=BEN
        )
        about = await here.go()
        assert about.gaps == ()
        assert len(about.runs) == 1
