"""Slack is down, or never there: facts are kept, nothing is posted twice, and the card catches up."""

from contextlib import AsyncExitStack
from pathlib import Path

from bot.demo.maintainx import Fault
from tests.stories.world import started, whole


async def test_slack_down_then_back(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage")
        await world.card("SEV-2")
        world.slack.mischief.down = True
        await world.mx("ack", user=world.ben)
        # Whether Ben is a full member is not known, and cannot be asked: he is told, and nothing happens.
        assert "could not" in await world.mx("severity 1 the plant stands still", user=world.ben)
        assert "Who has it: nobody" in world.text(world.cards()[0])
        assert "Slack" in await world.readiness(503)
        world.slack.mischief.down = False
        await world.readiness(200)
        await world.card("SEV-2", f"Who has it: @{world.ben}")
        await world.mx("severity 1 the plant stands still", user=world.ben)
        await world.card("SEV-1")


async def test_slack_down_at_the_start_is_not_ready_but_alive(tmp_path: Path) -> None:
    async with started(tmp_path) as world:
        world.slack.mischief.down = True
        async with world.bot(ready=False):
            assert "Slack" in await world.readiness(503)
            async with world.http.get(f"{world.url}/healthz") as answer:
                assert answer.status == 200
            assert "No incident is open" in await world.mx("status")
            world.slack.mischief.down = False
            await world.readiness(200)


async def test_a_wrong_token_is_said_at_readyz(tmp_path: Path) -> None:
    async with started(tmp_path) as world:
        world.env["SLACK_BOT_TOKEN"] = "xoxb-nobody-knows-this-token"
        async with world.bot(ready=False):
            said = await world.readiness(503)
            while "invalid_auth" not in said:
                said = await world.readiness(503)
            assert "nobody-knows" not in said


async def test_a_restarted_bot_finds_its_card_and_goes_on(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        world.maintainx.break_(Fault("limited"))
        # Slack posts the card, the answer gets lost, and the bot ends before it could look.
        world.slack.mischief.drop("chat.postMessage", processed=True)
        async with world.bot():
            await world.mx("triage")
            await world.card("SEV-2")
        kinds = [event.fact.kind for event in await world.facts()]
        assert kinds.count("card_posted") == 0
        async with world.bot():
            await world.mx("ack")
            await world.card(f"Who has it: @{world.ann}")
        kinds = [event.fact.kind for event in await world.facts()]
        assert kinds.count("card_posted") == 1
        assert len(world.cards()) == 1


async def test_what_was_asked_while_nobody_followed_is_done_by_the_next_process(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        world.maintainx.break_(Fault("limited"))
        world.slack.mischief.drop("chat.postMessage", processed=False, times=100)
        async with world.bot():
            await world.mx("triage")
        world.slack.mischief.faults.clear()
        async with world.bot():
            await world.card("SEV-2")


async def test_two_bots_on_one_database_post_one_card(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        world.maintainx.break_(Fault("limited"))
        async with world.bot(), world.bot():
            await world.mx("triage")
            await world.card("SEV-2")
            await world.mx("ack")
            await world.card(f"Who has it: @{world.ann}")


async def test_when_the_leader_ends_the_other_process_follows(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway(), AsyncExitStack() as second:
        world.maintainx.break_(Fault("limited"))
        async with world.bot():
            await second.enter_async_context(world.bot())
            async with world.http.get(f"{world.url}/metrics") as answer:
                assert "mx_leader 0" in await answer.text()
            await world.mx("triage")
            await world.card("SEV-2")
        await world.mx("ack")
        await world.card(f"Who has it: @{world.ann}")
