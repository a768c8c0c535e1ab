"""The names of people on the pages: Slack's where it says them in time, else the ids."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

from bot.ports import Clock

Learn = Callable[[Iterable[str]], Awaitable[None]]
"""Asks for the names of these actors; raises nothing."""
Name = Callable[[str], str]
"""The name of an actor, or what there is instead."""

_PATIENCE_S = 1.5
_AGAIN_S = 30.0
_USER = re.compile(r"slack:[UW][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"slack:([CG][A-Z0-9]{1,30})")
_ELSEWHERE = {"pagerduty": "in PagerDuty", "cli": "in a terminal"}


class People:
    """Names for actors, and for those that stand within a sentence. A page never waits long for Slack."""

    def __init__(self, learn: Learn, name: Name, *, clock: Clock) -> None:
        self._learn = learn
        self._name = name
        self._clock = clock
        self._not_before = 0.0
        self._asked: set[str] = set()

    async def learn(self, texts: Iterable[str]) -> None:
        """Ask for everybody who stands in these texts and is not known; at most for a moment, and not all the time."""
        wanted = {one for text in texts for one in _USER.findall(text)} - self._asked
        if not wanted or self._clock.monotonic() < self._not_before:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._learn(wanted)
        except TimeoutError:
            self._not_before = self._clock.monotonic() + _AGAIN_S
            return
        unknown = {one for one in wanted if self._name(one) == one.partition(":")[2]}
        self._asked |= wanted - unknown
        if unknown:
            self._not_before = self._clock.monotonic() + _AGAIN_S

    @property
    def known(self) -> int:
        """How many are known: where it grows, what was made before shows ids that are names by now."""
        return len(self._asked)

    def who(self, actor: str) -> str:
        """An actor as people say it: "Ann", "Jo Doe (in PagerDuty)", "mx"."""
        kind, _, name = actor.partition(":")
        if _USER.fullmatch(actor):
            return self._name(actor)
        return f"{name} ({_ELSEWHERE[kind]})" if kind in _ELSEWHERE and name else actor

    def within(self, text: str) -> str:
        """A sentence with names where it has ids."""
        named = _USER.sub(lambda found: self._name(found[0]), text)
        return _CHANNEL.sub(r"channel \1", named)
