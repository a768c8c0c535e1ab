"""``mx timeline``: an incident's facts in order, or a proof that nobody changed them."""

import asyncio
import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import config
from bot.domain.words import sentence
from bot.verbs.reading import incident_in, open_timeline


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
    async with open_timeline(settings) as timeline:
        found = await timeline.verify()
    if not found.ok:
        click.echo(
            f"timeline {settings.bot.database}: {found.fault}. What stands before that holds. Keep a copy of the file "
            "and look who may write to it.",
            err=True,
        )
        sys.exit(1)
    click.echo(
        f"timeline {settings.bot.database}: {found.head_seq} facts, none changed. Head: {found.head_hash}"
    )


async def _show(settings: config.Settings, name: str | None) -> None:
    async with open_timeline(settings) as timeline:
        book = await timeline.book()
        incident = incident_in(book, name)
        table = Table("", "when", "what", "who", box=None, pad_edge=False)
        for event in await timeline.history(incident.id):
            at = event.at.astimezone(settings.bot.zone)
            what, who = Text(sentence(event.fact)), Text(event.actor)  # as said: brackets are no markup
            table.add_row(str(event.version), f"{at:%Y-%m-%d %H:%M:%S %Z}", what, who)
        console = Console()
        console.print(f"{incident.id} · {incident.state}", highlight=False)
        console.print(table)
        console.print(f"Head {book.head[1]}", highlight=False)
