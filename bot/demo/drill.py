"""A drill: a world of its own, a scenario that breaks it, people who fly it, and the score at the end."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.demo.browser.board import FAULTS, BoardRoutes, Told
from bot.demo.cockpit import page_of
from bot.demo.door import beside
from bot.demo.faultboard import Board
from bot.demo.scoring import Score, score
from bot.demo.slack.records import Version
from bot.demo.world import SLOW_PACE, Plan, World, start_world
from bot.domain.calendar import Calendar
from bot.domain.events import Event, RunFinished, RunRequested
from bot.domain.incident import Incident
from bot.domain.showing import ReportPosted
from bot.errors import ConfigError
from bot.lanes import Lanes
from bot.picture import picture_of
from bot.playbook import SHIPPED as PLAYBOOKS
from bot.report import facts_for
from bot.report_forms import forms
from bot.scenario import Scenario, ScenarioFault
from bot.templating import Templates
from bot.timeline import Timeline

LOOK_S = 0.2
"""Real seconds between two looks at the drill's timeline."""
CALENDAR = Calendar(ZoneInfo("UTC"))
CONTROL = "Exercise control"
_PACE = SLOW_PACE | {"work-order-sync": 0.9, "asset-sync": 0.25}

Ended = str
"""``resolved``, ``time`` or ``stopped``."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a drill went."""

    scenario: Scenario
    ended: Ended
    score: Score
    report: str
    """The report as Markdown; empty where there was no incident."""
    page: str = ""
    """The same as one page of HTML."""

    @property
    def says(self) -> str:
        """One line."""
        how = {"resolved": "resolved", "time": "the time was up", "stopped": "it was stopped"}[self.ended]
        return f"Drill {self.scenario.name}: {self.score.points} of 100 points ({how})"

    def as_json(self) -> dict[str, Any]:
        """As ``score.json`` has it."""
        return {
            "drill": self.scenario.name,
            "ended": self.ended,
            "score": self.score.points,
            "marks": [
                {
                    "name": one.name,
                    "points": one.points,
                    "of": one.most,
                    "says": one.says,
                    "next_time": one.next_time,
                }
                for one in self.score.marks
            ],
            "lesson": self.scenario.good.lesson,
        }


@dataclass(slots=True)
class Flight:
    """A drill under way."""

    scenario: Scenario
    world: World
    url: str
    board: Board
    began: float = 0.0
    """Simulated seconds at which it began."""
    broke_at: datetime | None = None
    ended: Ended = ""

    @property
    def passed_s(self) -> float:
        """Simulated seconds since it began."""
        return self.world.clock.monotonic() - self.began

    async def history(self) -> tuple[Incident | None, tuple[Event, ...]]:
        """The drill's incident, and its facts."""
        async with Timeline.open(self.world.folder / "mx.db", clock=self.world.clock, scrub=str) as timeline:
            found = (await timeline.book()).latest()
            return found, await timeline.history(found.id) if found else ()

    async def result(self) -> Result:
        """The score as it is now, and the report."""
        world = self.world
        async with Timeline.open(world.folder / "mx.db", clock=world.clock, scrub=str) as timeline:
            book = await timeline.book()
            found = book.latest()
            history = await timeline.history(found.id) if found else ()
            began = self.broke_at or world.clock.now()
            points = score(self.scenario, found, history, began=began, calendar=CALENDAR)
            if found is None:
                return Result(self.scenario, self.ended or "stopped", points, "")
            zone, now = CALENDAR.zone, world.clock.now()
            async with Lanes.open(world.folder / "mx.db") as lanes:
                kept = await lanes.of(found.id)
            lane = kept.lane if kept else None
            report = facts_for(
                found,
                history,
                head=book.head,
                zone=zone,
                now=now,
                names=self._name,
                calendar=CALENDAR,
                lane=lane,
            )
            picture = picture_of(found, history, lane=lane, zone=zone, now=now, names=self._name)
            made = forms(report, picture, Templates())
        return Result(self.scenario, self.ended or "stopped", points, made.markdown, made.html)

    def _name(self, actor: str) -> str:
        return self.world.slack.name_of(actor.removeprefix("slack:"))


