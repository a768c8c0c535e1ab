"""``mx playbooks``: the mitigations that can be run, when each fits, and what it does."""

import asyncio
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.gateway_client import GatewayClient
from bot.playbook import Playbook, by_kind, shipped
from bot.steps import step_kinds


@click.command("playbooks")
def command() -> None:
    """List the mitigations that can be run."""
    settings = config.load()
    table = Table("name", "when it fits", "steps")
    for name, found in asyncio.run(_shipped(settings)).items():
        table.add_row(
            name, found.when, "\n".join(f"{n}. {step.title}" for n, step in enumerate(found.steps, 1))
        )
    Console().print(table)


async def _shipped(settings: Settings) -> Mapping[str, Playbook]:
    async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as gateway:
        return shipped(by_kind(step_kinds(gateway, SystemClock())))
