"""The world of the demo: mx's own processes started with nothing but their environment, and the prompt after the story."""

import asyncio
import io
import os
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bot.demo.member import Member, StoryFault, environment
from bot.demo.prompt import Prompt
from bot.demo.screen import Screen
from bot.demo.world import Plan, start_world


async def test_a_process_that_ends_says_why(tmp_path: Path) -> None:
    words = ("bot", "no-such-verb")
    with pytest.raises(StoryFault, match=r"bot ended with 2:[\s\S]*no-such-verb"):
        async with Member.run(
            "bot", words, env=environment(tmp_path), folder=tmp_path, port="PORT", ready="/readyz"
        ):
            pass


async def test_one_can_type_at_the_prompt() -> None:
    out = io.StringIO()
    async with start_world() as world:
        prompt = Prompt(world, Screen(Console(file=out, width=100, highlight=False)), quiet_s=0.5)

        async def type_(line: str) -> str:
            out.seek(0)
            out.truncate()
            await prompt.take(line)
            return out.getvalue()

        async def shows(line: str, words: str) -> None:
            async with asyncio.timeout(30):
                while words not in await type_(line):  # noqa: ASYNC110 - seen over real sockets
                    await asyncio.sleep(0.2)

        prompt.addresses()
        assert world.gateway_url in out.getvalue()
        assert "type /mx triage" in await type_("card")
        assert "break FAULT" in await type_("what?")
        assert "is no fault" in await type_("break everything")
        assert "revoked *" in await type_("break 401")
        assert "default" in await type_("/mx triage")
        await shows("card", "SEV-1")
        assert "'Acknowledge' (ack)" in await type_("click Acknowledgement")
        await type_("click Acknowledge")
        await shows("card", "Ada")
        assert "works again" in await type_("heal")
        assert "reach MaintainX" in await type_("traffic")
        assert "text from now on" in await type_("health text")
        assert "named" in await type_("health odd")
    assert not world.folder.exists()
    assert (world.gateway.state, world.bot.state) == ("stopped", "stopped")


async def test_the_bot_and_the_gateway_come_back_at_their_addresses_and_follow_the_clock() -> None:
    async with start_world() as world:
        bot, gateway = world.bot.url, world.gateway.url
        await world.bot.restart(kill=True)
        await world.gateway.restart()
        assert (world.bot.url, world.gateway.url) == (bot, gateway)
        assert (world.bot.state, world.gateway.state) == ("running", "running")
        ada = world.people["Ada"]
        said = await world.slack.command(ada, world.channel, "/mx", "status")
        assert (said.error, said.status) == (None, 200)
        lease = {"rate_per_s": 1.0, "owner": "test", "reason": "the clock", "ttl_s": 3600}
        headers = {"Authorization": f"Bearer {world.gateway_token}"}
        async with world.web.put(f"{gateway}/-/leases/l1", json=lease, headers=headers) as answer:
            assert answer.ok, await answer.text()
        assert (await world.gateway_status(10.0))["mode"] == "limited"
        world.clock.jump(3700)
        async with asyncio.timeout(5):
            while (await world.gateway_status(10.0))["mode"] != "pass":  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        await world.bot.stop()
        gone = await world.slack.command(ada, world.channel, "/mx", "status")
        assert gone.error == '/mx failed with the error "dispatch_failed"'


async def test_in_a_storm_at_ten_times_the_speed_both_can_be_killed_and_everything_goes_on() -> None:
    async with start_world() as world:
        world.clock.run_at(10)
        world.integration.start_storm(10)
        await asyncio.sleep(1)
        at = world.gateway.url
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(world.gateway.restart(kill=True))
            group.create_task(world.bot.restart(kill=True))
        assert {one.status for one in world.integration.results} & {None}, (
            "what was under way met a dead gateway"
        )
        world.integration.results.clear()
        async with asyncio.timeout(20):
            while not world.integration.counts()[200]:  # noqa: ASYNC110 - the stand-in tells nobody
                await asyncio.sleep(0.05)
        assert world.gateway.url == at
        assert (await world.gateway_status(60.0))["mode"] == "pass"
        ada = world.people["Ada"]
        said = await world.slack.command(ada, world.channel, "/mx", "status")
        assert (said.error, said.status) == (None, 200)


async def test_over_socket_mode_the_bot_answers_after_a_restart_too() -> None:
    async with start_world(Plan(socket_mode=True)) as world:
        await world.bot.restart()
        said = await world.slack.command(world.people["Ada"], world.channel, "/mx", "status")
        assert (said.error, bool(said.text)) == (None, True)


async def test_traffic_follows_the_speed_of_the_clock() -> None:
    async with start_world() as world:
        world.clock.run_at(10)
        await asyncio.sleep(2)
        world.clock.run_at(1)
        calls = sum(world.integration.counts(60.0).values())
        assert calls >= 15, "1.25 calls in each of 20 simulated seconds"
        assert not world.integration.counts(60.0)[429]


_A_WORLD = """
import asyncio
from bot.demo.world import start_world

async def main():
    async with start_world() as world:
        print(world.gateway.pid, world.bot.pid, flush=True)
        await asyncio.sleep(120)

asyncio.run(main())
"""


async def test_the_bot_and_the_gateway_end_when_the_simulator_is_killed(tmp_path: Path) -> None:
    simulator = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _A_WORLD),
        env=environment(tmp_path) | {"TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert simulator.stdout is not None
    try:
        async with asyncio.timeout(60):
            pids = [int(word) for word in (await simulator.stdout.readline()).split()[:2]]
    finally:
        simulator.kill()
        await simulator.wait()
    assert len(pids) == 2
    async with asyncio.timeout(15):
        while any(_runs(pid) for pid in pids):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # an orphan that has ended may wait for a reaper that never comes
    return not (stat.exists() and stat.read_text("utf-8").rpartition(")")[2].split()[0] == "Z")
