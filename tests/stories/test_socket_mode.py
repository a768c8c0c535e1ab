"""Socket Mode does the same job without a public address, and a repeated envelope acts once."""

from pathlib import Path

from bot.demo.maintainx import Fault
from tests.stories.world import started

ENABLE = "Enable emergency rate limit"


async def test_the_same_job_over_a_socket(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        world.maintainx.break_(Fault("limited"))
        world.env["SLACK_APP_TOKEN"] = world.slack.app_token
        del world.env["SLACK_SIGNING_SECRET"]
        async with world.bot():
            world.slack.mischief.repeat = 1
            outcome = await world.slack.command(world.ann, world.channel, "/mx", "triage")
            assert outcome.error is None
            assert "Looking at both sides" in (outcome.text or "")
            card = await world.card("SEV-2", ENABLE)
            await world.slack.click(world.ben, world.channel, card.ts, "Acknowledge")
            await world.card(f"Who has it: @{world.ben}")
            await world.slack.settled()
            async with world.http.post(f"{world.url}/slack/events") as answer:
                assert answer.status == 404
        kinds = [event.fact.kind for event in await world.facts()]
        assert kinds.count("triage_requested") == 1
        assert kinds.count("acknowledged") == 1


async def test_a_socket_that_slack_closes_is_opened_again(tmp_path: Path) -> None:
    async with started(tmp_path) as world:
        world.env["SLACK_APP_TOKEN"] = world.slack.app_token
        del world.env["SLACK_SIGNING_SECRET"]
        async with world.bot():
            world.slack.drop_sockets()
            await world.until(lambda: world.slack.sockets > 0, "a new connection")
            outcome = await world.slack.command(world.ann, world.channel, "/mx", "status")
            assert "No incident is open" in (outcome.text or "")
