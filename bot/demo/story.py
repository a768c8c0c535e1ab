"""``mx demo``: one outage from the first 429 to the posted report, played with the real bot and the real gateway."""

import asyncio
import re
import signal
import sys

from rich.console import Console

from bot.demo.cockpit import page_of
from bot.demo.hands import PATIENCE_S, WINDOW_S, Hands
from bot.demo.member import StoryFault
from bot.demo.prompt import take_commands
from bot.demo.screen import Screen
from bot.demo.slack.controls import Control, controls
from bot.demo.slack.records import Message
from bot.demo.world import LIMIT, LIMIT_WINDOW_S, SLOW_PACE, start_world

_ENDED = re.compile(r"rate-limited: (done|failed|inconclusive|interrupted)")

BUTTON = "Enable emergency rate limit"
STORM_PER_S = 4.0
CALM_S = 4
READING_S = 1.5
"""A pause on a terminal, where somebody reads along."""
LIMIT_PER_S = 1.0
"""What the playbook limits to."""
MANY_PER_S = 3.0
"""429s per second at which somebody notices."""
VERIFY_S = 70.0
"""The playbook itself watches for up to 60 s."""


def main() -> int:
    """Play the story; in a terminal stay up and take commands. Returns 0, or 1 with the reason printed."""
    screen = Screen(Console(highlight=False))
    stay = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        asyncio.run(_play(screen, stay=stay))
    except StoryFault as fault:
        screen.wrong(f"\nThe story stopped: {fault}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.tell("\nEverything is stopped.")
        return 0 if stay else 1
    return 0


async def _play(screen: Screen, *, stay: bool) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    playing = asyncio.current_task()
    assert playing is not None
    loop.add_signal_handler(
        signal.SIGTERM, playing.cancel
    )  # or the gateway and the bot would outlive the demo
    screen.tell(
        "Starting a Slack workspace, a MaintainX, a status page and an integration, all stand-ins on loopback, "
        "with the real mx gateway and the real mx bot beside them..."
    )
    async with start_world() as world, page_of(world) as address:
        screen.tell(f"...ready after {loop.time() - begun:.1f} s. It can be watched at {address}")
        try:
            await Story(world, screen, reading_s=READING_S if stay else 0.0).play()
        except (StoryFault, LookupError, TimeoutError) as fault:
            tails = "\n".join(f"-- {p.name}:\n{p.last_lines()}" for p in (world.gateway, world.bot))
            raise StoryFault(f"{fault}\n{tails}") from fault
        screen.tell(f"\nThe story took {loop.time() - begun:.0f} s.")
        if stay:
            world.integration.set_pace(SLOW_PACE)
            await take_commands(world, screen)


class Story(Hands):
    """The steps of the outage; each one checks that it happened and raises StoryFault where it did not."""

    async def play(self) -> None:
        """All steps in order."""
        await self.calm()
        await self.storm()
        await self.triage()
        await self.mitigate()
        await self.verify()
        await self.undo()
        await self.resolve()
        await self.report()

    async def calm(self) -> None:
        """Traffic flows through the gateway and nothing is wrong."""
        self._screen.chapter("An ordinary day")
        self._screen.tell("The integration's three jobs call MaintainX through the mx gateway.")
        for _ in range(CALM_S):
            await asyncio.sleep(1)
            await self._measure()
        last = await self._measure(shown=False)
        if not last.of("200") or last.of("429"):
            raise StoryFault(f"calm traffic was expected at the gateway, found {last}")

    async def storm(self) -> None:
        """A job goes wild, and MaintainX begins to answer 429."""
        self._screen.chapter("Somebody starts a full asset re-sync")
        self._screen.tell(
            f"This MaintainX allows a key {LIMIT} requests in {LIMIT_WINDOW_S:.0f} seconds; the real one, 100 in 60."
        )
        self._world.integration.start_storm(STORM_PER_S)
        await self._until(lambda rates: rates.of("429") >= MANY_PER_S, what="429s at the gateway")

    async def triage(self) -> None:
        """A person asks what is wrong; the card says so."""
        self._screen.chapter("Ada asks what is wrong")
        await self._type("Ada", "triage")
        card = await self._seen(self._with_button, "a card with the rate limit's button")
        self._card_ts = card.ts
        self._screen.message(card, self._slack)
        for words in ("SEV-2", "429"):
            self._expect(words, card)
        await asyncio.sleep(self._reading_s)
        await self._type("Ada", "ack")

    async def mitigate(self) -> None:
        """Two clicks slow the traffic down."""
        self._screen.chapter("Two clicks")
        before = await self._measure()
        await self._press("Ada", BUTTON)
        after = await self._until(
            lambda rates: rates.reached_per_s <= LIMIT_PER_S + 1 / WINDOW_S,
            what="the rate to fall to 1 per second",
        )
        if after.reached_per_s > before.reached_per_s / 2:
            raise StoryFault(
                f"the rate hardly fell: {before.reached_per_s:.1f}/s before, {after.reached_per_s:.1f}/s after"
            )
        self._screen.tell(
            f"From {before.reached_per_s:.1f} to {after.reached_per_s:.1f} requests per second, measured at the gateway."
        )

    async def verify(self) -> None:
        """The playbook's own check says that the 429s stopped."""
        self._screen.chapter("mx checks that it helped")
        await self._until(
            lambda _: _ENDED.search(self._text(self._card())) is not None,
            what="the playbook's end",
            within_s=VERIFY_S,
        )
        self._expect("free of 429", self._card())
        self._screen.change(self._card(), self._slack)

    async def undo(self) -> None:
        """The cause is mended, the mitigation is taken back."""
        self._screen.chapter("The cause is mended, the limit goes")
        self._screen.tell("Ben stops the re-sync at its source.")
        self._world.integration.end_storm()
        undo = await self._seen(self._undo_button, "an undo button on the card")
        await self._press("Ada", undo.label)
        await self._no_lease()
        await self._slack.until(
            lambda: not self._undo_button(), timeout_s=PATIENCE_S, what="the undo on the card"
        )
        self._screen.change(self._card(), self._slack)
        await self._until(
            lambda rates: rates.of("200") > 0 and not rates.of("429") and not rates.held_per_s,
            what="calm traffic without a limit",
        )

    async def resolve(self) -> None:
        """It is over: line by line, with evidence; and the card says so."""
        self._screen.chapter("Recovery is proved, not declared")
        await self._well()
        await self._type("Ada", "verify")
        proof = await self._seen(self._proof, "the proof of recovery")
        self._screen.message(proof, self._slack)
        self._expect("Recovery is proved", proof)
        await self._type("Ada", "resolve")
        await self._slack.until(
            lambda: "resolved" in self._text(self._card()).lower(),
            timeout_s=PATIENCE_S,
            what="a resolved card",
        )
        self._screen.change(self._card(), self._slack)

    async def report(self) -> None:
        """The post-mortem that the timeline already wrote."""
        self._screen.chapter("The report")
        await self._type("Ada", "report")
        name, content = await self._seen(self._report_file, "the report's file")
        self._screen.news(self._slack)
        self._screen.lines(content.splitlines(), title=f"{name}, the file in the thread", style="green")
        for words in ("Root Cause", "Timeline", "Action Items"):
            if words.lower() not in content.lower():
                raise StoryFault(f"the report has no section {words!r}")

    def _with_button(self) -> Message | None:
        for message in self._slack.messages(self._world.channel):
            if any(control.label == BUTTON for control in controls(message.blocks)):
                return message
        return None

    def _proof(self) -> Message | None:
        """What Ada was told of it, once she was."""
        told = self._slack.ephemerals(self._world.people["Ada"], self._world.channel)
        return next((each for each in told if "good rounds" in self._text(each)), None)

    def _undo_button(self) -> Control | None:
        return next((each for each in controls(self._card().blocks) if each.label.startswith("Undo")), None)

    def _report_file(self) -> tuple[str, str] | None:
        for file in self._slack.state.files.values():
            if file.name.endswith(".md") and file.content and file.shares:
                return file.name, file.content.decode("utf-8")
        return None
