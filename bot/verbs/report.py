"""``mx report``: the incident report on standard output, as Markdown, one page of HTML or JSON; and its picture."""

import asyncio
import json
from pathlib import Path
from typing import Literal, NamedTuple

import click

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.errors import Refused
from bot.lanes import Lanes
from bot.picture import picture_of, png
from bot.report import Report, facts_for
from bot.report_forms import Forms, as_json, forms
from bot.templating import Templates
from bot.verbs.reading import incident_in, open_timeline

Form = Literal["md", "html", "json"]


class _Made(NamedTuple):
    report: Report
    forms: Forms


@click.command("report")
@click.argument("incident", required=False, metavar="[ID]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["md", "html", "json"]),
    default="md",
    help="Markdown (default), one page of HTML that needs nothing beside it, or JSON (docs/report.md).",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the picture there too, as PNG, or as SVG where the name ends so.",
)
def command(incident: str | None, form: Form, picture: Path | None) -> None:
    """Print the report of an incident (default: the open one, else the latest)."""
    settings = config.load()
    templates = Templates(settings.bot.templates)
    made = asyncio.run(_made(settings, templates, incident))
    for fault in made.forms.faults:
        click.echo(f"mx: {fault}", err=True)
    if picture is not None:
        _write(picture, made.forms.svg, templates)
    match form:
        case "md":
            click.echo(made.forms.markdown)
        case "html":
            click.echo(made.forms.html)
        case "json":
            click.echo(json.dumps(as_json(made.report, settings.bot.zone), indent=2, ensure_ascii=False))


async def _made(settings: Settings, templates: Templates, incident: str | None) -> _Made:
    now = SystemClock().now()
    async with open_timeline(settings) as timeline, Lanes.open(settings.bot.database) as lanes:
        book = await timeline.book()
        found = incident_in(book, incident)
        history = await timeline.history(found.id)
        kept = await lanes.of(found.id)
    lane = kept.lane if kept else None
    calendar = settings.bot.calendar
    report = facts_for(
        found,
        history,
        head=book.head,
        zone=calendar.zone,
        now=now,
        names=str,
        calendar=calendar,
        lane=lane,
    )
    picture = picture_of(found, history, lane=lane, zone=calendar.zone, now=now, names=str)
    return _Made(report, forms(report, picture, templates))


def _write(file: Path, drawn: str, templates: Templates) -> None:
    data = drawn.encode() if file.suffix.lower() == ".svg" else png(drawn, templates)
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Refused(
            f"Writing the picture to {file}: {error.strerror}. Name a file in a folder that is there."
        ) from None
