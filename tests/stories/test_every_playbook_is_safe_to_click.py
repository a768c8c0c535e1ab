"""Each playbook that ships, clicked in Slack: its plan first, bound to what it showed; twice is refused; a crash is settled."""

from pathlib import Path

import pytest

from bot.demo.slack.render import render
from bot.domain.events import Draft, RunRequested, StepStarted
from bot.playbook import SHIPPED
from bot.runner import Runner
from tests.slack import rig as rigs
from tests.slack.rig import Rig

KEY = "mx-new-key-0123456789"
UNSEEN = {"inconclusive", "interrupted", "failed", "done"}
"""How a step may end that was looked at after a crash; never ``started``, and never done a second time unseen."""


async def opened(rig: Rig, name: str, user: str) -> None:
    """The dialog of ``/mx run NAME``, ready to be sent in."""
    outcome = await rig.slack.command(user, rig.channel, "/mx", f"run {name}")
    assert (outcome.status, outcome.error, outcome.message) == (200, None, None)
    dialog = await rig.slack.dialog(user)
    assert dialog.body.get("submit"), rig.shown(user)


def filled(rig: Rig, name: str) -> dict[str, str]:
    return {"The new API key": KEY} if rig.edge.playbooks[name].needs_key else {}


@pytest.mark.parametrize("name", SHIPPED)
async def test_the_plan_comes_first_and_is_shown_again_where_it_has_changed(
    name: str, tmp_path: Path
) -> None:
    async with rigs.rig(tmp_path) as rig:
        incident = await rig.open()
        await opened(rig, name, rig.ann)
        shown = rig.shown(rig.ann)
        for number, step in enumerate(rig.edge.playbooks[name].steps, start=1):
            assert f"{number}. " in shown, (step, shown)
        assert f"Changes: {rig.edge.playbooks[name].touches}"[:60] in shown
        assert (await rig.incident(incident.id)).runs == ()
        fact = RunRequested(run="other", playbook="another")
        await rig.timeline.append(Draft(stream=incident.id, actor="cli:x@y", at=rig.clock.now(), fact=fact))
        await rig.send(rig.ann, filled(rig, name))
        await rig.slack.dialog(rig.ann)
        assert [run.playbook for run in (await rig.incident(incident.id)).runs] == ["another"]
        assert "has changed since it was shown" in rig.shown(rig.ann)
        await rig.send(rig.ann, filled(rig, name))
        assert [run.playbook for run in (await rig.incident(incident.id)).runs] == ["another", name]


@pytest.mark.parametrize("name", SHIPPED)
async def test_the_second_person_is_refused_and_told_who_was_first(name: str, tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as rig:
        incident = await rig.open()
        await opened(rig, name, rig.ann)
        await opened(rig, name, rig.ben)
        await rig.send(rig.ann, filled(rig, name))
        await rig.send(rig.ben, filled(rig, name))
        assert f"@{rig.ann} started it at" in rig.shown(rig.ben)
        assert len((await rig.incident(incident.id)).runs) == 1


@pytest.mark.parametrize("name", SHIPPED)
async def test_a_crash_in_its_first_step_is_settled_by_looking_or_left_to_a_person(
    name: str, tmp_path: Path
) -> None:
    async with rigs.rig(tmp_path) as rig:
        incident = await rig.open()
        rig.gateway.traffic(200, times=20)
        await opened(rig, name, rig.ann)
        await rig.send(rig.ann, filled(rig, name))

        def runner() -> Runner:
            return Runner(
                rig.timeline,
                rig.clock,
                playbooks=rig.edge.playbooks,
                steps=rig.steps,
                epoch=lambda: 0,
                handover=rig.edge.handover,
            )

        assert await runner().advance()  # it is planned
        run = (await rig.incident(incident.id)).runs[0]
        started = StepStarted(run=run.id, index=0, epoch=0)
        await rig.timeline.append(
            Draft(stream=incident.id, actor="mx", at=rig.clock.now(), fact=started)
        )  # and here its process ended
        assert await runner().advance()
        (first, *_) = (await rig.incident(incident.id)).runs[0].steps
        assert first.state in UNSEEN
        assert first.says
        assert rig.gateway.leases == {}, "a crash before the act must not be taken for the act"
        message = rig.slack.messages(rig.channel)
        await rig.cards.step()
        message = rig.slack.messages(rig.channel)
        assert first.says[:40] in "\n".join(render(message[-1], width=10_000))
