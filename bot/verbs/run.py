"""``mx run``: carry out a playbook from a terminal, after showing its plan."""

import asyncio
import sys
from collections.abc import Mapping

import click

from bot import config
from bot.clock import SystemClock
from bot.engine import open_engine
from bot.verbs.keyfile import STDIN, read_key
from bot.verbs.person import at_terminal
from bot.verbs.reading import there
from bot.verbs.running import Wish, carry_out, chosen


def _pairs(_context: click.Context, _parameter: click.Parameter, typed: tuple[str, ...]) -> dict[str, str]:
    """``k=v`` as a table; a key that is given twice is a slip."""
    found: dict[str, str] = {}
    for one in typed:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{one!r} has no name and value; write NAME=VALUE")
        if name.strip() in found:
            raise click.BadParameter(f"{name.strip()} is given twice; leave one out")
        found[name.strip()] = value
    return found


@click.command("run")
@click.argument("playbook")
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be done; nothing is written.")
@click.option(
    "--param", "params", multiple=True, metavar="K=V", callback=_pairs, help="A parameter; may be repeated."
)
@click.option(
    "--key-file",
    metavar="PATH|-",
    help="The new API key, for a playbook that takes one; - is standard input.",
)
@click.option("--integration", help="Whose open incident; needed where several are configured.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts. A held step still waits for a person.")
def command(
    playbook: str,
    *,
    only_plan: bool,
    params: Mapping[str, str],
    key_file: str | None,
    integration: str | None,
    yes: bool,
) -> None:
    """Run PLAYBOOK on the open incident: shows the plan, asks once, sees it through.

    Where a step is held for a person's go, or stops the run, it asks what to do. With --key-file - the questions are
    asked at the terminal that mx was started from; where there is none, add --yes.

    Exits with 0 when all of it was done, 1 otherwise, 2 for what was typed wrong.
    """
    settings = config.load()
    name = chosen(settings, integration)
    there(settings.bot.database)
    key = read_key(key_file) if key_file is not None and not only_plan else None
    wish = Wish(playbook=playbook, params=params, key=key, only_plan=only_plan, yes=yes)

    async def run() -> int:
        with at_terminal(input_taken=key_file == STDIN and not only_plan) as person:
            async with open_engine(settings, clock=SystemClock()) as engine:
                return await carry_out(engine, person, wish, integration=name)

    sys.exit(asyncio.run(run()))
