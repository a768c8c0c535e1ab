"""``mx demo``: one outage from the first 429 to the posted report, played with the real bot and the real gateway."""

import asyncio
import re
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console

from bot.demo.door import wall_clock
from bot.demo.prompt import take_commands
from bot.demo.rates import Rates, rates_from
from bot.demo.screen import Screen, names_of
from bot.demo.slack.controls import Control, controls, find_control
from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.demo.world import LIMIT, LIMIT_WINDOW_S, SLOW_PACE, StoryFault, World, start_world

Seen = TypeVar("Seen")

_ENDED = re.compile(r"rate-limited: (done|failed|inconclusive|interrupted)")

BUTTON = "Enable emergency rate limit"
STORM_PER_S = 4.0
WINDOW_S = 3.0
"""Rates are measured over so many seconds."""
CALM_S = 4
READING_S = 1.5
"""A pause on a terminal, where somebody reads along."""
LIMIT_PER_S = 1.0
"""What the playbook limits to."""
MANY_PER_S = 3.0
"""429s per second at which somebody notices."""
PATIENCE_S = 25.0
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
    async with start_world() as world:
        screen.tell(f"...ready after {loop.time() - begun:.1f} s.")
        try:
            await Story(world, screen, reading_s=READING_S if stay else 0.0).play()
        except (StoryFault, LookupError, TimeoutError) as fault:
            tails = "\n".join(f"-- {p.name}:\n{p.last_lines()}" for p in (world.gateway, world.bot))
            raise StoryFault(f"{fault}\n{tails}") from fault
        screen.tell(f"\nThe story took {loop.time() - begun:.0f} s.")
        if stay:
            world.integration.set_pace(SLOW_PACE)
            await take_commands(world, screen)


class Story:
    """The steps of the outage; each one checks that it happened and raises StoryFault where it did not."""

    def __init__(self, world: World, screen: Screen, *, reading_s: float = 0.0) -> None:
        self._reading_s = reading_s
        self._world = world
        self._screen = screen
        self._slack = world.slack
        self._card_ts = ""

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
        """It is over, and the card says so."""
        self._screen.chapter("It is over")
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

    async def _type(self, person: str, text: str) -> None:
        self._world.check()
        self._screen.typed(person, f"/mx {text}")
        outcome = await self._slack.command(self._world.people[person], self._world.channel, "/mx", text)
        if outcome.error or outcome.status != 200:  # noqa: PLR2004 - HTTP
            raise StoryFault(f"/mx {text}: {outcome.error or outcome.status} {' '.join(outcome.details)}")
        if outcome.message is not None:
            self._screen.message(outcome.message, self._slack)

    async def _press(self, person: str, label: str) -> None:
        self._world.check()
        control = find_control(self._card().blocks, label)
        self._screen.clicked(person, label)
        user = self._world.people[person]
        outcome = await self._slack.click(user, self._world.channel, self._card_ts, control.action_id)
        if outcome.error or outcome.status != 200:  # noqa: PLR2004 - HTTP
            raise StoryFault(f"clicking {label!r}: {outcome.error or outcome.status}")
        for _ in range(3):  # a plan that changed between showing and sending is shown again, as it is now
            dialog = await self._slack.dialog(user)
            self._screen.view(dialog, self._slack)
            if not dialog.body.get("submit"):
                break
            await asyncio.sleep(self._reading_s)
            self._screen.clicked(person, dialog.body["submit"]["text"])
            sent = await self._slack.submit_view(user, dialog.id)
            if sent.error or sent.errors:
                raise StoryFault(f"sending the dialog of {label!r}: {sent.error or sent.errors}")
            if sent.view is None:
                return
        raise StoryFault(f"the dialog of {label!r} stays open")

    async def _seen(self, look: Callable[[], Seen | None], what: str) -> Seen:
        found = await self._slack.until(look, timeout_s=PATIENCE_S, what=what)
        assert found is not None
        return found

    async def _measure(self, *, shown: bool = True) -> Rates:
        self._world.check()
        rates = rates_from(
            await self._world.gateway_status(WINDOW_S),
            window_s=WINDOW_S,
            at=wall_clock().strftime("%H:%M:%S"),
        )
        if shown:
            self._screen.rates(rates)
        return rates

    async def _until(
        self, true: Callable[[Rates], bool], *, what: str, within_s: float = PATIENCE_S
    ) -> Rates:
        """Measure once a second until it is true."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    rates = await self._measure()
                    if true(rates):
                        return rates
                    await asyncio.sleep(1)
        except TimeoutError:
            raise StoryFault(f"waiting {within_s:.0f} s for {what}: it did not happen") from None

    async def _no_lease(self) -> None:
        mode: object = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    mode = (await self._world.gateway_status(WINDOW_S)).get("mode")
                    if mode == "pass":
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise StoryFault(f"the undo was confirmed, but the gateway's mode is {mode!r}") from None

    def _with_button(self) -> Message | None:
        for message in self._slack.messages(self._world.channel):
            if any(control.label == BUTTON for control in controls(message.blocks)):
                return message
        return None

    def _card(self) -> Message:
        message = self._slack.state.find(self._world.channel, self._card_ts)
        if message is None:
            raise StoryFault("the card is gone from the channel")
        return message

    def _undo_button(self) -> Control | None:
        return next((each for each in controls(self._card().blocks) if each.label.startswith("Undo")), None)

    def _report_file(self) -> tuple[str, str] | None:
        for file in self._slack.state.files.values():
            if file.name.endswith(".md") and file.content and file.shares:
                return file.name, file.content.decode("utf-8")
        return None

    def _text(self, message: Message) -> str:
        return "\n".join(render(message, names=names_of(self._slack), width=10_000))

    def _expect(self, words: str, message: Message) -> None:
        if words not in self._text(message):
            raise StoryFault(f"{words!r} was expected on the card:\n{self._text(message)}")
