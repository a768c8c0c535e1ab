"""After the story, on a terminal: type ``/mx ...``, click, break things and look."""

import asyncio
import os
import shlex
import sys

from bot.demo.door import wall_clock
from bot.demo.maintainx import FAULT_WORDS, fault_from_words
from bot.demo.member import StoryFault
from bot.demo.rates import rates_from
from bot.demo.screen import Screen
from bot.demo.slack.controls import controls, find_control
from bot.demo.slack.records import Message
from bot.demo.world import World

HELP = f"""\
/mx VERB ...          as in Slack: /mx triage, /mx status, /mx help
card                  the newest card, as Slack shows it
click LABEL           press a button of that card
send [LABEL=VALUE]    send in the dialog that it opened, with what it asks for
close                 close that dialog
storm [RATE]          asset-sync goes wild: 4 calls per second, or RATE
calm                  all jobs at their usual pace
break FAULT [PATH] [SHARE]
                      for example: break 401, break 5xx /assets 0.5, break slow 3 /users
                      {FAULT_WORDS}
heal                  MaintainX works again
health SHAPE          the service's page: checks, metrics, named, text, html, broken, silent
traffic               what passes the gateway now
addresses             where everything listens
help, quit"""
SHAPES = ("checks", "metrics", "named", "text", "html", "broken", "silent")
WINDOW_S = 5.0
QUIET_S = 2.0
"""After a command answers are shown until nothing came for so long, and at most for ``LONGEST_S``."""
LONGEST_S = 10.0


async def take_commands(world: World, screen: Screen) -> None:
    """Read commands from the terminal until ``quit`` or the end of input."""
    prompt = Prompt(world, screen)
    screen.chapter("Your turn")
    prompt.addresses()
    screen.plain(HELP)
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    # Read when there is something, and leave the terminal as it is: a non-blocking stdin makes stdout non-blocking.
    loop.add_reader(sys.stdin.fileno(), lambda: typed.put_nowait(os.read(sys.stdin.fileno(), 65536)))
    try:
        while True:
            screen.console.print("mx demo> ", end="")
            text = await typed.get()
            for line in text.decode("utf-8", errors="replace").splitlines():
                if line.strip() in {"quit", "exit", "q"}:
                    return
                if line.strip():
                    await prompt.take(line.strip())
            if not text:
                return
    finally:
        loop.remove_reader(sys.stdin.fileno())


class Prompt:
    """Carries out one typed line at a time; a mistake is answered, never raised."""

    def __init__(self, world: World, screen: Screen, *, quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._world = world
        self._screen = screen

    async def take(self, line: str) -> None:
        """Do what the line says and show what came of it."""
        try:
            self._world.check()
            await self._do(line)
        except (StoryFault, LookupError, ValueError) as fault:
            self._screen.wrong(str(fault.args[0] if fault.args else fault))

    def addresses(self) -> None:
        """Where everything listens."""
        world = self._world
        for name, address in (
            ("bot", f"{world.bot_url}/readyz"),
            ("gateway", f"{world.gateway_url}/-/healthz"),
            ("MaintainX", f"{world.maintainx.base_url}"),
            ("service", world.integration.health_url),
            ("status page", world.statuspage.url),
            ("Slack", world.slack.api_url),
            ("files", str(world.folder)),
        ):
            self._screen.console.print(f"  {name:<12} {address}", highlight=False)

    async def _do(self, line: str) -> None:
        verb, *words = shlex.split(line)
        match verb:
            case "/mx":
                await self._command(line.removeprefix("/mx").strip())
            case "card":
                self._screen.message(self._card(), self._world.slack)
            case "click":
                await self._click(" ".join(words))
            case "storm":
                self._world.integration.start_storm(float(words[0]) if words else 4.0)
            case "calm":
                self._world.integration.end_storm()
            case "break":
                self._world.maintainx.break_(fault_from_words(words))
                self._screen.tell(
                    "Broken: " + ", ".join(f"{f.kind} {f.path}" for f in self._world.maintainx.faults)
                )
            case "send" | "close":
                await (self._send(words) if verb == "send" else self._close())
            case "heal":
                self._world.maintainx.heal()
                self._screen.tell("MaintainX works again.")
            case "health":
                self._health(words)
            case "traffic":
                status = await self._world.gateway_status(WINDOW_S)
                at = wall_clock().strftime("%H:%M:%S")
                self._screen.rates(rates_from(status, window_s=WINDOW_S, at=at))
            case "addresses":
                self.addresses()
            case _:
                self._screen.plain(HELP)

    async def _command(self, text: str) -> None:
        slack = self._world.slack
        outcome = await slack.command(self._world.people["Ada"], self._world.channel, "/mx", text)
        if outcome.error:
            raise StoryFault(" ".join((outcome.error, *outcome.details)))
        await self._dialog()
        await self._show()

    async def _click(self, label: str) -> None:
        slack, card = self._world.slack, self._card()
        control = find_control(card.blocks, label)
        if control.confirm is not None:
            self._screen.dialog(control.confirm, slack)
        outcome = await slack.click(
            self._world.people["Ada"], self._world.channel, card.ts, control.action_id
        )
        if outcome.error:
            raise StoryFault(outcome.error)
        await self._dialog()
        await self._show()

    async def _dialog(self) -> None:
        """Show the dialog that is open, if one is."""
        slack, ada = self._world.slack, self._world.people["Ada"]
        if slack.views(ada):
            self._screen.view(await slack.dialog(ada), slack)
            self._screen.tell("(type send, or send LABEL=VALUE ..., or close)")

    async def _send(self, words: list[str]) -> None:
        slack, ada = self._world.slack, self._world.people["Ada"]
        if not slack.views(ada):
            raise ValueError("no dialog is open: click a button first")
        pairs = dict(word.partition("=")[::2] for word in words)
        sent = await slack.submit_view(ada, slack.views(ada)[-1].id, pairs)
        if sent.error or sent.errors:
            raise StoryFault(str(sent.error or dict(sent.errors)))
        await self._dialog()
        await self._show()

    async def _close(self) -> None:
        slack, ada = self._world.slack, self._world.people["Ada"]
        for view in reversed(slack.views(ada)):
            await slack.close_view(ada, view.id)

    async def _show(self) -> None:
        """Whatever the bot says, until it was quiet for a moment; a card that only changed, in its last form."""
        loop = asyncio.get_running_loop()
        begun = heard = loop.time()
        told = 0
        while loop.time() - heard < self._quiet_s and loop.time() - begun < LONGEST_S:
            await asyncio.sleep(0.25)
            if fresh := self._screen.news(self._world.slack):
                told, heard = told + fresh, loop.time()
        if not told:
            self._screen.tell("(nothing new in Slack)")

    def _card(self) -> Message:
        found = [m for m in self._world.slack.messages(self._world.channel) if any(controls(m.blocks))]
        if not found:
            raise StoryFault("there is no card in the channel: type /mx triage")
        return found[-1]

    def _health(self, words: list[str]) -> None:
        for shape in SHAPES:
            if words == [shape]:
                self._world.integration.shape = shape  # type: ignore[assignment]  # it is one of the shapes
                self._screen.tell(f"The health page is {shape} from now on.")
                return
        raise ValueError(f"write one of: {', '.join(SHAPES)}")
