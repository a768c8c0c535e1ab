"""``mx gap``: which data may be missing, what was tried, and what to do; or to accept it as it is."""

import asyncio

import click

from bot import config
from bot.clock import SystemClock
from bot.deciding import open_or_latest
from bot.domain.gap import window
from bot.engine import Engine, open_engine
from bot.verbs.actor import actor
from bot.verbs.reading import incident_in, there


@click.command("gap")
@click.argument("words", nargs=-1, metavar="[accept ENTITY|all [anyway] REASON]")
@click.option(
    "--integration", metavar="NAME", help="Whose; default: of the open incident, else of the latest."
)
def command(words: tuple[str, ...], integration: str | None) -> None:
    """List the gaps of the open incident (else of the latest): windows in which data may have been missed.

    With accept, take one or all of them as not filled, in your name and with a reason that the report prints. One
    that a backfill can fill is refused, unless a backfill was tried in vain or the word anyway stands before the
    reason.
    """
    if words and words[0] != "accept":
        raise click.UsageError(
            "write accept, which gap (such as workorders, or all), and a reason; or nothing"
        )
    settings = config.load()
    there(settings.bot.database)
    if integration is not None and integration not in settings.integrations:
        known = ", ".join(sorted(settings.integrations))
        raise click.UsageError(f"there is no integration {integration}; configured: {known}")

    async def run() -> None:
        async with open_engine(settings, clock=SystemClock()) as engine:
            book = await engine.timeline.book()
            name = integration or incident_in(book, None).integration
            if words:
                done = await engine.gaps.accept(name, " ".join(words[1:]), actor=actor())
                click.echo(_here(done.says))
            else:
                await _list(engine, name)

    asyncio.run(run())


async def _list(engine: Engine, name: str) -> None:
    found = open_or_latest(await engine.timeline.book(), name)
    lines = engine.gaps.lines(found)
    click.echo(f"{found.id}: {'data may be missing' if lines else 'no gap is open'}")
    for line in lines:
        click.echo(f"  {_here(line)}")
    for one in found.closed_gaps:
        when = window(one.gap, engine.settings.bot.zone)
        click.echo(f"  {one.gap.name} {when}: {one.how} by {one.actor}: {one.says}")


def _here(says: str) -> str:
    """The same verbs are typed without the slash here."""
    return says.replace("/mx ", "mx ")
