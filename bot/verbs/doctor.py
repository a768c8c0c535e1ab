"""``mx doctor``: checks what mx stands on, one line each, with what to do next."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable

import click
from rich.console import Console

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.ports import Clock
from bot.verbs.doctoring import (
    blockkit,
    gateway,
    integrations,
    skew,
    slack,
    store,
    templates,
    waking,
    watching,
    webpages,
)
from bot.verbs.doctoring.check import Check

BOUND_S = 30.0
"""The longest that one subject may take; all are looked at side by side."""

_MARKS = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "fix": "[red]fix [/]"}

Look = Callable[[Settings, Clock], Awaitable[list[Check]]]

_LOOKS: tuple[tuple[str, Look], ...] = (
    ("timeline", store.checks),
    ("integrations", integrations.checks),
    ("gateway", gateway.checks),
    ("Slack", slack.checks),
    ("clock", skew.checks),
    ("pagers", waking.checks),
    ("monitor", watching.checks),
    ("templates", templates.checks),
    ("incident pages", webpages.checks),
)
"""Every subject, in the order in which they build on each other."""

_ONLINE: tuple[str, Look] = ("Block Kit", blockkit.checks)


@click.command("doctor")
@click.option("--online", is_flag=True, help="Have Slack check the cards and dialogs too; nothing is posted.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(*, online: bool, as_json: bool) -> None:
    """Check every setting and say what to do next; sends nothing to anybody.

    Exits with 0 when everything that a real run needs is right (a note is no fault), 1 when something needs a hand,
    2 for wrong settings.
    """
    settings = config.load()
    found = asyncio.run(examine(settings, clock=SystemClock(), online=online))
    well = all(check.state != "fix" for check in found)
    if as_json:
        click.echo(json.dumps({"well": well, "checks": [_row(check) for check in found]}, indent=2))
    else:
        _print(found)
    sys.exit(0 if well else 1)


async def examine(settings: Settings, *, clock: Clock, online: bool = False) -> list[Check]:
    """Every check, side by side, each subject within ``BOUND_S``; in the order in which they build on each other."""
    looks = (*_LOOKS, _ONLINE) if online else _LOOKS
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_bounded(name, look, settings, clock)) for name, look in looks]
    return [_settings(settings), *(check for task in tasks for check in task.result())]


async def _bounded(name: str, look: Look, settings: Settings, clock: Clock) -> list[Check]:
    try:
        async with asyncio.timeout(BOUND_S):
            return await look(settings, clock)
    except TimeoutError:
        said = f"not known: looking at it took longer than {BOUND_S:g} s"
        return [
            Check(name, said, "look whether this machine, its disk and its way out are slow, and ask again")
        ]


def _settings(settings: Settings) -> Check:
    file = f" and {settings.file}" if settings.file else " alone (no mx.toml here)"
    many = len(settings.integrations)
    return Check(
        "settings",
        f"valid, from the environment{file}: {many:,} integration{'' if many == 1 else 's'}; "
        "each line below says what it is about",
    )


def _print(found: Iterable[Check]) -> None:
    console = Console(highlight=False)
    counts = {"fix": 0, "note": 0}
    for check in found:
        console.print(f"{_MARKS[check.state]} ", end="")
        console.print(f"{check.what}: {check.found}", markup=False)
        if check.next_move is not None:
            counts[check.state] += 1
            console.print(f"       {check.next_move}", markup=False)
    console.print(_summary(counts["fix"], counts["note"]))


def _summary(fixes: int, notes: int) -> str:
    left = f"{notes} note{'' if notes == 1 else 's'}: mx runs without" if notes else ""
    if fixes:
        more = f", and {left}" if left else ""
        return f"{fixes} thing{' needs' if fixes == 1 else 's need'} a hand before a real run{more}."
    return f"Everything that a real run needs is right{f'; {left}' if left else ''}."


def _row(check: Check) -> dict[str, str | None]:
    return {
        "what": check.what,
        "state": check.state,
        "found": check.found,
        "next_move": check.next_move,
    }
