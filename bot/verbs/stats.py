"""``mx stats``: how fast incidents were answered, mitigated and resolved, by severity and month."""

import asyncio
import json

import click

from bot import config
from bot.clock import SystemClock
from bot.domain import stats_words
from bot.domain.stats import MONTHS, stats
from bot.verbs.reading import open_timeline


@click.command("stats")
@click.option(
    "--json", "as_json", is_flag=True, help="For machines: seconds, and each figure's pair of facts."
)
@click.option(
    "--months",
    type=click.IntRange(1, 1200),
    default=MONTHS,
    show_default=True,
    help="So many, this one included.",
)
@click.option("--integration", help="Of this one alone; without it, of all.")
def command(months: int, integration: str | None, *, as_json: bool) -> None:
    """Print how fast incidents were answered, mitigated and resolved; drills are left out. Exits with 0."""
    settings = config.load()

    async def run() -> None:
        async with open_timeline(settings) as timeline:
            book = await timeline.book()
        incidents = [one for one in book.incidents() if integration in (None, one.integration)]
        found = stats(incidents, calendar=settings.bot.calendar, now=SystemClock().now(), months=months)
        if as_json:
            click.echo(json.dumps(stats_words.as_json(found, incidents), indent=2))
            return
        click.echo(stats_words.opening(found))
        if found.counted:
            click.echo(f"\n{stats_words.columns(found)}\n\n{stats_words.legend()}")

    asyncio.run(run())
