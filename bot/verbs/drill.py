"""``mx drill``: train for an outage in the simulator, against the real playbooks, with a score at the end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bot import config
from bot.demo.drill import Result, checked, flying, over, written
from bot.demo.member import StoryFault
from bot.errors import Refused
from bot.scenario import Scenario, known, load


@click.command("drill")
@click.argument("name", required=False)
@click.option("--people", default="Ada,Ben", show_default=True, help="Who takes part, with commas between.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where its page listens; 0: any free port."
)
@click.option(
    "--speed", type=click.Choice(["1", "10", "60"]), help="How fast its clock runs; else as its file says."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where the score and the report are written (default: here).",
)
@click.option(
    "--check", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Check a scenario's file."
)
@click.option(
    "--own",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of your own drills (default: `drills` of [bot] in mx.toml).",
)
@click.option(
    "--events",
    is_flag=True,
    help="Tell what happens as JSON lines, read no settings, and end with standard input.",
)
def command(
    name: str | None,
    people: str,
    port: int,
    speed: str | None,
    folder: Path,
    check: Path | None,
    own: Path | None,
    events: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Fly a drill (without a NAME: list them) in a simulator of its own: nothing of yours is touched, nobody is paged.

    It prints the address of the page on which people take part, and ends when the incident is resolved and reported,
    or when the time is up. Exits with 0; 2 where the scenario or the settings are wrong.
    """
    if check is not None:
        found = load(check.read_text("utf-8", errors="replace"), source=check.name)
        checked(found)
        click.echo(f"{check}: the scenario {found.name} can be flown.")
        return
    # Whoever starts it for others says which folder: production's settings, and its keys, are then never read here.
    scenarios, faults = known(own if own or events else config.load().bot.drills)
    for fault in faults:
        click.echo(f"mx: a drill was left out: {fault}", err=True)
    if name is None:
        for one in scenarios.values():
            click.echo(f"{one.name:20} {one.title}")
        return
    if name not in scenarios:
        raise click.UsageError(f"there is no drill {name}; there are {', '.join(scenarios)}")
    taking_part = [one.strip() for one in people.split(",") if one.strip()]
    if not taking_part:
        raise click.UsageError("--people names at least one person, such as Ada")
    tell = _as_json if events else _as_text
    try:
        result = asyncio.run(
            _fly(
                scenarios[name],
                taking_part,
                port=port,
                speed=int(speed) if speed else None,
                tell=tell,
                follows_input=events,
            )
        )
    except StoryFault as fault:
        raise Refused(f"The drill could not be flown: {fault}") from None
    except OSError as fault:
        raise Refused(
            f"Listening on port {port}: {fault.strerror or fault}; choose another with --port"
        ) from None
    tell("finished", _finished(result))
    if not events:
        for path in written(result, folder):
            click.echo(f"Written: {path}")


async def _fly(
    scenario: Scenario,
    people: list[str],
    *,
    port: int,
    speed: int | None,
    tell: Any,
    follows_input: bool,
) -> Result:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if follows_input:
        loop.add_reader(sys.stdin.fileno(), _read, stop)
    async with flying(scenario, people=people, port=port, speed=speed) as flight:
        tell(
            "started",
            {"url": flight.url, "drill": scenario.name, "title": scenario.title, "story": scenario.story},
        )
        await over(flight, stop)
        return await flight.result()


def _read(stop: asyncio.Event) -> None:
    """Whoever started this ends it by closing its standard input, or by ending itself."""
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _finished(result: Result) -> dict[str, Any]:
    return {
        **result.as_json(),
        "says": result.says,
        "lines": [*result.score.lines, result.scenario.good.lesson],
        "report": result.report,
    }


def _as_json(event: str, told: Mapping[str, Any]) -> None:
    click.echo(json.dumps({"event": event, **told}))


def _as_text(event: str, told: Mapping[str, Any]) -> None:
    if event == "started":
        click.echo(f"{told['title']}\n{str(told['story']).rstrip()}\n\n  Take part at {told['url']}\n")
        click.echo("It ends when it is resolved and reported, when the time is up, or with Ctrl-C.")
        return
    click.echo(f"\n{told['says']}")
    for line in told["lines"]:
        click.echo(f"- {line}")
