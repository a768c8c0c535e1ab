"""The forwarder: sends what waits to the integration, in order for each entity, until it has it or will not have it.

Why not one strict line: a delivery that the integration answers with 500 for hours (a bug of its own in one work
order) would hold back all others, and one slow answer each second would cap the pace. MaintainX itself promises no
order across events. So what happened to one entity arrives in the order in which it came, several entities are served
at once in the order of their oldest delivery, and an entity that is refused waits alone. While the integration does
not answer at all, one delivery at a time is tried; as soon as one arrives, everybody is due at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

import aiohttp
from pydantic import JsonValue

from bot.errors import StoreError
from bot.gateway.backoff import Backoff
from bot.gateway.pausing import until
from bot.gateway.webhooks.deliveries import Delivery
from bot.gateway.webhooks.inbox import Inbox
from bot.gateway.webhooks.sending import Outcome, open_session, send
from bot.gateway.webhooks.settings import WebhookSettings
from bot.maintainx import host_of
from bot.ports import Clock

_Done = TypeVar("_Done")

_AWAY_AFTER = 3
"""Failures in a row after which the integration, not one delivery, is taken to be the trouble."""
_STUCK_AFTER = 5
"""Failures in a row after which the feed hears of it."""
_QUIET_S = 600.0
"""The feed hears at most once in so long that deliveries are stuck."""


@dataclass(slots=True)
class _Wait:
    """When an entity whose delivery did not arrive is due again."""

    backoff: Backoff
    due: float = 0.0


class Forwarder:
    """Works while ``run`` runs, at least once for each delivery."""

    def __init__(self, inbox: Inbox, settings: WebhookSettings, *, clock: Clock, log: logging.Logger) -> None:
        self.delivered = 0
        """Since the start."""
        self._inbox = inbox
        self._settings = settings
        self._clock = clock
        self._log = log
        self._says = ""
        self._failures = 0
        """In a row, whichever deliveries it were."""
        self._not_before = 0.0
        self._pause = self._backoff()
        self._waits: dict[str, _Wait] = {}
        self._busy: set[str] = set()
        """Entities of which one is being sent."""
        self._stuck = False
        """Whether the feed was told so, and nothing has arrived since."""
        self._told_at: float | None = None
        self._choosing = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._held = False
        """A lease keeps back what comes in."""
        self._resumed_at: datetime | None = None

    async def run(self) -> None:
        """Send for ever; where there is nowhere to send to, nothing is done."""
        if self._settings.forward_to is None:
            return
        async with open_session(self._settings) as session, asyncio.TaskGroup() as group:
            for _ in range(self._settings.concurrency):
                group.create_task(self._worker(session))

    def close(self) -> None:
        """Send nothing new: the next process goes on."""
        self._closed = True

    def hold(self, *, on: bool) -> None:
        """Leases have changed: send nothing new until they change again. What is being sent may end."""
        if on == self._held:
            return
        self._held = on
        if not on:
            self._resumed_at = self._clock.now()
        self._inbox.arrived.set()  # whoever waits for the next delivery looks again

    async def until_idle(self) -> None:
        """Wait until nothing is being sent; ``close`` makes that come."""
        await self._idle.wait()

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        to = self._settings.forward_to
        if to is None:
            says = "INTEGRATION_WEBHOOK_URL is not set: deliveries are kept here and go nowhere"
            return {"to": None, "state": "off", "delivered": 0, "says": says}
        if self._held:
            says = "a lease keeps back what comes in; it is kept, and sent on when that ends"
            return {"to": host_of(to), "state": "paused", "delivered": self.delivered, "says": says}
        state = "stuck" if self._stuck else "trying" if self._failures else "going"
        return {"to": host_of(to), "state": state, "delivered": self.delivered, "says": self._says}

    async def _worker(self, session: aiohttp.ClientSession) -> None:
        while True:
            async with self._choosing:  # one at a time chooses
                one = await self._until_stored(self._choose)
                self._busy.add(one.entity)
                self._idle.clear()
            try:
                outcome = await send(session, one, self._settings, now=self._clock.now())
                # An answer that is there is written down however long the disk takes: better than sending it again.
                await self._until_stored(partial(self._settle, one, outcome))
            finally:
                self._busy.discard(one.entity)
                self._inbox.arrived.set()
                if not self._busy:
                    self._idle.set()

    @property
    def _may_begin(self) -> bool:
        return not (self._closed or self._held)

    async def _choose(self) -> Delivery:
        """Wait for the next delivery that may be sent."""
        while True:
            self._inbox.arrived.clear()
            wait_s = None
            if self._may_begin and not (self._failures and self._busy):
                wait_s = self._not_before - self._clock.monotonic()
                if wait_s <= 0:
                    one, wait_s = await self._due()
                    if one is not None and self._may_begin:
                        return one
            if wait_s is None:
                await self._inbox.arrived.wait()
            else:
                await until(self._clock, wait_s, self._inbox.arrived)

    async def _due(self) -> tuple[Delivery | None, float | None]:
        """The first delivery that is due; else in how many seconds one will be, where one waits for its time."""
        now = self._clock.monotonic()
        waits = {entity: wait.due - now for entity, wait in self._waits.items() if wait.due > now}
        one = await self._inbox.next(self._busy | waits.keys())
        return one, None if one is not None else min(waits.values(), default=None)

    async def _settle(self, one: Delivery, outcome: Outcome) -> None:
        if outcome.fate == "delivered":
            await self._inbox.settled(one, "delivered", status=outcome.status, answer=b"", says="")
            self.delivered += 1
            self._answers(one)
            await self._tell_going()
            return
        since = max(one.waits_since, self._resumed_at or one.waits_since)  # held back is not tried
        tried_s = (self._clock.now() - since).total_seconds()
        if outcome.fate == "again" and tried_s < self._settings.give_up_s:
            await self._inbox.again(one, status=outcome.status, says=outcome.says)
            self._unwell(one, outcome)
        else:
            tried = "" if outcome.fate == "kept" else f", and it was tried for {self._settings.give_up_s:g} s"
            says = f"{outcome.says}{tried}"
            await self._inbox.settled(
                one, "kept", status=outcome.status, answer=outcome.answer, says=f"{says}; a person decides"
            )
            if outcome.fate == "kept":
                self._answers(one)
            else:
                self._unwell(one, outcome)
            await self._tell_stuck(f"{one.event} of {one.entity} is kept ({one.id}): {says}")
        if self._failures >= _STUCK_AFTER:
            await self._tell_stuck(f"{self._failures} failures in a row, the last: {outcome.says}")

    def _answers(self, one: Delivery) -> None:
        """The integration is there. Where it was away, all that waited is due."""
        self._waits.pop(one.entity, None)
        if self._failures >= _AWAY_AFTER:
            self._waits.clear()
        self._failures, self._not_before, self._says = 0, 0.0, ""
        self._pause.reset()

    def _unwell(self, one: Delivery, outcome: Outcome) -> None:
        """It gave no good answer: this delivery waits a while, and everybody a little."""
        self._failures += 1
        now = self._clock.monotonic()
        wait = self._waits.setdefault(one.entity, _Wait(self._backoff()))
        wait.due = now + wait.backoff.next(outcome.wait_s)
        pause_s = self._pause.next(outcome.wait_s)
        self._not_before = now + pause_s
        self._says = f"{outcome.says}, {self._failures} times in a row; the next try is in {pause_s:.0f} s"

    async def _tell_stuck(self, says: str) -> None:
        """Tell the feed, once until a delivery arrives, and not at every turn of an integration that picks and chooses."""
        now = self._clock.monotonic()
        if self._stuck or (self._told_at is not None and now - self._told_at < _QUIET_S):
            return
        self._stuck, before, self._told_at = True, self._told_at, now  # at once: the others ask meanwhile
        waiting, kept = (self._inbox.counts.get(state, 0) for state in ("waiting", "kept"))
        if not await self._tell("forwarding_stuck", f"{says}. {waiting} wait, {kept} are kept"):
            self._stuck, self._told_at = False, before

    async def _tell_going(self) -> None:
        if self._stuck:
            self._stuck = False
            self._stuck = not await self._tell("forwarding_resumed", "the integration takes webhooks again")

    async def _tell(self, what: str, says: str) -> bool:
        try:
            await self._inbox.tell(what, says)
        except StoreError as error:
            self._log.error("telling that webhooks are forwarded, or not: %s", error)
            return False
        return True

    async def _until_stored(self, work: Callable[[], Awaitable[_Done]]) -> _Done:
        while True:
            try:
                return await work()
            except StoreError as error:
                self._log.error("forwarding webhooks: %s", error)
                await self._clock.sleep(1.0)

    def _backoff(self) -> Backoff:
        return Backoff(first_s=self._settings.first_wait_s, longest_s=self._settings.longest_wait_s)
