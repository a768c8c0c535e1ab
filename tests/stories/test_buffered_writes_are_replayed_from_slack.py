"""MaintainX is back, writes wait at the gateway: one click in the channel delivers them, and the card shows it live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.demo.maintainx import Fault
from bot.domain.words import sentence
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.stories.world import World, started


@asynccontextmanager
async def outage(folder: Path) -> AsyncIterator[tuple[World, GatewayStandIn]]:
    """An open incident, and a gateway that has 137 writes and one of unknown fate; the bot is up to its caller."""
    async with started(folder) as world, GatewayStandIn(world.clock).serve() as gateway:
        world.env |= {"MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN}
        world.maintainx.break_(Fault("limited"))
        gateway.buffer.take(137)
        yield world, gateway


def done_at(gateway: GatewayStandIn) -> list[str]:
    """What was done to buffer and replay, in order."""
    return [event["what"] for event in gateway.log if event["what"] != "spent"]


async def test_one_click_delivers_what_waits_and_the_card_shows_it_to_the_end(tmp_path: Path) -> None:
    async with outage(tmp_path) as (world, gateway), world.bot():
        (parked,) = gateway.buffer.take(state="unknown", method="POST", path="/v1/workorders")
        await world.mx("triage")
        card = await world.card("137 writes wait for the replay", "1 write of unknown fate waits")
        assert "137 writes wait at the gateway" in await world.mx("resolve")

        click = await world.slack.click(world.ann, world.channel, card.ts, "Replay 137 writes")
        assert click.confirm is not None
        assert "137 writes, oldest" in click.confirm.text
        card = await world.card("0 of 137 done: 137 left", "Pause replay")
        gateway.buffer.deliver(60)
        card = await world.card("60 of 137 done: 77 left, 40 a minute", f"started by @{world.ann}")
        await world.slack.click(world.ben, world.channel, card.ts, "Pause replay")
        card = await world.card("Replay held")
        await world.slack.click(world.ann, world.channel, card.ts, "Resume replay")
        await world.card("Pause replay")
        gateway.buffer.deliver(77)
        card = await world.card("Replay done: 137 of 137 sent")

        await world.slack.click(world.ben, world.channel, card.ts, "It arrived")
        await world.card("Replay done", without=("of unknown fate",))
        assert gateway.buffer.writes[parked]["state"] == "delivered"
        assert len(gateway.buffer.of("delivered")) == 138
        world.maintainx.heal()
        world.work_goes_on()
        await world.mx("resolve")
        await world.card("Resolved")

        told: list[str] = []
        async with asyncio.timeout(20):
            while not any("replay finished" in line for line in told):
                told = [f"{event.actor} {sentence(event.fact)}" for event in await world.facts()]
        assert f"slack:{world.ann} Replay of the buffered writes asked for" in told
        assert "gateway At the gateway: replay finished by gateway: 137 writes delivered" in told
        assert f"slack:{world.ben} Write {parked}: it arrived" in told
        assert done_at(gateway) == [
            "replay_started",
            "replay_paused",
            "replay_resumed",
            "replay_finished",
            "write_arrived",
        ]


async def test_a_click_that_a_restart_cuts_in_two_starts_one_replay(tmp_path: Path) -> None:
    async with outage(tmp_path) as (world, gateway):
        async with world.bot():
            await world.mx("triage")
            card = await world.card("Replay 137 writes")
            gateway.hold_answer_of = "POST"  # the gateway does it, and its answer never comes
            await world.slack.click(world.ann, world.channel, card.ts, "Replay 137 writes")
            await world.until(lambda: done_at(gateway), "the gateway to do it")
        kinds = [event.fact.kind for event in await world.facts()]
        assert (kinds.count("replay_asked"), kinds.count("gateway_answered")) == (1, 0)
        gateway.hold_answer_of = None
        async with world.bot():
            await world.card("0 of 137 done")
            await world.heard("The replay is running already")
        assert done_at(gateway) == ["replay_started"]
