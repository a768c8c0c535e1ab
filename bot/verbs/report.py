"""``mx report``: the incident report, in Markdown, on standard output."""

import asyncio

import click

from bot import config
from bot.clock import SystemClock
from bot.report import facts_for, markdown
from bot.verbs.reading import incident_in, open_timeline


@click.command("report")
@click.argument("incident", required=False, metavar="[ID]")
def command(incident: str | None) -> None:
    """Print the report of an incident (default: the open one, else the latest)."""
    settings = config.load()

    async def run() -> str:
        async with open_timeline(settings) as timeline:
            book = await timeline.book()
            found = incident_in(book, incident)
            history = await timeline.history(found.id)
            facts = facts_for(
                found, history, head=book.head, zone=settings.bot.zone, now=SystemClock().now(), names=str
            )
            return markdown(facts)

    click.echo(asyncio.run(run()))
