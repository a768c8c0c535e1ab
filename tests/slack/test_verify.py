"""``/mx verify`` and ``/mx resolve`` in Slack: the private answer, the card, and what the channel hears."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.demo.slack.render import render
from bot.domain.events import Assessed
from bot.domain.watching import LineState, RecoveryChecked, RecoveryLine, verdict_of
from bot.slack.limits import BLOCKS, SECTION
from bot.slack.postwords import message as post_of
from bot.slack.proofview import section
from bot.verifier import Verifier
from tests import proving, room
from tests.slack import rig as rigs
from tests.slack.rig import UTC_ZONE, Rig
from tests.wound_clock import WoundClock


@dataclass
class Scene:
    """Slack, and a plant that can be proved well."""

    rig: Rig
    here: proving.Plant
    verifier: Verifier

    async def say(self, words: str, user: str | None = None) -> str:
        done = await self.rig.slack.command(user or self.rig.ann, self.rig.channel, "/mx", words)
        assert done.status == 200
        assert done.seconds < 3
        return done.text or ""

    async def answered(self, user: str | None = None) -> list[str]:
        """What a person was told after the acknowledgements."""
        await self.rig.drain()
        await self.verifier.step()
        await self.rig.answers.step()
        told = self.rig.slack.ephemerals(user or self.rig.ann, self.rig.channel)
        return ["\n".join(render(one, width=10_000)) for one in told]

    async def card(self) -> str:
        self.rig.clock.wind(2)
        await self.rig.cards.step()
        (shown, *_) = self.rig.slack.messages(self.rig.channel)
        return "\n".join(render(shown, width=10_000))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with rigs.rig(tmp_path) as rig:
        clock = WoundClock(rig.clock.now())
        async with proving.plant(clock, rig.timeline) as here:
            prover = replace(here.prover, clock=clock)
            yield Scene(rig, here, Verifier(rig.timeline, prover, rig.clock, zone=UTC_ZONE))


async def test_verify_is_answered_privately_with_every_line_and_the_card_shows_them(scene: Scene) -> None:
    await scene.rig.open(proving.healthy())
    assert "line by line; the answer follows" in await scene.say("verify")
    told = (await scene.answered())[-1]
    assert "No traffic to judge recovery by: fresh data, work orders." in told
    for line in ("✓ good rounds: 3 asked just now", "▫ work orders: 0 work orders", "? sync state: where"):
        assert line in told
    shown = await scene.card()
    assert "No traffic to judge recovery by" in shown
    assert "▫ work orders: 0 work orders made in the last hour" in shown
    assert "· /mx resolve" not in shown
    assert len(await scene.answered()) == 2, "once"


async def test_anybody_may_look_and_without_an_incident_it_is_answered_too(scene: Scene) -> None:
    scene.here.works(1)
    await scene.say("verify", scene.rig.ben)
    assert "Recovery is proved: 5 checks met; 1 not known." in (await scene.answered(scene.rig.ben))[-1]


async def test_resolve_tells_what_is_missing_then_resolves_by_the_proof(scene: Scene) -> None:
    incident = await scene.rig.open(proving.healthy())
    assert "if it is" in await scene.say("resolve")
    told = (await scene.answered())[-1]
    assert f"{incident.id} stays open; settle that first" in told
    scene.here.works(1)
    await scene.say("resolve")
    told = (await scene.answered())[-1]
    assert f"{incident.id} is resolved." in told
    assert "For its report: /mx report" in told
    assert "Resolved by" in await scene.card()


async def test_resolve_anyway_puts_each_accepted_line_on_the_card(scene: Scene) -> None:
    await scene.rig.open()
    await scene.say("resolve anyway the plant is shut")
    assert "is resolved all the same, with 2 open points accepted" in (await scene.answered())[-1]
    shown = await scene.card()
    assert "Accepted: fresh data: /workorders" in shown
    assert "Accepted: work orders: 0" in shown


async def test_the_answer_outlives_slack_being_away(scene: Scene) -> None:
    incident = await scene.rig.open(proving.healthy())
    scene.here.clock.wind(10)
    scene.here.works(1)
    await scene.say("resolve")
    await scene.rig.drain()
    scene.rig.slack.down = True
    await scene.verifier.step()
    assert not (await scene.rig.incident(incident.id)).open, "Slack is not asked for that"


def line(name: str, state: LineState, says: str = "because") -> RecoveryLine:
    return RecoveryLine(name=name, state=state, says=says)


async def posted(rig: Rig, fact: RecoveryChecked, stream: str) -> str:
    """What the channel is told of this fact."""
    await room.write(rig.timeline, rig.clock, fact, incident=stream)
    event = (await rig.timeline.history(stream))[-1]
    found = post_of(event, await rig.incident(stream), zone=UTC_ZONE, now=rig.clock.now())
    return str(found["text"]) if found else ""


async def test_the_channel_hears_of_what_mx_found_by_itself_and_of_nothing_else(scene: Scene) -> None:
    incident = await scene.rig.open()
    met, bad = (line("good rounds", "met"),), (line("good rounds", "unmet"),)
    proved = RecoveryChecked(verdict="proved", lines=met, says="Recovery is proved: 1 checks met")
    assert "If you agree that it is over: `/mx resolve`" in await posted(scene.rig, proved, incident.id)
    asked = proved.model_copy(update={"request": "r"})
    assert await posted(scene.rig, asked, incident.id) == "", "who asked is told privately"
    quiet = RecoveryChecked(verdict="no_traffic", lines=bad, says="No traffic")
    assert await posted(scene.rig, quiet, incident.id) == ""
    gone = RecoveryChecked(verdict="not_proved", lines=bad, says="It is no longer", was_proved=True)
    assert "It is no longer" in await posted(scene.rig, gone, incident.id)


async def test_the_longest_proof_fits_and_what_the_outside_says_pings_nobody(scene: Scene) -> None:
    incident = await scene.rig.open()
    evil = "<!channel> slack:U0EVIL " + "x" * 900
    lines = tuple(line(f"line {index}", "unmet", evil) for index in range(9))
    fact = RecoveryChecked(verdict=verdict_of(lines), lines=lines, says="Recovery is not proved")
    await room.write(scene.rig.timeline, scene.rig.clock, fact, incident=incident.id)
    now = await scene.rig.incident(incident.id)
    (block,) = section(now, UTC_ZONE)
    text = block["text"]["text"]  # type: ignore[index,call-overload] # a section
    assert len(str(text)) <= SECTION
    assert str(text).count("✗") == 9
    assert "<!channel>" not in str(text)
    assert "<@U0EVIL>" not in str(text)
    assert len(list(section(now, UTC_ZONE))) < BLOCKS


async def test_triage_that_finds_nothing_points_to_the_proof_until_there_is_one(scene: Scene) -> None:
    incident = await scene.rig.open()
    await room.write(
        scene.rig.timeline, scene.rig.clock, Assessed(assessment=proving.healthy()), incident=incident.id
    )
    assert "To see whether it is over: /mx verify" in await scene.card()
    await scene.rig.prove(incident)
    shown = await scene.card()
    assert "Recovery is proved" in shown
    assert "· /mx resolve" in shown
