"""mx's own two processes beside the simulator: through their composition roots, on a clock that follows the simulator's.

``python -m bot.demo.crew serve HOST:PORT`` and ``… gateway HOST:PORT`` are ``mx serve`` and ``mx gateway`` but for the
clock; the environment is theirs. ``drill`` instead of ``serve`` opens incidents to train with, and pages nobody.

They end when whoever started them is gone, however it went: nobody else would end them.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import click
import uvloop

from bot import app, config, operators_log
from bot.demo.clock import HandsClock, first_hands, follow
from bot.demo.door import beside
from bot.gateway.serve import serve as serve_gateway
from bot.scrub import Scrubber
from bot.stopping import stop_on_signal

USER_LIMIT = 1000
"""Requests a minute that the gateway takes to be allowed: it holds nothing back by itself before MaintainX's 429s.

The simulator plays the bad case, in which others spend the same key's limit and no rate headers tell of it; else the
gateway would keep within the documented limit alone, and there would be no storm to see.
"""

_LOOK_S = 0.5
"""How often they look whether whoever started them is still there."""

Run = Callable[[HandsClock, asyncio.Event], Awaitable[None]]


def main(words: list[str]) -> None:
    """Run the one that is named."""
    name, address = words
    roles: dict[str, Callable[[], Run]] = {
        "serve": _bot,
        "drill": lambda: _bot(drill=True),
        "gateway": _gateway,
    }
    parent = os.getppid()
    run = roles[name]()

    async def following() -> None:
        with stop_on_signal() as stop:
            clock = HandsClock(await first_hands(address))
            async with beside(follow(clock, address), _end_after(parent, stop)):
                await run(clock, stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(following())


async def _end_after(parent: int, stop: asyncio.Event) -> None:
    """Say stop once the process that started this one is gone."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells of another process's end
        await asyncio.sleep(_LOOK_S)
    stop.set()


def _bot(*, drill: bool = False) -> Run:
    settings = config.load(needs_slack=True)
    scrub = Scrubber(settings.secrets)
    operators_log.start(form=settings.bot.log_format, scrub=scrub)

    async def run(clock: HandsClock, stop: asyncio.Event) -> None:
        await app.serve(
            settings, clock=clock, stop=stop, ready=click.echo, host="127.0.0.1", scrub=scrub, drill=drill
        )

    return run


def _gateway() -> Run:
    settings = config.load()
    operators_log.start(form=settings.bot.log_format, scrub=Scrubber(settings.secrets))

    async def run(clock: HandsClock, stop: asyncio.Event) -> None:
        update = {"host": "127.0.0.1", "user_limit": USER_LIMIT, "organisation_limit": 5 * USER_LIMIT}
        gateway = settings.gateway.model_copy(update=update)
        await serve_gateway(gateway, clock=clock, stop=stop, ready=click.echo, key=settings.gateway_key)

    return run


if __name__ == "__main__":
    main(sys.argv[1:])
