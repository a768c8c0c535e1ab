"""``mx demo``: one outage from the first 429 to the posted report, on stand-ins."""

import sys

import click

from bot.demo import story


@click.command("demo")
def command() -> None:
    """Play one outage from the first 429 to the report, without any account.

    In a terminal it then stays up and takes commands; otherwise it ends with 0, or with the step that did not happen.
    """
    sys.exit(story.main())
