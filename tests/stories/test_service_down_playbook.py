"""The playbook ``service-down``: the service ended, somebody presses restart, and it is back, or it is said why not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.calendar import Calendar
from bot.domain.incident import Incident
from bot.domain.plan import plan_lines
from bot.domain.run import Run
from bot.gateway_client import GatewayClient
from bot.incidents import Incidents
from bot.planning import plan
from bot.playbook import by_kind, shipped
from bot.probes.build import Outside, probes_for
from bot.runner import Runner
from bot.scrub import Scrubber
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings
from bot.timeline import Timeline
from bot.triage import assess
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.keys import HeldKey
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at
from tests.steps.services import NAME, Room, a_room
from tests.wound_clock import WoundClock


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


@dataclass
class Scene:
    """The service in its container, and mx beside it."""

    room: Room
    client: GatewayClient
    timeline: Timeline
    clock: WoundClock

    def __post_init__(self) -> None:
        self.learn(self.room.around)

    def learn(self, around: Surroundings) -> None:
        """Start mx with these settings."""
        self.steps = by_kind(step_kinds(self.client, self.clock, around))
        self.playbooks = shipped(self.steps)
        self.incidents = Incidents(
            self.timeline, self.clock, playbooks=self.playbooks, new_id=numbered("run")
        )

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def run(self) -> Run:
        return (await self.incident()).runs[0]

    def runner(self) -> Runner:
        return Runner(self.timeline, self.clock, playbooks=self.playbooks, steps=self.steps, epoch=lambda: 0)

    async def looked(self) -> None:
        """Go on until the first step, the look, has ended."""
        while (await self.run()).plan is None or (await self.run()).steps[0].state != "done":
            assert await self.runner().advance()

    async def carry_out(self) -> Run:
        runner = self.runner()
        async with asyncio.timeout(60):
            while await runner.advance():
                pass
        return await self.run()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(tmp_path) as made:
        yield made


@asynccontextmanager
async def a_scene(folder: Path) -> AsyncIterator[Scene]:
    clock = WoundClock()
    async with (
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as client,
        timeline_at(folder / "mx.db", clock) as timeline,
        a_room(folder, clock) as room,
    ):
        await open_incident(timeline, clock)
        yield Scene(room, client, timeline, clock)


async def test_a_triage_names_what_was_seen_and_offers_the_restart(scene: Scene) -> None:
    scene.room.crash(oom=True, restarts=4)
    integration = scene.room.integration
    async with Outside.open(clock=scene.clock, scrub=Scrubber()) as outside:
        probes = probes_for(integration, key=HeldKey("k-secret-0123456789"), outside=outside)
        found = await assess(
            integration, probes, samples=1, clock=scene.clock, calendar=Calendar(ZoneInfo("UTC"))
        )
    finding = next(one for one in found.findings if one.rule == "service-down")
    assert "killed for memory (OOM) at a limit of 256 MB, after 4 restarts" in finding.symptom
    assert finding.cause.startswith("it ran out of memory")
    assert finding.playbooks == ("service-down",)
    assert finding.rule in scene.playbooks["service-down"].fits


async def test_the_service_is_restarted_and_is_back(scene: Scene) -> None:
    scene.room.crash(oom=True, restarts=4)
    made = await plan(
        scene.playbooks["service-down"], scene.steps, incident=await scene.incident(), actor=ANN
    )
    shown = "\n".join(plan_lines(made))
    assert "Restart maintainx-sync; what it is working on is cut off" in shown
    assert "killed for memory (OOM) at a limit of 256 MB" in shown
    assert "it will meet the same memory limit again" in shown

    await scene.incidents.request_run("default", "service-down", actor=ANN, fingerprint=made.fingerprint)
    run = await scene.carry_out()

    assert run.outcome == "done", run
    look, restart, check = run.steps
    assert "killed for memory (OOM)" in look.says
    assert restart.says.startswith("Docker has restarted the container maintainx-sync")
    assert 'says "healthy", 3 times in a row' in check.says
    assert scene.room.container.starts == ["restart"]
    assert (await scene.incident()).leases == ()


async def test_a_restart_is_not_taken_back_and_its_undo_says_so(scene: Scene) -> None:
    scene.room.crash()
    await scene.incidents.request_run("default", "service-down", actor=ANN)
    assert (await scene.carry_out()).outcome == "done"
    await scene.incidents.request_undo("default", "service-down", actor=BEN)
    await scene.carry_out()
    undo = (await scene.incident()).runs[1]
    assert undo.plan is not None
    assert undo.plan.steps == ()
    assert (
        "step 2 (restart maintainx-sync; what it is working on is cut off) cannot be taken back"
        in undo.plan.warnings
    )
    assert scene.room.container.starts == ["restart"]
    assert scene.room.container.status == "running"


async def test_a_crash_loop_fails_with_what_was_seen_and_offers_no_good_news(scene: Scene) -> None:
    scene.room.crash(restarts=7)
    scene.room.container.next_start = "loops"
    await scene.incidents.request_run("default", "service-down", actor=ANN)

    run = await scene.carry_out()

    assert [step.state for step in run.steps] == ["done", "failed", "waiting"]
    assert run.outcome == "failed"
    assert "it was restarted and did not stay up" in run.steps[1].says
    assert "exited with code 1" in run.steps[1].says
    assert "after 3 restarts; its host is about to start it again" in run.steps[1].says


async def test_nothing_configured_fails_with_the_key_to_set(scene: Scene) -> None:
    named = scene.room.integration.model_copy(update={"service": None})
    scene.learn(Surroundings(integrations={"default": named}))
    await scene.incidents.request_run("default", "service-down", actor=ANN)
    run = await scene.carry_out()
    assert [step.state for step in run.steps] == ["inconclusive", "failed", "waiting"]
    assert "set service_container (Docker) or service_unit (systemd) in mx.toml" in run.steps[1].says


async def test_mx_dies_after_the_restart_and_it_is_not_done_twice(scene: Scene) -> None:
    """The start's own time tells that it took effect."""
    scene.room.crash()
    await scene.incidents.request_run("default", "service-down", actor=ANN)
    await scene.looked()

    def die(_: float) -> None:
        raise Killed

    scene.clock.on_tick = die  # the moment in which it waits for the start to settle
    with pytest.raises(Killed):
        await scene.runner().advance()
    assert (await scene.run()).steps[1].state == "started"
    scene.clock.on_tick = lambda _: None

    run = await scene.carry_out()

    assert run.outcome == "done", run
    assert run.steps[1].says.startswith("the container maintainx-sync was started anew")
    assert scene.room.container.starts == ["restart"], "not once more"


async def test_mx_dies_before_the_engine_heard_of_it(scene: Scene) -> None:
    scene.room.crash()
    await scene.incidents.request_run("default", "service-down", actor=ANN)
    await scene.looked()
    runner = scene.runner()
    engine, asked = scene.room.docker, len(scene.room.docker.asked)

    async def dies_at_the_restart() -> None:
        while not any(line.startswith("POST") for line in engine.asked[asked:]):
            engine.hangs = len(engine.asked) > asked  # ``before`` is answered, the restart is not
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        acting = group.create_task(runner.advance())
        await dies_at_the_restart()
        acting.cancel()
    engine.hangs = False
    assert (await scene.run()).steps[1].state == "started"
    assert scene.room.container.starts == []

    run = await scene.carry_out()

    assert [step.state for step in run.steps] == ["done", "failed", "waiting"]
    assert run.steps[1].says.startswith("mx stopped before the restart: the container maintainx-sync exited")
    assert run.steps[1].says.endswith("Run it again")
    assert scene.room.container.starts == [], "nothing is run again silently"
    assert NAME in run.says
