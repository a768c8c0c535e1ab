"""The world of the demo: mx's own processes started with nothing but their environment, and the prompt after the story."""

import asyncio
import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from bot.demo.prompt import Prompt
from bot.demo.screen import Screen
from bot.demo.world import Process, StoryFault, start_world


async def test_a_process_that_ends_says_why(tmp_path: Path) -> None:
    async with Process.run("bot", "no-such-verb", env={"PATH": os.defpath}, folder=tmp_path) as process:
        with pytest.raises(StoryFault, match=r"bot ended with 2:[\s\S]*no-such-verb"):
            await process.port()


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
    with pytest.raises(StoryFault, match="gateway ended with 0"):
        world.check()
