"""The key is rotated from Slack: tested, stored, taken, seen to work; and nobody who should not see it ever does."""

import asyncio
import logging
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import structlog

from bot.demo.integration import FakeIntegration
from tests.stories.world import JOBS, KEY, World, configure, started

NEW = "mx-new-key-5d1f0a9b7c"
STORE = f"""#!{sys.executable}
import pathlib, sys
folder = pathlib.Path(__file__).parent / "store"
folder.mkdir(mode=0o700, exist_ok=True)
operation, argument = sys.argv[1], sys.argv[2:]
current = folder / "current"
if operation == "current":
    print(current.read_text() if current.exists() else "1")
elif operation == "add":
    (folder / "2").write_text(sys.stdin.read())
    print("2")
elif operation in ("take", "back"):
    current.write_text(argument[0])
elif operation == "taken":
    sys.exit(0 if current.exists() and current.read_text() == argument[0] else 1)
elif operation in ("disable", "enable"):
    (folder / f"{{operation}}d").write_text(argument[0])
else:
    sys.exit(3)
"""


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[tuple[World, FakeIntegration]]:
    """Everything running, with a service whose key a command of the team's own puts in place."""
    command = folder / "rotate-key"
    command.write_text(STORE)
    command.chmod(stat.S_IRWXU)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(started(folder))
        configure(folder, integration=f'watch = false\nkey_command = ["{command}"]')
        await stack.enter_async_context(world.gateway())
        integration = await stack.enter_async_context(
            FakeIntegration.start(base_url=f"{world.gateway_url}/v1", key=KEY, jobs=JOBS, retries=0)
        )
        world.env["INTEGRATION_HEALTH_URL"] = integration.health_url
        await stack.enter_async_context(world.bot())
        yield world, integration


async def the_service_reads_its_key(folder: Path, integration: FakeIntegration) -> None:
    """What the team's own deployment does: new instances start with the version that is current."""
    current, known = folder / "store" / "current", "1"
    while True:
        version = current.read_text() if current.exists() else known
        if version != known:
            key = (folder / "store" / version).read_text().strip() if version == "2" else KEY
            integration.take_key(key)
            known = version
        await asyncio.sleep(0.02)


def holding(folder: Path, secret: str) -> list[Path]:
    """The files in which it stands."""
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def listing() -> list[str]:
    """Every process's arguments and environment, as anybody on this machine may list them."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                found.append((process / name).read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
    return found


async def watched(seen: list[str]) -> None:
    """Look at the list of processes all the while, and keep what would be a find."""
    while True:
        found = await asyncio.to_thread(listing)
        seen += [one for one in found if NEW in one] or ["nothing"]
        await asyncio.sleep(0.02)


async def test_the_key_is_rotated_and_is_seen_nowhere_but_where_it_belongs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    listed: list[str] = []
    with structlog.testing.capture_logs() as logged:
        async with a_world(tmp_path) as (world, integration), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(the_service_reads_its_key(tmp_path, integration)),
                group.create_task(watched(listed)),
            ]
            world.maintainx.add_key(NEW)
            world.maintainx.revoke_key(KEY)
            await world.mx("triage")
            await world.card("SEV-1", "The fault is our API key")
            await world.press("Rotate the API key", values={"The new API key": NEW}, shows="Changes: ")
            await world.card("Waits for your go: Disable the old key version")
            assert integration._key == NEW
            steps = (await world.incident()).runs[0].steps
            assert [step.state for step in steps[:5]] == ["done"] * 5, steps

            (card,) = world.cards()
            click = await world.slack.click(world.ben, world.channel, card.ts, "Disable the old key version")
            assert click.confirm is not None
            await world.card("Playbook api-key-rejected: done")
            assert (tmp_path / "store" / "disabled").read_text() == "1"
            await world.recovered()
            await world.mx("triage")
            await world.card("Every probe answered well")  # mx itself uses the new key: recovery is proved

            await world.press("Undo: Rotate the API key", shows="Undo: Rotate the API key")
            await world.card("Undo of api-key-rejected: done")
            assert (tmp_path / "store" / "enabled").read_text() == "1"
            assert (tmp_path / "store" / "current").read_text() == "1"
            await world.mx("report")
            await world.until(lambda: any(f.shares for f in world.slack.state.files.values()), "the report")
            calls = [str(call) for call in world.slack.calls]
            files = [file.content or b"" for file in world.slack.state.files.values()]
            facts = [event.model_dump_json() for event in await world.facts()]
            for task in tasks:
                task.cancel()
    assert len(listed) > 20
    assert len(calls) > 10
    out, err = capfd.readouterr()
    everything = [*calls, *map(str, files), *facts, *listed, *map(str, logged), caplog.text, out, err]
    assert not any(NEW in one for one in everything)
    assert not any(KEY in one for one in (*calls, *map(str, files), *facts))
    assert holding(tmp_path, NEW) == [tmp_path / "store" / "2"], "the secret store alone has it"


async def test_a_key_that_maintainx_does_not_take_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path) as (world, integration):
        world.maintainx.revoke_key(KEY)
        await world.mx("triage")
        await world.card("SEV-1")
        await world.press("Rotate the API key", values={"The new API key": NEW})
        await world.card("Step 1 stopped it", without=("or take it back",))
        run = (await world.incident()).runs[0]
        assert (run.outcome, run.stuck) == ("failed", 0)
        assert integration._key == KEY
        assert not (tmp_path / "store" / "2").exists()
        # Somebody makes the key valid, and the step is tried again: the key has not to be given again.
        world.maintainx.add_key(NEW)
        (card,) = world.cards()
        async with asyncio.TaskGroup() as group:
            service = group.create_task(the_service_reads_its_key(tmp_path, integration))
            await world.slack.click(world.ann, world.channel, card.ts, "Try step 1 again")
            await world.card("Waits for your go: Disable the old key version")
            service.cancel()
