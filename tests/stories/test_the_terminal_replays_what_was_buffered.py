"""Without Slack and without a timeline: the real gateway buffers, and the terminal lists, drops, replays, and is done."""

import json
from pathlib import Path

from tests.stories.buffering import buffering, write
from tests.stories.world import KEY, TOKEN, started
from tests.verbs.terminal import Ended, mx


async def test_what_was_buffered_is_listed_dropped_and_replayed_from_a_terminal(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        folder = tmp_path / "elsewhere"
        folder.mkdir()

        async def terminal(*argv: str) -> Ended:
            env = {"MX_GATEWAY_URL": world.gateway_url, "MX_GATEWAY_TOKEN": TOKEN}
            return await mx(*argv, env=env, folder=folder)

        await buffering(world, on=True)
        first, second, third = [await write(world, f"Pump {n}") for n in (1, 2, 3)]
        early = await terminal("replay", "--yes")
        assert (early.code, "end that first, then start the replay" in early.err) == (1, True)
        shown = await terminal("buffer", "show", second)
        assert '{"title": "Pump 2"}' in shown.out
        assert KEY not in shown.out
        dropped = await terminal("buffer", "drop", second, "--reason", "ordered twice")
        assert (dropped.code, dropped.err) == (0, "")
        await buffering(world, on=False)
        dry = await terminal("replay", "--dry-run")
        assert (dry.code, "2 writes, oldest" in dry.out) == (0, True)

        done = await terminal("replay", "--yes")
        assert (done.code, done.err) == (0, ""), done
        assert "The replay is done: 2 of 2 sent." in done.out
        listed = json.loads((await terminal("buffer", "list", "--json")).out)
        states = {item["buffer_id"]: item["state"] for item in listed["items"]}
        assert states == {first: "delivered", second: "dropped", third: "delivered"}
        assert [path.name for path in folder.iterdir()] == []
