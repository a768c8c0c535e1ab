"""``mx replay``: deliver what waits at the gateway, after a dry run and one question, and watch it go."""

import asyncio
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from bot import config
from bot.clock import SystemClock
from bot.domain.backlog import BufferPage, Control, ReplayProgress
from bot.domain.telling import waits, writes
from bot.errors import OutsideError, Refused
from bot.gateway_client import GatewayClient
from bot.ports import Clock, Gateway
from bot.verbs.actor import actor

LOOK_S = 0.5
"""How often the gateway is asked while somebody watches in a terminal."""
LINE_S = 5.0
"""How often a line is printed where nobody can see a bar."""
PATIENCE_S = 60.0
"""How long a gateway that does not answer is asked again while watching."""

_TOLD = {"pause": "held", "resume": "going on", "cancel": "given up"}


@click.command("replay")
@click.option(
    "--dry-run", is_flag=True, help="Only count: how many, how old, how long, what would be parked."
)
@click.option("--pause", is_flag=True, help="Hold the replay that is running; what waits stays.")
@click.option("--resume", is_flag=True, help="Go on with the replay that is held, and watch it.")
@click.option("--cancel", is_flag=True, help="Give the replay up; what is not sent waits on.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def command(*, yes: bool, **asked: bool) -> None:
    """Deliver the writes that wait at the gateway, in order, and watch until it is done.

    Shows first what would be sent, and asks once. Ctrl-C stops watching, not the replay.
    Exits with 0 when it was done or you stopped watching, 1 where a write is left for you or for later, 2 for wrong
    usage.
    """
    wanted = [name for name, given in asked.items() if given]
    if len(wanted) > 1:
        raise click.UsageError("choose one of --dry-run, --pause, --resume and --cancel")
    settings = config.load()

    async def run() -> int:
        async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as gateway:
            verb = Replay(gateway, SystemClock(), Console(highlight=False))
            match wanted:
                case []:
                    return await verb.start(yes=yes)
                case ["pause" | "cancel" as action]:
                    return await verb.control(action)
                case ["resume"]:
                    await verb.control("resume")
                    return await verb.watch()
                case _:
                    return await verb.dry_run()

    sys.exit(asyncio.run(run()))


class Replay:
    """The verb's ways to speak to the gateway; each returns the exit code. All raise OutsideError."""

    def __init__(self, gateway: Gateway, clock: Clock, console: Console) -> None:
        self._gateway = gateway
        self._clock = clock
        self._console = console

    async def start(self, *, yes: bool) -> int:
        """Start it after a dry run and one question; one that is under way is watched. Raises Refused."""
        now = ReplayProgress.from_json(await self._gateway.replay())
        if now.state == "running":
            self._say(f"A replay is running already, started by {now.by or 'somebody'}; this watches it.")
            return await self.watch()
        if now.state == "paused":
            raise Refused(
                f"The replay is held ({now.line}). To go on: mx replay --resume. To give it up: mx replay --cancel"
            )
        planned = await self._planned()
        if not planned.total:
            self._say("Nothing waits at the gateway; there is nothing to replay.")
            return 0
        self._show(planned)
        if not yes:
            if not sys.stdin.isatty():
                raise Refused(
                    "Nothing was sent: this is no terminal to confirm in. Add --yes to start without being asked."
                )
            click.confirm("Send them now?", abort=True)
        await self._ask("start")
        return await self.watch()

    async def dry_run(self) -> int:
        """What a replay would send; nothing is sent."""
        planned = await self._planned()
        self._show(planned)
        self._say("Nothing was sent. To send them: mx replay" if planned.total else "Nothing waits.")
        return 0

    async def control(self, action: Control) -> int:
        """Hold it, go on, or give it up."""
        now = await self._ask(action)
        self._say(f"The replay is {_TOLD[action]}: {now.line}.")
        if action == "pause":
            self._say("To go on: mx replay --resume. To give it up: mx replay --cancel")
        if action == "cancel" and now.left:
            self._say("What is left stays in the buffer, behind it what comes new. To send it: mx replay")
        return 0

    async def watch(self) -> int:
        """Follow it until it is over; Ctrl-C ends the watching and is told so."""
        try:
            over = await (self._drawn() if self._console.is_terminal else self._told())
            return await self._end(over)
        except asyncio.CancelledError:  # Ctrl-C: what was asked for here is done, so it ends well
            self._say(
                "\nYou stopped watching; the replay goes on at the gateway. To see it: mx replay. "
                "To hold it: mx replay --pause"
            )
            return 0

    async def _drawn(self) -> ReplayProgress:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("replay", total=None, words="")
            while True:
                now = await self._look()
                words = now.line if now.state == "running" else f"{now.line} ({now.state})"
                progress.update(task, total=now.total or None, completed=now.done, words=words)
                if not now.under_way:
                    return now
                await self._clock.sleep(LOOK_S)

    async def _told(self) -> ReplayProgress:
        while True:
            now = await self._look()
            if not now.under_way:
                return now
            self._say(f"{now.state}: {now.line}")
            await self._clock.sleep(LINE_S)

    async def _look(self) -> ReplayProgress:
        """How far it is; a gateway that restarts meanwhile is waited for."""
        until = self._clock.monotonic() + PATIENCE_S
        while True:
            try:
                return ReplayProgress.from_json(await self._gateway.replay())
            except OutsideError as error:
                if error.permanent or self._clock.monotonic() >= until:
                    raise
                await self._clock.sleep(LOOK_S)

    async def _end(self, over: ReplayProgress) -> int:
        """What came of it, and what is left for a person."""
        counts = BufferPage.from_json(await self._gateway.buffer(limit=1)).counts
        ended = "The replay is done" if over.state == "done" else "The replay was given up"
        self._say(f"{ended}: {over.done} of {over.total} sent." + (f" {over.says}" if over.says else ""))
        if counts.undelivered:
            self._say(f"{waits(counts.undelivered)}. To send what waits: mx replay")
        if counts.unknown:
            self._say(
                f"{writes(counts.unknown)} of unknown fate, for you to decide: mx buffer list --state unknown"
            )
        if counts.rejected:
            self._say(f"{writes(counts.rejected)} rejected by MaintainX: mx buffer list --state rejected")
        whole = over.state == "done" and not (counts.undelivered or counts.unknown or counts.rejected)
        return 0 if whole else 1

    async def _planned(self) -> ReplayProgress:
        return ReplayProgress.from_json(
            await self._gateway.control_replay("start", owner=actor(), reason="dry run", dry_run=True)
        )

    async def _ask(self, action: Control) -> ReplayProgress:
        return ReplayProgress.from_json(
            await self._gateway.control_replay(action, owner=actor(), reason="mx replay")
        )

    def _show(self, planned: ReplayProgress) -> None:
        self._say(planned.says or f"{writes(planned.total)} to send")
        if planned.to_look_for:
            self._say(
                f"{writes(planned.to_look_for)} of unknown fate: each is looked for at MaintainX before it is sent again"
            )

    def _say(self, words: str) -> None:
        self._console.print(words, markup=False, soft_wrap=True)
