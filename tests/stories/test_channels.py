"""Where the card goes, and what people are told where it cannot go."""

from pathlib import Path

from bot.demo.maintainx import Fault
from tests.stories.world import whole


async def test_a_bot_that_is_not_in_the_channel_says_what_to_type(tmp_path: Path) -> None:
    async with whole(tmp_path, bot_member=False) as world:
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage")
        assert "/invite @mx" in await world.heard("/invite @mx")
        assert world.cards() == []
        world.slack.invite_bot(world.channel)
        await world.mx("triage")
        await world.card("SEV-2")


async def test_asked_elsewhere_one_gets_a_private_link(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        elsewhere = world.slack.create_channel("random", [world.ann, world.ben])
        world.maintainx.break_(Fault("limited"))
        assert f"<#{world.channel}>" in await world.mx("triage", channel=elsewhere)
        await world.card("SEV-2")
        assert "The card" in await world.heard("The card", channel=elsewhere)
        assert world.cards(elsewhere) == []


async def test_without_a_configured_channel_the_card_comes_where_it_was_asked_for(tmp_path: Path) -> None:
    async with whole(tmp_path, own_channel=False) as world:
        here = world.slack.create_channel("plant", [world.ann, world.ben])
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage", channel=here)
        await world.card("SEV-2", channel=here)
        assert world.cards() == []


async def test_all_is_well_is_said_privately_and_opens_nothing(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        await world.recovered()
        await world.mx("triage")
        await world.heard("healthy: ")
        assert world.slack.messages(world.channel) == ()
        assert {event.fact.kind for event in await world.facts()} == {"triage_requested", "triage_finished"}
