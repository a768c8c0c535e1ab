"""``mx undo``: take a playbook back from a terminal, after showing what that does."""

import asyncio
import sys

import click

from bot import config
from bot.clock import SystemClock
from bot.engine import open_engine
from bot.verbs.person import at_terminal
from bot.verbs.reading import there
from bot.verbs.running import chosen
from bot.verbs.undoing import undo


@click.command("undo")
@click.argument("playbook")
@click.option("--integration", help="Whose incident; needed where several are configured.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def command(playbook: str, integration: str | None, *, yes: bool) -> None:
    """Take PLAYBOOK back (or the run of that id): shows the plan, asks once, waits for the end.

    Of several runs the one that is on is meant, else the latest. Exits with 0 when all of it was taken back, 1 otherwise.
    """
    settings = config.load()
    name = chosen(settings, integration)
    there(settings.bot.database)

    async def run() -> int:
        with at_terminal(input_taken=False) as person:
            async with open_engine(settings, clock=SystemClock()) as engine:
                return await undo(engine, person, integration=name, wanted=playbook, yes=yes)

    sys.exit(asyncio.run(run()))