def checked(scenario: Scenario) -> None:
    """Raises ConfigError where the board has no such fault, or not with such values, or a playbook is not there."""
    known = {fault.id: fault for fault in FAULTS}
    faults: list[str] = []
    for number, one in enumerate(scenario.faults):
        place = f"{scenario.name}: faults[{number}]"
        if one.id not in known:
            faults.append(f"{place}: the board has no fault {one.id}; it has {', '.join(known)}")
            continue
        try:
            known[one.id].read(one.values)
        except ValueError as error:
            faults.append(f"{place}: {error}")
    good = scenario.good
    named = {name for wanted in good.helps for name in wanted.any_of} | {harm.playbook for harm in good.harms}
    named |= {fault.mended_by for fault in scenario.faults if fault.mended_by}
    there = ", ".join(PLAYBOOKS)
    faults += [
        f"{scenario.name}: there is no playbook {name}; there are {there}"
        for name in sorted(named - set(PLAYBOOKS))
    ]
    if faults:
        raise ConfigError(tuple(faults))


@asynccontextmanager
async def flying(
    scenario: Scenario, *, people: Sequence[str], port: int = 0, speed: int | None = None
) -> AsyncIterator[Flight]:
    """The world of this drill, with its page; the scenario plays until the block ends. Raises StoryFault, ConfigError.

    The processes are given an environment of their own: nothing of whoever started this reaches them.
    """
    checked(scenario)
    plan = Plan(people=tuple(people), watch=True, interval_s=(60.0, 15.0), drill=True, host=True, pace=_PACE)
    async with start_world(plan) as world:
        board = Board(world, FAULTS)
        steering = BoardRoutes(world, board=board, drill=Told(scenario.title, scenario.story))
        async with page_of(world, port=port, steering=steering) as url:
            flight = Flight(scenario, world, url, board)
            await _say(world, f"*Drill: {scenario.title}*\n{scenario.story.strip()}")
            world.clock.run_at(speed or scenario.speed)
            flight.began = world.clock.monotonic()
            async with beside(*(_break(flight, fault) for fault in scenario.faults)):
                yield flight


async def over(flight: Flight, stop: asyncio.Event) -> None:
    """Wait until it is resolved and reported, the time is up, or ``stop`` is set."""
    while True:
        found, history = await flight.history()
        flight.world.check()
        reported = any(isinstance(event.fact, ReportPosted) for event in history)
        if found is not None and not found.open and reported:
            flight.ended = "resolved"
        elif flight.passed_s >= flight.scenario.length_s:
            flight.ended = "time"
        elif stop.is_set():
            flight.ended = "stopped"
        if flight.ended:
            return
        try:
            async with asyncio.timeout(LOOK_S):
                await stop.wait()
        except TimeoutError:
            continue


def written(result: Result, folder: Path) -> tuple[Path, ...]:
    """Write the score and the report into this folder; the files."""
    name = result.scenario.name
    files = {f"{name}-score.json": json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n"}
    if result.report:
        files |= {f"{name}-report.md": result.report, f"{name}-report.html": result.page}
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for file, text in files.items():
        path = folder / file
        path.write_text(text, "utf-8")
        made.append(path)
    return tuple(made)


async def _break(flight: Flight, fault: ScenarioFault) -> None:
    """Break it when its time comes, and mend it when its time is over or it was bought."""
    clock = flight.world.clock
    await clock.sleep(fault.at_s)
    await flight.board.break_(fault.id, fault.values)
    if flight.broke_at is None:
        flight.broke_at = clock.now()
    if fault.mended_by:
        await _bought(flight, fault)
        await clock.sleep(fault.after_s)
    elif fault.until_s is not None:
        await clock.sleep(max(0.0, fault.until_s - fault.at_s))
    else:
        await asyncio.Event().wait()
    await flight.board.mend(fault.id)
    if fault.mended:
        await _say(flight.world, fault.mended.strip())


async def _bought(flight: Flight, fault: ScenarioFault) -> None:
    """Wait until the playbook ran to an end of use, or the fault's own time is over."""
    latest = fault.until_s if fault.until_s is not None else flight.scenario.length_s
    while flight.passed_s < latest:
        _, history = await flight.history()
        asked = {
            event.fact.run
            for event in history
            if isinstance(event.fact, RunRequested) and event.fact.playbook == fault.mended_by
        }
        ended = (event.fact for event in history if isinstance(event.fact, RunFinished))
        if any(one.run in asked and one.outcome in {"done", "inconclusive"} for one in ended):
            return
        await asyncio.sleep(LOOK_S)


async def _say(world: World, text: str) -> None:
    """The drill's own words in its channel, from a person of nobody's: the exercise control."""
    state = world.slack.state
    control = next((one.id for one in state.people.values() if one.name == CONTROL), None)
    if control is None:
        control = world.slack.add_user(CONTROL)
        state.channels[world.channel].members.append(control)
    state.post(world.channel, Version(text=text), user=control)
