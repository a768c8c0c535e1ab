"""What the story does and looks at: somebody types or clicks, the card is read, rates are measured at the gateway."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bot.demo.door import wall_clock
from bot.demo.member import StoryFault
from bot.demo.rates import Rates, rates_from
from bot.demo.screen import Screen, names_of
from bot.demo.slack.controls import find_control
from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.demo.world import World

Seen = TypeVar("Seen")

WINDOW_S = 3.0
"""Rates are measured over so many seconds."""
PATIENCE_S = 25.0


class Hands:
    """A person in front of Slack, and one at the gateway; raises StoryFault where something does not happen."""

    def __init__(self, world: World, screen: Screen, *, reading_s: float = 0.0) -> None:
        self._reading_s = reading_s
        self._world = world
        self._screen = screen
        self._slack = world.slack
        self._card_ts = ""

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

    async def _well(self) -> None:
        """Wait until the integration's own health page says so again: it remembers refusals for some seconds."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    async with self._world.web.get(self._world.integration.health_url) as answer:
                        if answer.ok:
                            return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise StoryFault("the integration's own health page does not say that it is well again") from None

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

    def _card(self) -> Message:
        message = self._slack.state.find(self._world.channel, self._card_ts)
        if message is None:
            raise StoryFault("the card is gone from the channel")
        return message

    def _text(self, message: Message) -> str:
        return "\n".join(render(message, names=names_of(self._slack), width=10_000))

    def _expect(self, words: str, message: Message) -> None:
        if words not in self._text(message):
            raise StoryFault(f"{words!r} was expected on the card:\n{self._text(message)}")
