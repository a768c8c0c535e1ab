"""What people say to runs: approve, decline, stop, go on, retry, skip, keep on; and what the runner makes of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr

from bot.domain import events as e
from bot.domain.mitigation import PlannedStep
from bot.domain.run import Run
from bot.errors import Refused
from bot.handover import Handover
from bot.playbook import Playbook, PlaybookStep
from bot.ports import Clock, StepContext, StepResult
from bot.run_rules import unmet_lines
from bot.runner import Runner
from bot.steering import Steering
from bot.timeline import Timeline
from tests.room import ANN, BEN, EVE, INCIDENT, Blind, open_incident, timeline_at
from tests.test_runner import Desk, playbook
from tests.wound_clock import WoundClock


class Watching(Blind):
    """A step kind that only watches, for ever unless it is cut short."""

    kind = "watching"

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def plan(self, context: StepContext) -> PlannedStep:
        return PlannedStep(kind=self.kind, title="", says="watch", undo_says="", waits=True)

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        self.acts += 1
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")


class Slow(Blind):
    """A step kind whose act never comes back, and that can be looked at."""

    kind = "slow"

    def __init__(self, seen: StepResult | None) -> None:
        super().__init__()
        self._seen = seen

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        self.acts += 1
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    async def observe(self, context: StepContext) -> StepResult | None:
        return self._seen


class Secret(Blind):
    """A step kind that remembers the secret that was handed over, and goes wrong the first time."""

    kind = "secret"

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        self.given.append(context.secret.get_secret_value() if context.secret else "nothing")
        return StepResult(outcome="failed" if len(self.given) == 1 else "done", says="tried")


class Bench(Desk):
    """A desk with playbooks that wait for people."""

    def __init__(self, timeline: Timeline, clock: Clock, handover: Handover) -> None:
        assert isinstance(clock, WoundClock)
        super().__init__(timeline, clock)
        self.handover = handover
        self.watching, self.slow, self.secret = Watching(), Slow(None), Secret()
        two = self.playbooks["two"]
        held = two.steps[1].model_copy(update={"ask": "Switch y on as well"})
        self.playbooks = {
            **self.playbooks,
            "agreed": two.model_copy(update={"name": "agreed", "second_person": True}),
            "held": two.model_copy(update={"name": "held", "steps": (two.steps[0], held)}),
            "watch": playbook(("switch", "x"), ("watching", "w"), ("switch", "y"), name="watch"),
            "slow": _quick(playbook(("slow", "s"), ("switch", "y"), name="slow")),
            "key": playbook(("secret", "s"), name="key").model_copy(update={"needs_key": True}),
        }

    @property
    def steering(self) -> Steering:
        return Steering(self.timeline, self.clock, playbooks=self.playbooks, new_id=self.new_id)

    def runner(self, _: object = None) -> Runner:
        kinds = (self.switch, self.blind, self.watching, self.slow, self.secret)
        return Runner(
            self.timeline,
            self.clock,
            playbooks=self.playbooks,
            steps={kind.kind: kind for kind in kinds},
            epoch=lambda: self.epoch,
            handover=self.handover,
            approval_s=900,
        )

    async def begin(self, name: str, *, ticket: str | None = None) -> Run:
        done = await self.incidents.request_run("default", name, actor=ANN, ticket=ticket)
        assert done.event is not None
        assert isinstance(done.event.fact, e.RunRequested)
        await self.drain()
        return await self.run(done.event.fact.run)


def _quick(found: Playbook) -> Playbook:
    steps = tuple(
        PlaybookStep(kind=s.kind, title=s.title, values=s.values, timeout_s=0.05) for s in found.steps
    )
    return found.model_copy(update={"steps": steps})


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        yield Bench(timeline, clock, Handover.beside(tmp_path / "mx.db"))


async def test_a_run_that_needs_a_second_person_waits_for_somebody_else(bench: Bench) -> None:
    run = await bench.begin("agreed")
    assert (run.unapproved, bench.acts) == (True, [])
    with pytest.raises(Refused, match="You asked for agreed yourself, so somebody else has to approve it"):
        await bench.steering.approve("default", actor=ANN)
    with pytest.raises(Refused, match="A terminal does not count as the second person"):
        await bench.steering.approve("default", actor="cli:ann@box")
    done = await bench.steering.approve("default", actor=BEN)
    assert done.says == "You approved agreed; it starts now."
    await bench.drain()
    run = await bench.run(run.id)
    assert (run.outcome, run.approved_by, bench.acts) == ("done", BEN, ["x on", "y on"])
    with pytest.raises(Refused, match="waits for approval"):
        await bench.steering.approve("default", actor=EVE)


async def test_an_approval_that_nobody_gives_expires(bench: Bench) -> None:
    run = await bench.begin("agreed")
    bench.clock.wind(901)
    await bench.drain()
    run = await bench.run(run.id)
    assert (run.outcome, bench.acts) == ("refused", [])
    assert run.says == (
        "Not begun: nobody else approved it within 15 minutes. Ask again with /mx run agreed, "
        "and have somebody type /mx approve."
    )


async def test_a_run_that_is_declined_does_not_begin(bench: Bench) -> None:
    run = await bench.begin("agreed")
    await bench.steering.decline("default", reason="not before the vendor answers", actor=BEN)
    await bench.drain()
    run = await bench.run(run.id)
    assert (run.outcome, run.says) == ("refused", f"Not begun: {BEN}: not before the vendor answers.")
    assert bench.acts == []


async def test_a_held_step_waits_for_a_persons_go(bench: Bench) -> None:
    run = await bench.begin("held")
    assert (run.live, run.held, bench.acts) == (True, 1, ["x on"])
    incident = (await bench.timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert "waits for your go (Switch y on as well), or /mx stop" in unmet_lines(incident, zone=UTC)[1]
    with pytest.raises(Refused, match="does not wait before that step"):
        await bench.steering.release("default", run.id, 0, actor=BEN)
    await bench.steering.release("default", run.id, 1, actor=BEN)
    await bench.drain()
    assert ((await bench.run(run.id)).outcome, bench.acts) == ("done", ["x on", "y on"])
    with pytest.raises(Refused, match=r"ended \(done\)"):
        await bench.steering.release("default", run.id, 1, actor=EVE)


async def test_a_run_that_is_held_can_be_taken_back_and_another_can_start_meanwhile(bench: Bench) -> None:
    run = await bench.begin("held")
    assert (await bench.begin("p")).outcome == "done"
    await bench.incidents.request_undo("default", run.id, actor=BEN)
    await bench.drain()
    assert bench.acts == ["x on", "a on", "x off"]
    assert (await bench.run(run.id)).outcome == "interrupted"


async def test_stop_halts_what_waits_and_says_what_is_half_done(bench: Bench) -> None:
    run = await bench.begin("held")
    (done,) = await bench.steering.stop(actor=EVE)
    assert done.says == f"{INCIDENT}: held ends after the step under way."
    await bench.drain()
    run = await bench.run(run.id)
    assert run.outcome == "interrupted"
    assert run.says == (
        f"Stopped by {EVE}. X is on. Not done: step 2. On now: x on until 13:00 UTC. "
        "Take back what was done with /mx undo held. /mx run held begins it anew."
    )
    with pytest.raises(Refused, match="No run is under way, so there is nothing to stop"):
        await bench.steering.stop(actor=EVE)


async def test_stop_halts_a_run_after_its_current_step_in_every_incident(bench: Bench) -> None:
    other = "mx-20261123-0002"
    await open_incident(bench.timeline, bench.clock, incident=other, integration="second")
    bench.switch.on_act = lambda _: None
    await bench.incidents.request_run("default", "two", actor=ANN)
    await bench.incidents.request_run("second", "two", actor=ANN)
    runner = bench.runner()
    for run in ("run-1", "run-2"):
        for _ in range(2):  # each is planned and has done its first step
            await runner.advance(run=run)
    done = await bench.steering.stop(actor=EVE)
    assert {one.incident for one in done} == {INCIDENT, other}
    await bench.drain()
    incidents = (await bench.timeline.book()).incidents()
    assert [run.outcome for incident in incidents for run in incident.runs] == ["interrupted"] * 2
    assert "y on" not in bench.acts


@pytest.mark.parametrize("how", ["stop", "undo"])
async def test_a_step_that_only_watches_is_cut_short(bench: Bench, how: str) -> None:
    await bench.incidents.request_run("default", "watch", actor=ANN)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(bench.runner().run())
        await bench.watching.begun.wait()
        if how == "stop":
            await bench.steering.stop(actor=EVE)
        else:
            await bench.incidents.request_undo("default", "watch", actor=EVE)
        last = "run-1" if how == "stop" else "run-2"
        while (await bench.run(last)).live:
            await bench.timeline.changed((await bench.timeline.book()).head.seq, timeout_s=1)
        running.cancel()
    run = await bench.run("run-1")
    assert run.steps[1].state == "inconclusive"
    word = "stopped it" if how == "stop" else "takes it back"
    assert run.steps[1].says == f"not watched to the end: {EVE} {word}"
    assert bench.acts == (["x on"] if how == "stop" else ["x on", "x off"])


async def test_an_act_that_takes_too_long_is_looked_at(bench: Bench) -> None:
    bench.slow = Slow(StepResult(outcome="done", says="it did take effect"))
    run = await bench.begin("slow")
    assert (run.outcome, run.steps[0].says, bench.slow.acts) == ("done", "it did take effect", 1)


async def test_an_act_that_takes_too_long_and_that_nobody_can_see_is_interrupted(bench: Bench) -> None:
    run = await bench.begin("slow")
    assert (run.outcome, run.steps[0].state, bench.acts) == ("interrupted", "interrupted", [])
    assert "whether it took effect cannot be told" in run.says


async def test_a_failed_step_is_tried_again_and_the_run_goes_on(bench: Bench) -> None:
    fails = [StepResult(outcome="failed", says="no"), StepResult(outcome="done", says="now")]
    bench.blind.work = lambda: fails.pop(0)
    run = await bench.begin("p")
    assert (run.outcome, run.stuck) == ("failed", 1)
    done = await bench.steering.resume("default", "p", "retry", actor=BEN)
    assert done.says == "Step 2 of p is tried again; the card shows it."
    await bench.drain()
    run = await bench.run(run.id)
    assert (run.outcome, [step.says for step in run.steps]) == ("done", ["a is on", "now"])
    assert bench.acts == ["a on"]
    with pytest.raises(Refused, match=r"p ended \(done\), and no step of it waits"):
        await bench.steering.resume("default", "p", "retry", actor=BEN)


async def test_a_failed_step_is_passed_over_with_a_reason(bench: Bench) -> None:
    bench.playbooks = {**bench.playbooks, "p": playbook(("blind", "b"), ("switch", "a"))}
    bench.blind.work = lambda: StepResult(outcome="failed", says="no")
    run = await bench.begin("p")
    with pytest.raises(Refused, match="needs a reason"):
        await bench.steering.resume("default", "p", "skip", actor=BEN, reason="  ")
    await bench.steering.resume("default", "p", "skip", actor=BEN, reason="looked by hand")
    await bench.drain()
    run = await bench.run(run.id)
    assert (run.outcome, bench.acts) == ("inconclusive", ["a on"])
    assert run.steps[0].says == f"passed over by {BEN}: looked by hand (it failed: no)"


async def test_a_run_that_was_taken_back_does_not_go_on(bench: Bench) -> None:
    bench.blind.work = lambda: StepResult(outcome="failed", says="no")
    await bench.begin("p")
    await bench.incidents.request_undo("default", "p", actor=BEN)
    await bench.drain()
    with pytest.raises(Refused, match=f"{BEN} took it back at 12:00 UTC, so this run does not go on"):
        await bench.steering.resume("default", "run-1", "retry", actor=ANN)


async def test_what_is_on_is_kept_on_and_stays_its_owners(bench: Bench) -> None:
    run = await bench.begin("two")
    bench.clock.wind(3000)
    await bench.steering.extend("default", run.id, actor=BEN)
    await bench.drain()
    incident = (await bench.timeline.book()).incident(INCIDENT)
    assert incident is not None
    ends = {(lease.owner, lease.expires_at) for lease in incident.leases}
    assert ends == {(ANN, bench.clock.now() + timedelta(hours=1))}
    assert incident.runs[-1].outcome == "done"
    await bench.incidents.request_undo("default", run.id, actor=BEN)
    await bench.drain()
    assert bench.world == {}
    with pytest.raises(Refused, match="Nothing of two is on any more"):
        await bench.steering.extend("default", run.id, actor=BEN)


async def test_a_key_is_handed_over_outlives_a_failed_step_and_is_forgotten_at_the_end(
    bench: Bench, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="key needs the new key"):
        await bench.begin("key")
    ticket = bench.handover.give(SecretStr("mx-new-key"))
    folder = tmp_path / "mx.db-handover"
    assert ((folder / ticket).stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    run = await bench.begin("key", ticket=ticket)
    assert run.outcome == "failed"
    assert [file.name for file in folder.iterdir()] == [ticket]
    await bench.steering.resume("default", "key", "retry", actor=BEN)
    await bench.drain()
    assert (await bench.run(run.id)).outcome == "done"
    assert bench.secret.given == ["mx-new-key", "mx-new-key"]
    assert list(folder.iterdir()) == []
    assert all("mx-new-key" not in event.model_dump_json() for event in await bench.timeline.since(0))
