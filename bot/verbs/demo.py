"""``mx demo``: the flight simulator in a browser; or one outage from the first 429 to the report, in the terminal."""

import sys

import click

from bot.demo import cockpit, story


@click.command("demo")
@click.option(
    "--story/--page",
    "plays",
    default=None,
    help="Play one outage in the terminal and end; or serve the page and stay. Unless told: a page in a terminal, else "
    "the story.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where the page listens; 0: any free port."
)
@click.option(
    "--socket-mode", is_flag=True, help="The bot connects over Socket Mode instead of being called."
)
@click.option("--prompt", is_flag=True, help="Take commands in the terminal too, beside the page.")
@click.option(
    "--for",
    "hours",
    type=click.FloatRange(min=0.001, max=72),
    default=8.0,
    show_default=True,
    help="After so many hours it stops by itself.",
)
def command(plays: bool | None, port: int, socket_mode: bool, prompt: bool, hours: float) -> None:  # noqa: FBT001 - click's flags
    """Fly one outage without any account: mx's real bot and gateway between a Slack and a MaintainX of its own.

    It prints the address of a page on this machine: a workspace to type and click in, a board on which MaintainX,
    the key, the integration and Slack can be broken, the traffic, and a clock that can be hurried.
    """
    if plays is None:
        plays = not (sys.stdin.isatty() and sys.stdout.isatty())
    if plays:
        sys.exit(story.main())
    sys.exit(cockpit.main(port=port, socket_mode=socket_mode, prompt=prompt, seconds=hours * 3600))
