"""``mx triage``: ask both sides of the integration what is wrong, and say whose fault it is."""

import asyncio
import importlib
import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.domain.assessment import Assessment
from bot.domain.telling import some
from bot.gateway_client import GatewayClient
from bot.keys import ToldKey
from bot.logs import source_for
from bot.ports import Clock
from bot.probes.build import Outside, probes_for
from bot.scrub import Scrubber
from bot.triage import assess
from bot.verbs.triage_view import as_json, exit_code, show


@click.command("triage")
@click.option("--json", "machine", is_flag=True, help="One JSON line for each integration.")
@click.option(
    "--samples",
    type=click.IntRange(1, 10),
    default=3,
    show_default=True,
    help="How often each endpoint is asked, half a second apart.",
)
@click.option("--integration", help="Only this one; default: all that are configured.")
@click.option("--record", is_flag=True, help="Write it to the timeline; opens an incident where one is due.")
def command(*, machine: bool, samples: int, integration: str | None, record: bool) -> None:
    """Ask both sides of the integration what is wrong, and say whose fault it is.

    Exits with 0 when healthy, 11 to 14 for SEV-1 to SEV-4, 2 for wrong settings, 3 when nothing could be asked,
    1 when --record could not write it down.
    """
    settings = config.load()
    if integration is not None and integration not in settings.integrations:
        known = some(settings.integrations, like=integration)
        raise click.BadParameter(
            f"there is no {integration!r}; configured: {known}", param_hint="--integration"
        )
    names = tuple(settings.integrations) if integration is None else (integration,)
    found = asyncio.run(run_triage(settings, SystemClock(), names=names, samples=samples))
    console = Console(highlight=False)
    for one in found:
        if machine:
            click.echo(json.dumps(as_json(one)))
        else:
            show(one, zone=settings.bot.zone, console=console)
    if record:
        # After it was shown, since the database may be what is broken; imported late, since the timeline and what
        # stands on it take longer to import than a triage takes to start.
        write = importlib.import_module("bot.verbs.recording").record_triage
        asyncio.run(write(settings, SystemClock(), found=found, samples=samples))
    sys.exit(exit_code(found))


async def run_triage(
    settings: Settings, clock: Clock, *, names: Sequence[str], samples: int
) -> tuple[Assessment, ...]:
    """Assess these integrations, side by side as far as ``rounds_at_once`` allows; writes nothing."""
    scrub = Scrubber(settings.secrets)
    async with (
        GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as gateway,
        Outside.open(clock=clock, scrub=scrub, gateway=gateway) as outside,
    ):
        room = asyncio.Semaphore(settings.bot.watching.rounds_at_once)

        async def one(name: str) -> Assessment:
            integration = settings.integrations[name]
            log = source_for(integration.log)
            probes = probes_for(
                integration,
                key=ToldKey(settings.keys[name], scrub.learn),
                outside=outside,
                log=log,
                served=name == settings.served,
            )
            async with room:
                return await assess(
                    integration, probes, samples=samples, clock=clock, calendar=settings.bot.calendar
                )

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(name)) for name in names]
    return tuple(task.result() for task in tasks)
