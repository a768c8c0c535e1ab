"""``mx verify``: whether the integration works again, line by line, each with its evidence."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.domain.watching import verdict_of
from bot.engine import new_id, open_engine
from bot.gateway_watch import Watch
from bot.proof import proof_of
from bot.proving import prover_of, verifier_of
from bot.verbs.actor import actor
from bot.verbs.proof_view import CODES, as_json, as_text
from bot.verbs.saying import meant, typed


@click.command("verify")
@click.option("--json", "machine", is_flag=True, help="One JSON object.")
@click.option("--integration", help="Which one, where several could be meant.")
@click.option("--record", is_flag=True, help="Write what was found to the timeline.")
def command(*, machine: bool, integration: str | None, record: bool) -> None:
    """Prove line by line that the integration works again: good rounds, fresh data, new work orders, nothing left open.

    Where nobody watches it asks rounds of its own, so it takes up to 15 seconds. Exits with 0 when recovery is proved, 1
    when it is not, 4 when there is no traffic to judge by, 2 for wrong settings.
    """
    settings = config.load()
    with _database(settings, record=record) as found:
        sys.exit(asyncio.run(_look(found, integration, machine=machine, record=record)))


async def _look(settings: Settings, integration: str | None, *, machine: bool, record: bool) -> int:
    clock = SystemClock()
    async with open_engine(settings, clock=clock) as engine:
        watch = Watch(engine.timeline, engine.gateway, clock=clock, integration=settings.served)
        book = await engine.timeline.book()
        name = meant(settings, book, integration)
        incident = book.open_incident(name)
        outside = await prover_of(engine, watch).outside(name, incident)
        lines = proof_of(incident, outside, zone=settings.bot.zone)
        about = incident.id if incident else None
        if machine:
            click.echo(json.dumps(as_json(name, about, lines, at=outside.at)))
        else:
            click.echo(typed(as_text(name, lines)))
        if record:
            verifier = verifier_of(engine, watch)
            await verifier.record(name, about, lines, actor=actor(), request=new_id())
    return CODES[verdict_of(lines)]


@contextmanager
def _database(settings: Settings, *, record: bool) -> Iterator[Settings]:
    """The settings; where there is no timeline, with one that goes again: to look must not leave an empty one behind."""
    if record or settings.bot.database.exists():
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="mx-verify-") as folder:
        bot = replace(settings.bot, database=Path(folder) / settings.bot.database.name)
        yield replace(settings, bot=bot)
