"""What somebody says in the night is on the timeline in the morning: kept with Slack away and the bot restarted between."""

from pathlib import Path

from bot.demo.maintainx import Fault
from tests.stories.world import started


async def test_a_message_is_kept_through_a_restart_and_an_outage_of_slack(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        async with world.bot():
            world.maintainx.break_(Fault("error"))
            await world.mx("triage")
            await world.card("SEV-1")
            said = world.slack.say(world.ben, world.channel, "the vendor confirms it on the phone")
            world.slack.mischief.answer("conversations.replies", 503, times=100)
            await world.slack.react(world.ann, world.channel, said.ts, "pushpin")
            await world.slack.settled()
            assert not (await world.incident()).notebook.kept
            assert len((await world.incident()).notebook.wanted) == 1
        world.slack.mischief.faults.clear()
        async with world.bot():
            await world.heard("It is on the timeline of")
            (kept,) = (await world.incident()).notebook.kept
            assert kept.fact.author == f"slack:{world.ben}"
            assert kept.kept_by == f"slack:{world.ann}"
            await world.slack.edit(world.ben, world.channel, said.ts, "the vendor takes it back")
            await world.slack.settled()
            (kept,) = (await world.incident()).notebook.kept
            assert kept.text == "the vendor takes it back"
            world.slack.say(world.ann, world.channel, "@mx timeline", thread_ts=said.ts)
            read = await world.heard("Timeline of")
            assert "the vendor confirms it on the phone" in read
            assert "the vendor takes it back" in read
