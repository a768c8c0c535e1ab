"""``mx playbooks``: the mitigations that can be run, and a check of the team's own."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.domain.rules import RULE_NAMES
from bot.gateway_client import GatewayClient
from bot.playbook import Playbook, by_kind, own, shipped
from bot.playbook_form import Fault
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings

WIDE = 120
"""Columns from which a table can be read; below it each playbook is a paragraph."""
_IN_PLAN = "its plan says it"


@dataclass(frozen=True, slots=True)
class Found:
    """The playbooks that ship, the team's own, and what is wrong with those."""

    shipped: Mapping[str, Playbook]
    own: Mapping[str, Playbook]
    faults: tuple[str, ...]


@click.group("playbooks", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the mitigations that can be run, those that ship and your own."""
    if context.invoked_subcommand is not None:
        return
    settings = config.load()
    found = asyncio.run(found_in(settings, settings.bot.playbooks))
    console = Console()
    if console.width >= WIDE:
        console.print(_table(found))
    else:
        for line in _paragraphs(found):
            console.print(line, soft_wrap=False)
    for fault in found.faults:
        click.echo(f"left out: {fault}", err=True)


@command.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def check(folder: Path | None) -> None:
    """Check the playbooks in FOLDER (default: your own, as the settings say) and tell every fault with its line.

    Exits with 0 when all are well, 2 when one is wrong or the folder cannot be read.
    """
    settings = config.load()
    looked = folder or settings.bot.playbooks
    if problem := _unreadable(looked):
        click.echo(f"mx: {problem}", err=True)
        sys.exit(2)
    found = asyncio.run(found_in(settings, looked))
    for fault in found.faults:
        click.echo(fault, err=True)
    for name, one in found.own.items():
        steps = f"{len(one.steps)} step{'' if len(one.steps) == 1 else 's'}"
        instead = "; it stands instead of what ships" if name in found.shipped else ""
        click.echo(f"{one.source}: {name} is well, {steps}{instead}")
        for warning in _warnings(one):
            click.echo(f"Note: {warning}", err=True)
    if not found.own and not found.faults:
        click.echo(f"No playbook in {looked}: a playbook is a file whose name ends in .toml.")
    sys.exit(2 if found.faults else 0)


async def found_in(settings: Settings, folder: Path) -> Found:
    """What ships, and what this folder holds; a folder that is not there holds none."""
    async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as gateway:
        around = Surroundings(integrations=settings.integrations)
        kinds = by_kind(step_kinds(gateway, SystemClock(), around))
        ours, faults = own(folder, kinds)
        return Found(shipped=shipped(kinds), own=ours, faults=faults)


def _unreadable(folder: Path) -> str:
    """Why the folder cannot be checked, and what to do; empty where it can be."""
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return f"there is no folder {folder}; make it, or name another: mx playbooks check FOLDER"
    except NotADirectoryError:
        return f"{folder} is a file; name its folder: mx playbooks check {folder.parent}"
    except OSError as error:
        return f"reading {folder}: {error.strerror}; let mx's user read it, or name another folder"
    return ""


def _warnings(one: Playbook) -> Iterator[str]:
    """What is not wrong, and hardly meant."""
    text = Path(one.source).read_text("utf-8-sig")
    for index, rule in enumerate(one.fits):
        if rule not in RULE_NAMES:
            known = ", ".join(sorted(RULE_NAMES))
            words = f"{rule} is no rule of mx, so no finding offers it; the rules: {known}"
            yield Fault(f"fits[{index}]", words).at(one.source, text)


def _rows(found: Found) -> Iterator[tuple[str, Playbook, str]]:
    """Each playbook's name and where it is from."""
    for name, one in {**found.shipped, **found.own}.items():
        where = "" if name not in found.own else f"yours: {one.source}"
        if name in found.own and name in found.shipped:
            where += ", instead of what ships"
        yield name, one, where


def _cells(one: Playbook) -> tuple[str, str, str, str, str]:
    steps = "\n".join(
        f"{n}. {step.title}" + (f' (held: "{step.ask}")' if step.ask else "")
        for n, step in enumerate(one.steps, 1)
    )
    who = one.who + (", and a second person approves it" if one.second_person else "")
    return one.when, steps, one.touches or _IN_PLAN, one.undo or _IN_PLAN, who


_HEADS = ("when it fits", "steps", "what it changes", "how it is undone", "who may")


def _table(found: Found) -> Table:
    table = Table("name", *_HEADS, show_lines=True)
    table.columns[0].no_wrap = True
    for name, one, where in _rows(found):
        yours = where.replace(one.source, Path(one.source).name).replace(", ", ",\n")
        table.add_row(Text(f"{name}\n{yours}".strip()), *(Text(cell) for cell in _cells(one)))
    return table


def _paragraphs(found: Found) -> Iterator[Text]:
    for name, one, where in _rows(found):
        yield Text(name + (f" ({where})" if where else ""), style="bold")
        for head, cell in zip(_HEADS, _cells(one), strict=True):
            yield Text(f"  {head}: " + cell.replace("\n", "; "))
