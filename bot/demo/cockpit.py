"""``mx demo --page``: the world, and the page from which people fly it, until they have had enough."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from rich.console import Console

from bot.accepting import Site
from bot.demo.browser.app import Hints, browser_app
from bot.demo.browser.board import BoardRoutes
from bot.demo.member import StoryFault
from bot.demo.prompt import take_commands
from bot.demo.screen import Screen
from bot.demo.world import ROOMY, SLOW_PACE, Plan, World, start_world
from bot.slack.commands import VERBS

HINTS: Hints = {"/mx": tuple((verb.name, verb.takes, verb.says) for verb in VERBS)}
"""What the composer offers behind ``/mx``."""


def main(*, port: int, socket_mode: bool, prompt: bool, seconds: float) -> int:
    """Serve the page until Ctrl-C, SIGTERM or so many seconds. Returns 0, or 1 with the reason printed."""
    screen = Screen(Console(highlight=False))
    try:
        asyncio.run(_fly(screen, port=port, socket_mode=socket_mode, prompt=prompt, seconds=seconds))
    except StoryFault as fault:
        screen.wrong(f"\nThe simulator could not start: {fault}")
        return 1
    except OSError as fault:
        screen.wrong(f"listening on port {port}: {fault.strerror or fault}; choose another with --port")
        return 1
    except KeyboardInterrupt:
        pass
    screen.tell("\nEverything is stopped.")
    return 0


@asynccontextmanager
async def page_of(world: World, *, port: int = 0, steering: BoardRoutes | None = None) -> AsyncIterator[str]:
    """Serve the page of this world on loopback; its address."""
    app = browser_app(world.slack, hints=HINTS, extra=(steering or BoardRoutes(world)).routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await Site(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _fly(screen: Screen, *, port: int, socket_mode: bool, prompt: bool, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    screen.tell(
        "Starting a Slack, a MaintainX and an integration on this machine, with mx's real gateway and bot..."
    )
    pace = SLOW_PACE | {"work-order-sync": 0.9, "asset-sync": 0.25}
    plan = Plan(socket_mode=socket_mode, host=True, limit=ROOMY, pace=pace)
    async with start_world(plan) as world, page_of(world, port=port) as address:
        screen.tell(f"...ready after {loop.time() - begun:.1f} s.")
        screen.plain(f"\n  Open {address}\n")
        screen.tell(f"It stops with Ctrl-C, and by itself after {seconds / 3600:g} hours.")
        if prompt and sys.stdin.isatty():
            await take_commands(world, screen)
            return
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            screen.tell("Nobody stopped it for that long, so it stops now.")
