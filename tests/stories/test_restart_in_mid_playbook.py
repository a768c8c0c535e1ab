"""The bot dies in mid playbook, between any two facts or around any act: the next one settles it by looking.

Nothing is done twice, what is on in the world is on in the incident, and where nobody can know it says so.
"""

import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain.events import Draft, Event
from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.gateway_client import GatewayClient
from bot.incidents import Incidents
from bot.playbook import Playbook, PlaybookStep, by_kind, shipped
from bot.ports import Step
from bot.runner import Runner
from bot.scrub import Scrubber
from bot.steps import step_kinds
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import ANN, BEN, INCIDENT, Blind, Switch, numbered, open_incident, timeline_at
from tests.wound_clock import WoundClock

TWO = Playbook(
    name="two",
    title="Two switches",
    button="Two",
    fits=(),
    when="Ever.",
    steps=tuple(PlaybookStep(kind="switch", title=word, values={"word": word}) for word in ("x", "y")),
)
BLIND = Playbook(
    name="blind",
    title="Unseen",
    button="Unseen",
    fits=(),
    when="Ever.",
    steps=(
        PlaybookStep(kind="blind", title="b", values={}),
        PlaybookStep(kind="switch", title="x", values={"word": "x"}),
    ),
)
PLAYBOOKS = {book.name: book for book in (TWO, BLIND)}


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class Fuse:
    """Kills at the n-th point that is passed."""

    def __init__(self, points: int) -> None:
        self.left = points
        self.blown = False

    def pass_point(self, _: str = "") -> None:
        self.left -= 1
        if self.left == 0:
            self.blown = True
            raise Killed


class MortalTimeline(Timeline):
    """A timeline in a process that may die before or after each append."""

    pass_point: Callable[[], None] = lambda: None

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        self.pass_point()
        events = await super().append(*drafts)
        self.pass_point()
        return events


@asynccontextmanager
async def one_life(path: Path, clock: WoundClock, fuse: Fuse) -> AsyncIterator[Timeline]:
    async with MortalTimeline.open(path, clock=clock, scrub=Scrubber()) as timeline:
        assert isinstance(timeline, MortalTimeline)
        await timeline.next_epoch()
        timeline.pass_point = fuse.pass_point
        yield timeline


async def live(timeline: Timeline, clock: WoundClock, steps: tuple[Step, ...]) -> None:
    """One life of the bot: it acts until nothing is due, or until it dies."""
    epoch = await timeline.epoch()
    runner = Runner(timeline, clock, playbooks=PLAYBOOKS, steps=by_kind(steps), epoch=lambda: epoch)
    while await runner.advance():
        # A new runner after every single thing: it has no memory but the timeline.
        runner = Runner(timeline, clock, playbooks=PLAYBOOKS, steps=by_kind(steps), epoch=lambda: epoch)


async def the_incident(path: Path, clock: WoundClock) -> Incident:
    async with timeline_at(path, clock) as timeline:
        assert (await timeline.verify()).ok
        found = (await timeline.book()).incident(INCIDENT)
        assert found is not None
        return found


async def lives(
    path: Path, clock: WoundClock, world: dict[str, str], acts: list[str], *, die_at: int
) -> bool:
    """Die at that point, then live on in a new process until all is over; False where the point was never reached."""
    fuse = Fuse(die_at)
    switch = Switch(world, acts, clock)
    switch.on_act = fuse.pass_point
    try:
        async with one_life(path, clock, fuse) as timeline:
            await live(timeline, clock, (switch,))
    except Killed:
        pass
    async with one_life(path, clock, Fuse(0)) as timeline:
        await live(timeline, clock, (Switch(world, acts, clock),))
    return fuse.blown


def told(run: Run) -> list[str]:
    return [step.state for step in run.steps]


async def test_killed_at_every_point_of_a_run(tmp_path: Path) -> None:
    ends = set()
    for die_at in itertools.count(1):
        path, clock = tmp_path / f"{die_at}.db", WoundClock()
        world: dict[str, str] = {}
        acts: list[str] = []
        async with timeline_at(path, clock) as timeline:
            await open_incident(timeline, clock)
            await Incidents(timeline, clock, playbooks=PLAYBOOKS, new_id=numbered("run")).request_run(
                "default", "two", actor=ANN
            )
        died = await lives(path, clock, world, acts, die_at=die_at)
        incident = await the_incident(path, clock)
        run = incident.runs[0]

        assert acts == [f"{word} on" for word in world], die_at  # each at most once, and none forgotten
        assert {lease.says for lease in incident.leases} == {f"{word} on" for word in world}, die_at
        assert run.outcome == ("done" if set(world) == {"x", "y"} else "failed"), die_at
        assert all(phase in {"done", "failed", "waiting"} for phase in told(run)), die_at
        if run.outcome == "failed":
            assert "was not switched on" in run.says, die_at
        ends.add(run.outcome)
        if not died:
            break
    assert ends == {"done", "failed"}
    assert (
        die_at > 15
    )  # 6 facts with two points each, 2 acts with two points each, and one life without a death


