"""The promise whole, with the real gateway: writes of an outage are kept, one click delivers them, the timeline tells it."""

from pathlib import Path

from bot.demo.maintainx import Fault
from bot.domain.words import sentence
from tests.stories.buffering import buffering, write
from tests.stories.world import started

TITLES = [f"Pump {n}" for n in range(6)]


async def test_gateway_buffers_then_replays(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway(), world.bot():
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage")
        await buffering(world, on=True)
        for title in TITLES:
            await write(world, title)
        await world.card("Writes are buffered: 6 waiting", without=("Replay 6",))
        assert "6 writes wait at the gateway" in await world.mx("resolve")

        world.maintainx.heal()
        await buffering(world, on=False)
        card = await world.card("6 writes wait for the replay", "Replay 6 writes")
        click = await world.slack.click(world.ann, world.channel, card.ts, "Replay 6 writes")
        assert click.confirm is not None
        assert "6 writes, oldest" in click.confirm.text
        await world.card("Replay done: 6 of 6 sent", without=("wait for the replay",))
        await world.heard("The replay is running")
        arrived = [row["title"] for row in world.maintainx.workorders.values() if row["title"] in TITLES]
        assert sorted(arrived) == TITLES
        await world.mx("resolve")
        await world.card("Resolved")
        assert "6 work orders made in the last hour" in await world.heard("Recovery is proved"), (
            "the replayed ones"
        )

        told = [sentence(event.fact) for event in await world.facts()]
        assert sum("Replay of the buffered writes asked for" in line for line in told) == 1
        assert any("replay finished" in line and "6 delivered" in line for line in told)
        assert not any("replay started" in line for line in told)
