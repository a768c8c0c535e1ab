"""The ``mx`` command: a table of verbs, each imported only when it is used."""

import gc
import importlib
import io
import logging
import sys
import traceback
from pathlib import PurePath

import click

from bot import __version__
from bot.errors import ConfigError, MxError

VERBS: tuple[tuple[str, str], ...] = (
    ("triage", "Ask both sides of the integration what is wrong, and say whose fault it is."),
    ("serve", "Run the bot: Slack, the timeline, the runner."),
    ("gateway", "Run the gateway between the integration and MaintainX."),
    ("status", "Print what is open, who has it, and what waits at the gateway."),
    ("ack", "Say that you have the open incident."),
    ("snooze", "Be on it, with no reminder and no page for a while."),
    ("severity", "Set the severity of the open incident, with a reason."),
    ("note", "Leave words on the timeline of the open incident."),
    ("reopen", "Say that it was not over, with a reason."),
    ("playbooks", "List the mitigations that can be run."),
    ("run", "Run a playbook on the open incident."),
    ("stop", "Stop every run after the step that is under way."),
    ("undo", "Take back what a playbook has done."),
    ("verify", "Prove line by line that the integration works again."),
    ("resolve", "Call the incident over, if recovery is proved."),
    ("gap", "List the data that may be missing, or accept with a reason that it stays so."),
    ("buffer", "Look at the writes that wait at the gateway, and decide of one."),
    ("replay", "Deliver the writes that wait at the gateway, and watch it go."),
    ("timeline", "Print an incident's timeline, or verify that nobody changed it."),
    ("page", "Send a test page to every configured pager, and end it."),
    ("report", "Print the incident report."),
    ("stats", "Print how fast incidents were answered, mitigated and resolved."),
    ("manifest", "Print the manifest of the Slack app."),
    ("doctor", "Check every setting and say what to do next."),
    ("drill", "Train for an outage in a simulator of its own, with a score at the end."),
    ("demo", "Play one outage from the first 429 to the report, without any account."),
    ("slack-sim", "Run a Slack workspace on this machine, for any Bolt app."),
)
"""Each verb lives in ``bot/verbs/NAME.py`` as ``command``; the words here are its line in ``mx --help``."""

SAYINGS = frozenset({"ack", "snooze", "severity", "note", "reopen"})
"""Those that are lines of the table in ``bot/verbs/saying.py``."""


class _Verbs(click.Group):
    """Lists verbs without importing them, so that ``mx --help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name, _ in VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in dict(VERBS):
            return None
        gc.disable()  # collecting while modules are made finds nothing and takes a tenth of the start
        if cmd_name in SAYINGS:
            command = importlib.import_module("bot.verbs.saying").command_of(cmd_name)
        else:
            command = importlib.import_module(f"bot.verbs.{cmd_name.replace('-', '_')}").command
        if (
            "structlog" in sys.modules
        ):  # what is printed is an answer; what is logged on the way belongs beside it
            importlib.import_module("bot.operators_log").start(level=logging.WARNING)
        gc.enable()
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mx")
def mx() -> None:
    """The incident co-pilot for teams that run an integration with MaintainX."""


def main() -> None:
    """Run a verb; whatever goes wrong is one clear text on standard error, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our dot or dash shows a question mark
    try:
        mx(prog_name="mx")
    except Exception as error:  # noqa: BLE001 - the last edge before a person, who is never shown a traceback
        sys.exit(_told(error))


def _told(error: Exception) -> int:
    """Say what went wrong; the exit code."""
    match _ours(error):
        case ConfigError(faults=faults):
            click.echo("mx: the settings are wrong:", err=True)
            for fault in faults:
                click.echo(f"  - {fault}", err=True)
            return 2
        case MxError() as ours:
            click.echo(f"mx: {ours}", err=True)
            return 1
        case None:
            click.echo(f"mx: {_stumble(error)}", err=True)
            return 1


def _ours(error: BaseException) -> MxError | None:
    """The error of ours, also where tasks that ran side by side put it into a group."""
    if isinstance(error, BaseExceptionGroup):
        return next((ours for part in error.exceptions if (ours := _ours(part)) is not None), None)
    return error if isinstance(error, MxError) else None


def _stumble(error: BaseException) -> str:
    """A fault that nobody foresaw: its kind and place, not its words, which may hold a secret."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    what = f"a fault in mx itself, not in your settings: {type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        what = f"this machine refused to read or write: {error.strerror}"
    return (
        f"{what}{place}. What the timeline holds is "
        f"kept. Try again; if it stays so, report this line together with the version, {__version__}"
    )
