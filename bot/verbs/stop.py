"""``mx stop``: end every run after the step that is under way, and say what is half done."""

import asyncio
import sys

import click

from bot import config
from bot.clock import SystemClock
from bot.deciding import Done
from bot.domain.steering import RunsStopped
from bot.engine import Engine, open_engine
from bot.errors import OutsideError
from bot.verbs.actor import actor
from bot.verbs.following import Following
from bot.verbs.person import Person
from bot.verbs.reading import there

PATIENCE_S = 30.0
"""How long a step that is under way is waited for, beyond what it may take."""


@click.command("stop")
def command() -> None:
    """Stop every run of every incident after the step that is under way, and say what is half done.

    What is on stays on. Exits with 0 when they have stopped, 1 where nothing is going or a step takes too long.
    """
    settings = config.load()
    there(settings.bot.database)

    async def run() -> int:
        async with open_engine(settings, clock=SystemClock()) as engine:
            told = await engine.steering.stop(actor=actor())
            for one in told:
                click.echo(one.says)
            return max([await _ended(engine, one) for one in told])

    sys.exit(asyncio.run(run()))


async def _ended(engine: Engine, one: Done) -> int:
    """Wait for the runs of one incident; 0 when they are over."""
    assert one.event is not None
    assert isinstance(one.event.fact, RunsStopped)
    assert one.incident is not None
    async with Following.open(engine, Person(None), one.incident) as following:
        for run_id in one.event.fact.runs:
            try:
                run = await following.until(run_id, lambda run: not run.live, patience_s=PATIENCE_S)
            except OutsideError:
                click.echo(
                    f"{run_id}: its step is still under way; it ends after that. To look: mx timeline {one.incident}"
                )
                return 1
            click.echo(f"{run.playbook}: {run.says}")
    return 0
