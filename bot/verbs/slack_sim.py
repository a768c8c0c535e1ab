"""``mx slack-sim``: a Slack workspace on this machine, for any Bolt app."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import click

from bot.demo.browser.app import Page
from bot.demo.slack.alone import Wish, serve
from bot.demo.slack.manifest import Manifest, ManifestFault, read_manifest
from bot.demo.slack.workspace import WORKSPACE
from bot.errors import ConfigError
from bot.stopping import stop_on_signal

LONGEST_H = 72.0
"""So that one that somebody forgot does not listen for ever."""


def _url(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        known = False
    if not known:
        raise click.BadParameter("give a whole address, such as http://127.0.0.1:3000/slack/events")
    return value


def _people(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names or len(set(names)) != len(names):
        raise click.BadParameter("give at least one name, each of them once, such as Ada,Ben")
    return names


@click.command("slack-sim")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Where to listen; 0 takes a free port."
)
@click.option(
    "--request-url", callback=_url, help="Where deliveries go over HTTP, as in the app's settings at Slack."
)
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The app's manifest as JSON: commands, shortcuts, events, scopes. Without one: mx's.",
)
@click.option("--people", default="Ada,Ben,Cleo", show_default=True, callback=_people, help="Who is there.")
@click.option("--channel", default="incidents", show_default=True, help="The channel they are in.")
@click.option(
    "--for",
    "hours",
    default=8.0,
    show_default=True,
    type=click.FloatRange(0, LONGEST_H, min_open=True),
    help="Hours after which it stops by itself.",
)
def command(
    port: int,
    request_url: str | None,
    manifest: Path | None,
    people: tuple[str, ...],
    channel: str,
    hours: float,
) -> None:
    """Run a Slack workspace on this machine, for any Bolt app.

    It prints the two variables that point the app at it, the secrets of HTTP mode and of Socket Mode, and the address of
    a page on which people act. It enforces what Slack enforces, and can misbehave as Slack does. See docs/simulator.md.
    """
    wish = Wish(port, request_url, _manifest(manifest), people, channel.removeprefix("#"), hours)

    page = Page(lambda request: request.app[WORKSPACE])

    async def run() -> None:
        with stop_on_signal() as stop:
            try:
                await serve(wish, stop=stop, tell=click.echo, pages=page.routes())
            except OSError as error:
                text = f"listening on port {port}: {error.strerror or error}; choose another, or 0 for a free one"
                raise ConfigError((text,)) from None

    asyncio.run(run())


def _manifest(path: Path | None) -> Manifest:
    if path is None:
        return Manifest()
    try:
        return read_manifest(path.read_text(encoding="utf-8"))
    except (ManifestFault, UnicodeDecodeError) as fault:
        raise ConfigError((f"{path}: {fault}",)) from None
