"""From the card in Slack to the incident's page: the real bot, its private link, live news, and a stop that waits for nobody."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout, CookieJar

from bot.demo.maintainx import Fault
from tests.stories.world import PATIENCE_S, World, started

SECRET = "link-secret-0123456789"


def told(world: World, text: str, *, behind: str) -> str:
    """The address of the one link with these words, at the place where the bot listens."""
    (found,) = {one for one in re.findall(r"<(https://mx\.example\.test/[^|>]+)\|", text) if behind in one}
    link: str = found.replace("https://mx.example.test", world.url)
    return link


async def test_the_card_leads_to_a_page_that_stays_true(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(started(tmp_path))
        world.env |= {"MX_PUBLIC_URL": "https://mx.example.test", "MX_LINK_SECRET": SECRET}
        bot = AsyncExitStack()
        await bot.enter_async_context(world.bot())
        world.maintainx.break_(Fault("limited"))
        await world.mx("triage")
        card = await world.card("Timeline page, live")
        incident = await world.incident()
        link = told(world, str(card.blocks), behind=incident.id)
        browser = await stack.enter_async_context(
            ClientSession(cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=PATIENCE_S))
        )
        # Behind https:// the cookie is for https alone, so this browser carries it over by hand.
        async with browser.get(link, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        page = f"{world.url}/incidents/{incident.id}"
        async with browser.get(page, headers={"Cookie": cookie}) as answer:
            text = await answer.text()
        assert "429" in text
        assert "Ann" in text, "who asked for the triage, by the name that Slack knows"
        assert world.ann not in text
        assert "Card posted" in text
        assert SECRET not in text
        seen = re.search(r'data-seq="(\d+)"', text)
        assert seen is not None
        async with browser.get(
            f"{page}/events", headers={"Cookie": cookie, "Last-Event-ID": seen[1]}
        ) as stream:
            await world.mx("note the vendor is on the phone", user=world.ben)
            async with asyncio.timeout(PATIENCE_S):
                while b"the vendor is on the phone" not in (line := await stream.content.readline()):
                    assert line, "the stream ended"
            began = asyncio.get_running_loop().time()
            await bot.aclose()
            assert asyncio.get_running_loop().time() - began < 2.5, "an open page holds nobody up"
        async with asyncio.timeout(PATIENCE_S):
            await stack.enter_async_context(world.bot())
        outcome = await world.slack.command(world.ann, world.channel, "/mx", "stats")
        assert outcome.message is not None
        every = told(world, str(outcome.message.blocks), behind="/incidents?key=")
        async with browser.get(every, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        async with browser.get(f"{world.url}/incidents", headers={"Cookie": cookie}) as answer:
            assert incident.id in await answer.text()
