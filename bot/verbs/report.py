"""``mx report``: the incident report, in Markdown, on standard output."""

import asyncio

import click

from bot import config
from bot.clock import SystemClock
from bot.errors import Refused
from bot.report import facts_for, markdown
from bot.scrub import Scrubber
from bot.timeline import Timeline


@click.command("report")
@click.argument("incident", required=False, metavar="[ID]")
def command(incident: str | None) -> None:
    """Print the report of an incident (default: the open one, else the latest)."""
    settings = config.load()

    async def run() -> str:
        clock = SystemClock()
        async with Timeline.open(settings.bot.database, clock=clock, scrub=Scrubber()) as timeline:
            book = await timeline.book()
            found = book.incident(incident) if incident else book.latest()
            if found is None:
                known = ", ".join(i.id for i in book.incidents()[-5:]) or "none yet"
                raise Refused(
                    f"There is no incident {incident or 'on the timeline'}. The latest ones: {known}."
                )
            history = await timeline.history(found.id)
            facts = facts_for(
                found, history, head=book.head, zone=settings.bot.zone, now=clock.now(), names=str
            )
            return markdown(facts)

    click.echo(asyncio.run(run()))
