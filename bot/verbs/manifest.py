"""``mx manifest``: the Slack app's manifest, made from the code."""

import click

from bot.slack.manifest import EXAMPLE, as_json, as_yaml, manifest


@click.command("manifest")
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Its form.",
)
@click.option("--url", default=EXAMPLE, show_default=True, help="Where Slack reaches the bot, in HTTP mode.")
@click.option("--socket/--http", default=True, show_default=True, help="How Slack delivers.")
def command(form: str, url: str, socket: bool) -> None:  # noqa: FBT001 - click's flag
    """Print the manifest of the Slack app: every scope, event, shortcut and command that mx uses, and nothing else."""
    if not url.startswith("https://"):
        raise click.UsageError(f"--url is the bot's public address and starts with https://, not {url!r}")
    made = manifest(url=url, socket=socket)
    click.echo(as_json(made) if form == "json" else as_yaml(made), nl=False)
