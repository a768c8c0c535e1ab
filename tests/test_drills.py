"""The follower of drills, with child processes that do whatever a child may do."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import AnyFact, Draft, desk
from bot.drills import Drills
from bot.ports import Clock
from bot.timeline import Timeline
from tests.stories.world import QuickClock

PATIENCE_S = 20.0
STARTED = {"event": "started", "url": "http://127.0.0.1:1/"}
FINISHED = {"event": "finished", "ended": "time", "score": 40, "says": "40", "lines": ["a"]}


@dataclass
class Rig:
    """A timeline on which a drill was asked for, and what the channel was told of it."""

    timeline: Timeline
    clock: Clock
    posted: list[DrillStarted | DrillFinished] = field(default_factory=list)

    async def tell(self, _channel: str | None, fact: DrillStarted | DrillFinished) -> None:
        self.posted.append(fact)

    async def append(self, fact: AnyFact) -> None:
        await self.timeline.append(
            Draft(stream=desk("default"), actor="slack:U1", at=self.clock.now(), fact=fact)
        )

    async def told(self) -> None:
        """Wait until anything is told."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.posted:  # noqa: ASYNC110 - a list of ours
                await asyncio.sleep(0.02)

    async def end(self) -> DrillFinished:
        """What is told last."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.posted or not isinstance(self.posted[-1], DrillFinished):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.02)
        last = self.posted[-1]
        assert isinstance(last, DrillFinished)
        return last


@asynccontextmanager
async def asked_for(
    folder: Path, *command: str, clock: Clock | None = None, own: Path | None = None
) -> AsyncIterator[Rig]:
    """The follower at work on a drill whose process is this command."""
    clock = clock or SystemClock()
    async with Timeline.open(folder / "mx.db", clock=clock, scrub=str) as timeline:
        rig = Rig(timeline, clock)
        await rig.append(DrillRequested(request="d-1", integration="default", drill="night-shift"))
        drills = Drills(timeline, clock, tell=rig.tell, folder=folder, own=own, command=command)
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(drills.follow())
            try:
                yield rig
            finally:
                loop.cancel()


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


async def test_a_teams_own_drill_is_started_by_its_folder(tmp_path: Path) -> None:
    """A child that tells its own arguments: the folder comes with them, wherever the database lies."""
    script = "import json, sys; print(json.dumps({'event': 'finished', 'ended': 'time', 'says': ' '.join(sys.argv)}))"
    async with asked_for(tmp_path, *python(script), own=tmp_path / "own") as rig:
        last = await rig.end()
    assert last.says.endswith(f"night-shift --events --own {tmp_path / 'own'}")


async def test_a_drill_whose_process_cannot_be_started_is_told_as_failed(tmp_path: Path) -> None:
    async with asked_for(tmp_path, "/nowhere/python") as rig:
        last = await rig.end()
    assert last.outcome == "failed"
    assert "No such file" in last.says


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("import sys; sys.exit(3)", "failed"),
        ("print('not JSON', flush=True)", "failed"),
        (f"import json; print(json.dumps({STARTED})); print(json.dumps({FINISHED}))", "done"),
    ],
    ids=["it falls", "it says nothing of use", "it ends"],
)
async def test_whatever_its_process_does_the_drill_comes_to_an_end(
    tmp_path: Path, script: str, outcome: str
) -> None:
    async with asked_for(tmp_path, *python(script)) as rig:
        last = await rig.end()
        book = await rig.timeline.book()
    assert last.outcome == outcome
    assert not book.pending_drills()
    assert book.desk("default").drill is None


async def test_a_stopped_drill_is_given_real_time_to_tell_its_score(tmp_path: Path) -> None:
    """The bot's clock may run quicker than the drill's processes end."""
    score = {"event": "finished", "ended": "stopped", "says": "12 of 100 points", "score": 12}
    script = (
        f"import json, sys, time; print(json.dumps({STARTED}), flush=True); sys.stdin.read(); time.sleep(3.5); "
        f"print(json.dumps({score}))"
    )
    async with asked_for(tmp_path, *python(script), clock=QuickClock()) as rig:
        await rig.told()
        await rig.append(
            DrillFinished(
                request="d-1", drill="night-shift", outcome="stopped", score=None, says="It was stopped"
            )
        )
        last = await rig.end()
    assert (last.outcome, last.score) == ("stopped", 12)
