"""``mx serve``: the bot's process."""

import asyncio

import click

from bot import app, config, operators_log
from bot.clock import SystemClock
from bot.scrub import Scrubber
from bot.stopping import stop_on_signal


@click.command("serve")
def command() -> None:
    """Run the bot: Slack, the timeline, the runner.

    Socket Mode when SLACK_APP_TOKEN is set, else HTTP with SLACK_SIGNING_SECRET on PORT.
    """
    settings = config.load(needs_slack=True)

    scrub = Scrubber(settings.secrets)
    operators_log.start(form=settings.bot.log_format, scrub=scrub)

    async def run() -> None:
        with stop_on_signal() as stop:
            await app.serve(settings, clock=SystemClock(), stop=stop, ready=click.echo, scrub=scrub)

    asyncio.run(run())
