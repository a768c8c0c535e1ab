"""The runner: one step at a time, faults as sentences, and what it says at the end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot.domain import events as e
from bot.domain.run import Run
from bot.errors import Conflict, OutsideError, StoreError
from bot.incidents import Incidents
from bot.playbook import Playbook, PlaybookStep, by_kind
from bot.ports import Step, StepResult
from bot.runner import Runner
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.room import ANN, BEN, INCIDENT, Blind, Switch, numbered, open_incident, timeline_at
from tests.wound_clock import WoundClock


def playbook(*steps: tuple[str, str], name: str = "p") -> Playbook:
    return Playbook(
        name=name,
        title=name.upper(),
        button=name,
        fits=(),
        when="Ever.",
        steps=tuple(PlaybookStep(kind=kind, title=word, values={"word": word}) for kind, word in steps),
    )


class Desk:
    """A timeline with an incident, a world that steps change, and a runner over it."""

    def __init__(self, timeline: Timeline, clock: WoundClock) -> None:
        self.timeline = timeline
        self.clock = clock
        self.world: dict[str, str] = {}
        self.acts: list[str] = []
        self.switch = Switch(self.world, self.acts, clock)
        self.blind = Blind()
        self.playbooks: Mapping[str, Playbook] = {
            "p": playbook(("switch", "a"), ("blind", "b")),
            "two": playbook(("switch", "x"), ("switch", "y"), name="two"),
        }
        self.new_id = numbered("run")
        self.epoch = 1

    @property
    def incidents(self) -> Incidents:
        return Incidents(self.timeline, self.clock, playbooks=self.playbooks, new_id=self.new_id)

    def runner(self, steps: Sequence[Step] | None = None) -> Runner:
        kinds: Sequence[Step] = (self.switch, self.blind) if steps is None else steps
        return Runner(
            self.timeline,
            self.clock,
            playbooks=self.playbooks,
            steps=by_kind(kinds),
            epoch=lambda: self.epoch,
        )

    async def drain(self) -> None:
        runner = self.runner()
        while await runner.advance():
            pass

    async def run(self, run: str) -> Run:
        incident = (await self.timeline.book()).incident(INCIDENT)
        assert incident is not None
        found = incident.run(run)
        assert found is not None
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        yield Desk(timeline, clock)


async def test_a_run_goes_step_by_step_and_each_is_written_before_and_after(desk: Desk) -> None:
    await desk.incidents.request_run("default", "p", actor=ANN)
    runner = desk.runner()
    kinds = []
    while await runner.advance():
        kinds = [event.fact.kind for event in await desk.timeline.history(INCIDENT)][3:]
    assert kinds == [
        "run_planned",
        "step_started",
        "step_finished",
        "step_started",
        "step_finished",
        "run_finished",
    ]
    run = await desk.run("run-1")
    assert (run.outcome, run.says) == (
        "done",
        "A is on. Done. On now: a on until 13:00 UTC. Take it back with /mx undo p.",
    )
    assert run.steps[0].before == {"world": []}
    assert not await runner.advance()


async def test_undo_takes_back_what_the_run_put_on(desk: Desk) -> None:
    await desk.incidents.request_run("default", "two", actor=ANN)
    await desk.drain()
    assert desk.world == {"x": "run-1", "y": "run-1"}
    await desk.incidents.request_undo("default", "two", actor=BEN)
    await desk.drain()
    assert desk.world == {}
    assert desk.acts == ["x on", "y on", "y off", "x off"]
    undo = await desk.run("run-2")
    assert (undo.outcome, undo.says) == ("done", "Two is taken back. Y is off. X is off.")
    incident = (await desk.timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert incident.leases == ()


async def test_a_failed_step_ends_the_run_and_it_says_what_is_on_and_what_is_not(desk: Desk) -> None:
    def refuse() -> StepResult:
        raise OutsideError("asking the service: connection refused; start it")

    desk.blind.work = refuse
    desk.playbooks = {"p": playbook(("switch", "a"), ("blind", "b"), ("switch", "c"))}
    await desk.incidents.request_run("default", "p", actor=ANN)
    await desk.drain()
    run = await desk.run("run-1")
    assert run.outcome == "failed"
    assert run.says == (
        "A is on. Step 2 failed: asking the service: connection refused; start it. Not done: step 3. "
        "On now: a on until 13:00 UTC. Take it back with /mx undo p."
    )
    assert desk.acts == ["a on"]
    await desk.incidents.request_undo("default", "p", actor=BEN)
    await desk.drain()
    assert desk.world == {}


async def test_where_nothing_is_on_a_failed_run_says_so(desk: Desk) -> None:
    def fault() -> StepResult:
        raise KeyError("secret-value")

    desk.blind.work = fault
    desk.playbooks = {"p": playbook(("blind", "b"), ("switch", "a"))}
    await desk.incidents.request_run("default", "p", actor=ANN)
    await desk.drain()
    run = await desk.run("run-1")
    assert run.says == (
        "Step 1 failed: a fault in mx itself (KeyError); the log of the bot has the details. Not done: step 2. "
        "Nothing of it is on. When the cause is settled, /mx run p tries again."
    )
    assert (desk.acts, desk.blind.acts) == ([], 1)


async def test_an_inconclusive_step_is_no_success(desk: Desk) -> None:
    desk.blind.work = lambda: StepResult(outcome="inconclusive", says="no traffic to judge by")
    await desk.incidents.request_run("default", "p", actor=ANN)
    await desk.drain()
    run = await desk.run("run-1")
    assert run.outcome == "inconclusive"
    assert "Step 2 inconclusive: no traffic to judge by. On now: a on" in run.says
    assert "Judge for yourself whether it helps" in run.says


async def test_the_state_before_cannot_be_read_so_nothing_is_changed(desk: Desk) -> None:
    class Sealed(Switch):
        async def before(self, context: object) -> dict[str, JsonValue]:
            raise OutsideError("reading the switch: no answer")

    desk.switch = Sealed(desk.world, desk.acts, desk.clock)
    await desk.incidents.request_run("default", "p", actor=ANN)
    await desk.drain()
    run = await desk.run("run-1")
    assert (run.outcome, desk.acts) == ("failed", [])
    assert [step.state for step in run.steps] == ["failed", "waiting"]


async def test_a_playbook_or_a_kind_that_is_gone_ends_the_run(desk: Desk) -> None:
    await desk.incidents.request_run("default", "p", actor=ANN)
    await desk.incidents.request_run("default", "two", actor=ANN)
    desk.playbooks = {"two": desk.playbooks["two"]}
    runner = desk.runner(steps=())
    while await runner.advance():
        pass
    assert (await desk.run("run-1")).says == "There is no playbook p here. There is: two."
    assert "no such kind of step" in (await desk.run("run-2")).says


async def test_the_undo_of_what_never_began_is_done_at_once(desk: Desk) -> None:
    await desk.incidents.request_run("default", "two", actor=ANN)
    await desk.timeline.append(
        e.Draft(
            stream=INCIDENT,
            actor="mx",
            at=desk.clock.now(),
            fact=e.RunFinished(run="run-1", outcome="interrupted", says="gone"),
        )
    )
    await desk.incidents.request_undo("default", "run-1", actor=ANN)
    await desk.drain()
    undo = await desk.run("run-2")
    assert (undo.outcome, undo.says) == (
        "done",
        "Nothing of two was begun, so there was nothing to take back.",
    )


async def test_a_run_that_is_called_off_begins_no_further_step(desk: Desk) -> None:
    await desk.incidents.request_run("default", "two", actor=ANN)
    runner = desk.runner()
    await runner.advance()
    await runner.advance()
    assert desk.acts == ["x on"]
    done = await desk.incidents.request_undo("default", "two", actor=BEN)
    assert (
        done.says == f"TWO is being taken back in {INCIDENT} as soon as the step that is under way has ended."
    )
    await desk.drain()
    assert desk.acts == ["x on", "x off"]
    run = await desk.run("run-1")
    assert (run.outcome, run.says) == (
        "interrupted",
        f"X is on. Not done: step 2. It is being taken back, asked for by {BEN}.",
    )
    assert (await desk.run("run-2")).outcome == "done"


async def test_a_leader_that_lost_its_lock_stops_acting(desk: Desk) -> None:
    desk.epoch = await desk.timeline.next_epoch()
    await desk.incidents.request_run("default", "two", actor=ANN)
    runner = desk.runner()
    await runner.advance()
    await desk.timeline.next_epoch()  # another process took the lead
    with pytest.raises(Conflict, match="another process of mx leads now"):
        await runner.advance()
    assert desk.acts == []


async def test_a_step_cannot_be_started_by_a_leader_that_lost_its_lock_meanwhile(desk: Desk) -> None:
    desk.epoch = await desk.timeline.next_epoch()

    class Slow(Switch):
        async def before(self, context: object) -> dict[str, JsonValue]:
            await desk.timeline.next_epoch()  # the lock is lost while the state is being read
            return {}

    desk.switch = Slow(desk.world, desk.acts, desk.clock)
    await desk.incidents.request_run("default", "two", actor=ANN)
    runner = desk.runner()
    assert await runner.advance()
    assert await runner.advance()
    assert desk.acts == []
    with pytest.raises(Conflict):
        await runner.advance()


async def test_a_fact_that_comes_between_only_delays_the_step(desk: Desk) -> None:
    incidents = desk.incidents

    class Interrupted(Switch):
        noted = 0

        async def before(self, context: object) -> dict[str, JsonValue]:
            if not self.noted:
                self.noted = 1
                await incidents.note("default", "just now", actor=BEN)
            return {}

    desk.switch = Interrupted(desk.world, desk.acts, desk.clock)
    await desk.incidents.request_run("default", "two", actor=ANN)
    await desk.drain()
    assert desk.acts == ["x on", "y on"]
    assert (await desk.run("run-1")).outcome == "done"


async def test_runs_of_different_incidents_do_not_wait_for_each_other(desk: Desk) -> None:
    gate = asyncio.Event()

    class Waits(Blind):
        async def act(self, context: object, before: object) -> StepResult:
            await gate.wait()
            return StepResult(outcome="done", says="at last")

    desk.blind = Waits()
    desk.playbooks = {"p": playbook(("blind", "b")), "two": playbook(("switch", "x"), name="two")}
    await open_incident(desk.timeline, desk.clock, incident="mx-20261123-0002", integration="other")
    await desk.incidents.request_run("default", "p", actor=ANN)

    async def outcome(incident: str) -> str | None:
        found = (await desk.timeline.book()).incident(incident)
        return found.runs[-1].outcome if found and found.runs else None

    async def until(incident: str) -> None:
        async with asyncio.timeout(20):
            while await outcome(incident) is None:
                head = (await desk.timeline.book()).head.seq
                await desk.timeline.changed(head, timeout_s=0.25)

    async with asyncio.TaskGroup() as group:
        follower = group.create_task(desk.runner().run())
        await asyncio.sleep(0.05)
        await desk.incidents.request_run("other", "two", actor=BEN)  # asked for while the first one waits
        await until("mx-20261123-0002")
        assert await outcome(INCIDENT) is None
        await desk.incidents.acknowledge("default", actor=BEN)
        gate.set()
        await until(INCIDENT)
        follower.cancel()
    assert desk.acts == ["x on"]


async def test_the_follower_ends_where_another_leads(desk: Desk) -> None:
    await desk.timeline.next_epoch()
    desk.epoch = 0
    await desk.incidents.request_run("default", "two", actor=ANN)
    async with asyncio.timeout(20):
        with pytest.raises(Conflict, match="another process of mx leads now"):
            await desk.runner().run()
    assert desk.acts == []


async def test_a_follower_that_died_of_the_database_goes_on_when_it_is_started_again(desk: Desk) -> None:
    class Full(Timeline):
        """A disk that is full at every second append."""

        appends = 0

        async def append(self, *drafts: e.Draft) -> tuple[e.Event, ...]:
            self.appends += 1
            if self.appends % 2 == 0:
                raise StoreError("writing the timeline: the disk is full; make room")
            return await super().append(*drafts)

    await desk.incidents.request_run("default", "two", actor=ANN)
    desk.timeline = Full(desk.timeline._database, clock=desk.clock, scrub=Scrubber())
    runner = desk.runner()
    deaths = 0
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        over = group.create_task(_until_over(desk))
        while not over.done():
            follower = group.create_task(_until_it_dies(runner))
            await asyncio.wait({follower, over}, return_when=asyncio.FIRST_COMPLETED)
            deaths += follower.done()
            follower.cancel()
    assert deaths > 1
    assert desk.acts == ["x on", "y on"]
    assert (await desk.run("run-1")).outcome == "done"


async def _until_over(desk: Desk) -> None:
    while (await desk.run("run-1")).live:
        await desk.timeline.changed((await desk.timeline.book()).head.seq, timeout_s=5)


async def _until_it_dies(runner: Runner) -> None:
    with pytest.raises(StoreError):
        await runner.run()