async def test_killed_at_every_point_of_an_undo(tmp_path: Path) -> None:
    for die_at in itertools.count(1):
        path, clock = tmp_path / f"{die_at}.db", WoundClock()
        world: dict[str, str] = {}
        acts: list[str] = []
        async with timeline_at(path, clock) as timeline:
            await open_incident(timeline, clock)
            incidents = Incidents(timeline, clock, playbooks=PLAYBOOKS, new_id=numbered("run"))
            await incidents.request_run("default", "two", actor=ANN)
            await live(timeline, clock, (Switch(world, acts, clock),))
            await incidents.request_undo("default", "two", actor=BEN)
        died = await lives(path, clock, world, acts, die_at=die_at)
        incident = await the_incident(path, clock)
        undo = incident.runs[1]

        assert acts[2:] == [f"{word} off" for word in ("y", "x") if word not in world], die_at
        assert {lease.says for lease in incident.leases} == {f"{word} on" for word in world}, die_at
        assert undo.outcome == ("failed" if world else "done"), die_at
        if world:
            assert "Two is not taken back" in undo.says, die_at
            assert "/mx undo two tries again" in undo.says, die_at
        if not died:
            break
    assert die_at > 15


async def test_where_nobody_can_know_it_is_interrupted_and_a_person_decides(tmp_path: Path) -> None:
    path, clock = tmp_path / "mx.db", WoundClock()
    async with timeline_at(path, clock) as timeline:
        await open_incident(timeline, clock)
        incidents = Incidents(timeline, clock, playbooks=PLAYBOOKS, new_id=numbered("run"))
        await incidents.request_run("default", "blind", actor=ANN)

    def die() -> None:
        raise Killed

    blind = Blind(die)
    acts: list[str] = []
    with pytest.raises(Killed):
        async with one_life(path, clock, Fuse(0)) as timeline:
            await live(timeline, clock, (blind, Switch({}, acts, clock)))
    async with one_life(path, clock, Fuse(0)) as timeline:
        await live(timeline, clock, (blind, Switch({}, acts, clock)))
    run = (await the_incident(path, clock)).runs[0]
    assert (run.outcome, told(run)) == ("interrupted", ["interrupted", "waiting"])
    assert (blind.acts, acts) == (1, [])  # never run again silently, and what comes after is not begun
    assert "whether it took effect cannot be told from here" in run.says
    assert "Not done: step 2." in run.says


async def test_a_gateway_that_is_away_at_the_restart_is_waited_for(tmp_path: Path) -> None:
    path, clock = tmp_path / "mx.db", WoundClock()
    async with (
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as client,
    ):
        steps = step_kinds(client, clock)
        playbooks = shipped(by_kind(steps))
        gateway.traffic(200)
        async with timeline_at(path, clock) as timeline:
            await open_incident(timeline, clock)
            incidents = Incidents(timeline, clock, playbooks=playbooks, new_id=numbered("run"))
            await incidents.request_run("default", "rate-limited", actor=ANN)

            def runner() -> Runner:
                return Runner(timeline, clock, playbooks=playbooks, steps=by_kind(steps), epoch=lambda: 0)

            await runner().advance()
            fuse = Fuse(2)  # the step is written as started, then the process is gone
            mortal = MortalTimeline(timeline._database, clock=clock, scrub=Scrubber())
            mortal.pass_point = fuse.pass_point
            with pytest.raises(Killed):
                await Runner(
                    mortal, clock, playbooks=playbooks, steps=by_kind(steps), epoch=lambda: 0
                ).advance()
            gateway.leases["run-1"] = {"id": "run-1", "rate_per_s": 1.0, "owner": ANN, "reason": "r"}
            gateway.broken = 503
            clock.on_tick = lambda _: setattr(gateway, "broken", None if clock.monotonic() > 1005 else 503)
            await runner().advance()
            found = (await timeline.book()).incident(INCIDENT)
            assert found is not None
            assert told(found.runs[0]) == ["done", "waiting"]
            assert [lease.id for lease in found.leases] == ["run-1"]


async def test_a_real_process_is_killed_while_the_gateway_holds_its_answer(tmp_path: Path) -> None:
    path, clock = tmp_path / "mx.db", WoundClock()
    async with (
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as client,
        timeline_at(path, clock) as timeline,
    ):
        steps = step_kinds(client, clock)
        playbooks = shipped(by_kind(steps))
        await open_incident(timeline, clock)
        incidents = Incidents(timeline, clock, playbooks=playbooks, new_id=numbered("run"))
        await incidents.request_run("default", "rate-limited", actor=ANN)
        gateway.traffic(200)
        gateway.hold_answer_of = "PUT"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.stories.runner_process", str(path), gateway.url
        )
        try:
            async with asyncio.timeout(60):
                await gateway.holding.wait()
        finally:
            process.send_signal(signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
        gateway.hold_answer_of = None

        before = (await timeline.book()).incident(INCIDENT)
        assert before is not None
        assert told(before.runs[0]) == ["started", "waiting"]
        assert before.leases == ()
        assert set(gateway.leases) == {"run-1"}

        clock.on_tick = lambda _: gateway.traffic(200)
        epoch = await timeline.next_epoch()
        runner = Runner(timeline, clock, playbooks=playbooks, steps=by_kind(steps), epoch=lambda: epoch)
        while await runner.advance():
            pass
        after = (await timeline.book()).incident(INCIDENT)
        assert after is not None
        assert (after.runs[0].outcome, told(after.runs[0])) == ("done", ["done", "done"])
        assert [lease.id for lease in after.leases] == ["run-1"]
        assert gateway.calls.count("PUT /-/leases/run-1") == 1
