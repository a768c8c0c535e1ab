"""``mx timeline``: an incident's facts in order, or a proof that nobody changed them."""

import asyncio
import sys

import click
from rich.console import Console
from rich.table import Table

from bot import config
from bot.clock import SystemClock
from bot.domain.words import sentence
from bot.errors import Refused
from bot.scrub import Scrubber
from bot.timeline import Timeline


@click.command("timeline")
@click.argument("words", nargs=-1, metavar="[ID] [verify]")
def command(words: tuple[str, ...]) -> None:
    """Print an incident's timeline (default: the open one, else the latest).

    With the word verify, check the hash chain of every fact instead, and name the row that was changed, swapped,
    inserted or deleted. A cut tail shows only against a head that was printed before, on a card or in a report.
    """
    settings = config.load()
    verify = "verify" in words
    names = [w for w in words if w != "verify"]
    if len(names) > 1:
        raise click.UsageError("name one incident, such as mx-20261123-7f3a")
    asyncio.run(_verify(settings) if verify else _show(settings, names[0] if names else None))


async def _verify(settings: config.Settings) -> None:
    async with Timeline.open(settings.bot.database, clock=SystemClock(), scrub=Scrubber()) as timeline:
        found = await timeline.verify()
    if not found.ok:
        click.echo(f"timeline: {found.fault}", err=True)
        sys.exit(1)
    click.echo(f"timeline: {found.head_seq} facts, none changed. Head: {found.head_hash}")


async def _show(settings: config.Settings, name: str | None) -> None:
    async with Timeline.open(settings.bot.database, clock=SystemClock(), scrub=Scrubber()) as timeline:
        book = await timeline.book()
        incident = book.incident(name) if name else book.latest()
        if incident is None:
            known = ", ".join(i.id for i in book.incidents()[-5:]) or "none yet"
            raise Refused(f"There is no incident {name or 'on the timeline'}. The latest ones: {known}.")
        table = Table("", "when", "what", "who", box=None, pad_edge=False)
        for event in await timeline.history(incident.id):
            at = event.at.astimezone(settings.bot.zone)
            table.add_row(str(event.version), f"{at:%Y-%m-%d %H:%M:%S %Z}", sentence(event.fact), event.actor)
        console = Console()
        console.print(f"{incident.id} · {incident.state}", highlight=False)
        console.print(table)
        console.print(f"Head {book.head[1]}", highlight=False)
