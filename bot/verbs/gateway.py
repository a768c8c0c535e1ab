"""``mx gateway``: the process between the integration and MaintainX."""

import asyncio

import click
import uvloop

from bot import config, operators_log
from bot.clock import SystemClock
from bot.gateway.serve import serve
from bot.scrub import Scrubber
from bot.stopping import stop_on_signal


@click.command("gateway")
def command() -> None:
    """Run the gateway between the integration and MaintainX.

    Point the integration's base URL at it (http://HOST:8081/v1). Without a mitigation switched on it forwards every
    request unchanged.
    """
    settings = config.load()

    operators_log.start(form=settings.bot.log_format, scrub=Scrubber(settings.secrets))

    async def run() -> None:
        with stop_on_signal() as stop:
            await serve(
                settings.gateway,
                clock=SystemClock(),
                stop=stop,
                ready=click.echo,
                key=settings.gateway_key,
            )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
