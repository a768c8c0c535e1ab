"""A night of the clocks: reminded, missed, taken, lapsed, quiet; with restarts and Slack away, each told once, in order."""

import asyncio
from pathlib import Path

from bot.demo.maintainx import Fault
from bot.demo.slack.records import Message
from tests.stories.world import PATIENCE_S, World, started

MINUTE = 60.0
TOLD = ("response_reminded", "ack_reminded", "ack_lapsed", "snooze_ended")


def posts(world: World) -> list[Message]:
    """What the channel was told, without the card."""
    found = world.slack.messages(world.channel)
    return [one for one in found if (one.now.metadata or {}).get("event_type") == "mx_post"]


async def heard(world: World, count: int, *words: str) -> str:
    """The latest post, once there are so many; it has these words."""
    found = await world.until(lambda: posts(world) if len(posts(world)) >= count else None, f"{count} posts")
    assert found is not None
    assert len(found) == count, [one.text for one in found]
    text = world.text(found[-1])
    assert all(word in text for word in words), text
    return found[-1].text


async def fact(world: World, kind: str, count: int = 1) -> None:
    """Wait until the timeline has so many facts of this kind."""
    async with asyncio.timeout(PATIENCE_S):
        while [event.fact.kind for event in await world.facts()].count(kind) < count:  # noqa: ASYNC110 - the other side's store tells nobody here
            await asyncio.sleep(0.05)


async def test_each_clock_is_told_once_and_in_order(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        world.maintainx.break_(Fault("limited"))
        async with world.bot():
            await world.mx("triage")
            await world.card("SEV-2", "Who has it: nobody yet · respond by")
            world.clock.wind(46 * MINUTE)
            text = await heard(world, 1, "Nobody has", "Respond by", "/mx ack", "Acknowledge")
            assert "<@" not in text
            world.slack.mischief.down = True
            world.clock.wind(16 * MINUTE)
            await fact(world, "response_reminded", 2)
        async with world.bot(ready=False):
            world.clock.wind(3 * MINUTE)
            world.slack.mischief.down = False
            await heard(world, 2, "Nobody has answered", "This is of", "could not be posted before")
            await world.card("response missed at")
            await world.readiness(200)
            assert "It holds until" in await world.mx("ack")
            await world.card(f"Who has it: @{world.ann}", "without a sign")
            world.clock.wind(46 * MINUTE)
            text = await heard(world, 3, "do you still have", "Still on it")
            assert text.startswith(f"<@{world.ann}>")
            await world.card("to confirm by", "Still on it")
            assert "that is confirmed" in await world.mx("ack")
            await world.card("without a sign", without=("Still on it",))
        async with world.bot():
            world.clock.wind(46 * MINUTE)
            await heard(world, 4, "do you still have")
        world.clock.wind(30 * MINUTE)
        async with world.bot():
            await heard(world, 5, "No sign since", "nobody has", "its response clock starts anew")
            await world.card("Who has it: nobody any more · respond by")
            assert "it is quiet until" in await world.mx("snooze 30m on the phone", user=world.ben)
            await world.card("Quiet until", f"Who has it: @{world.ben}")
            world.clock.wind(31 * MINUTE)
            text = await heard(world, 6, "The quiet until", "is still open")
            assert text.startswith(f"<@{world.ben}>")
            await world.card(f"Who has it: @{world.ben}", without=("Quiet",))
            await world.mx("resolve anyway the vendor lifted it", user=world.ben)
            await world.card("Resolved")
        events = await world.facts()
        told = [event for event in events if event.fact.kind in TOLD]
        names = [(one.now.metadata or {})["event_payload"]["fact"] for one in posts(world)]
        assert names == [f"{event.stream}:{event.seq}" for event in told]
        assert [event.fact.kind for event in told] == [
            "response_reminded",
            "response_reminded",
            "ack_reminded",
            "ack_reminded",
            "ack_lapsed",
            "snooze_ended",
        ]
        assert len(world.cards()) == 1
