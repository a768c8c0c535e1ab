"""Two people press the same button at once: one run starts, and the second is told who was first."""

import asyncio
from pathlib import Path

import pytest

from bot.deciding import Done
from bot.errors import Refused
from bot.incidents import Incidents
from bot.planning import fingerprint
from bot.playbook import Playbook, PlaybookStep
from bot.run_rules import Stale
from bot.runner import Runner
from tests.room import ANN, BEN, INCIDENT, Switch, numbered, open_incident, timeline_at
from tests.wound_clock import WoundClock

LIMIT = Playbook(
    name="rate-limited",
    title="Emergency rate limit",
    button="Enable emergency rate limit",
    fits=("rate-limited",),
    when="MaintainX answers 429.",
    steps=(PlaybookStep(kind="switch", title="Slow down", values={"word": "limit"}),),
)


async def test_two_people_press_run(tmp_path: Path) -> None:
    clock = WoundClock()
    acts: list[str] = []
    # Two processes, each with its own connection to the one file.
    async with timeline_at(tmp_path / "mx.db", clock) as one, timeline_at(tmp_path / "mx.db", clock) as two:
        await open_incident(one, clock)
        incident = (await one.book()).incident(INCIDENT)
        assert incident is not None
        seen = fingerprint(LIMIT, incident=incident)
        new_id = numbered("run")

        async def press(person: str) -> Done | str:
            timeline = one if person == ANN else two
            incidents = Incidents(timeline, clock, playbooks={LIMIT.name: LIMIT}, new_id=new_id)
            try:
                return await incidents.request_run("default", LIMIT.name, actor=person, fingerprint=seen)
            except Stale as stale:
                return f"STALE {stale}"
            except Refused as refused:
                return str(refused)

        answers = await asyncio.gather(press(ANN), press(BEN))

        won = [answer for answer in answers if isinstance(answer, Done)]
        lost = [answer for answer in answers if isinstance(answer, str)]
        assert len(won) == len(lost) == 1
        assert won[0].event is not None
        first = won[0].event.actor
        assert lost == [
            f"rate-limited is going already: {first} started it at 12:00 UTC. The card shows each step."
        ]

        step = Switch({}, acts, clock)
        runner = Runner(one, clock, playbooks={LIMIT.name: LIMIT}, steps={step.kind: step}, epoch=lambda: 1)
        while await runner.advance():
            pass
        assert acts == ["limit on"]
        after = (await two.book()).incident(INCIDENT)
        assert after is not None
        assert [(run.requested_by, run.outcome) for run in after.runs] == [(first, "done")]


async def test_a_third_person_comes_when_it_is_on(tmp_path: Path) -> None:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        incidents = Incidents(timeline, clock, playbooks={LIMIT.name: LIMIT}, new_id=numbered("run"))
        await incidents.request_run("default", LIMIT.name, actor=ANN)
        step = Switch({}, [], clock)
        runner = Runner(
            timeline, clock, playbooks={LIMIT.name: LIMIT}, steps={step.kind: step}, epoch=lambda: 1
        )
        while await runner.advance():
            pass
        clock.wind(300)
        with pytest.raises(Refused, match=f"rate-limited is on already: {ANN} started it at 12:00 UTC"):
            await incidents.request_run("default", LIMIT.name, actor=BEN)
