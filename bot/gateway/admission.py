"""The waiting side of the limiter: requests wait here for their turn, and one loop settles who is due."""

import asyncio
from collections.abc import Callable

from bot.gateway.budget import Budget, Caller
from bot.gateway.lanes import CRITICAL, DEFAULT
from bot.gateway.limiter import Limiter, Ticket, Verdict
from bot.gateway.pausing import until
from bot.ports import Clock


class Admission:
    """Lets requests through at the pace in force; ``run`` must be running."""

    def __init__(self, limiter: Limiter, budget: Budget, clock: Clock) -> None:
        self.limiter = limiter
        self._budget = budget
        self._clock = clock
        self._next_at: float | None = None
        self._changed = asyncio.Event()

    async def enter(self, lane: str, caller: Caller, *, gone: Callable[[], bool]) -> Verdict:
        """Wait for this request's turn, at most the configured time. A client that left takes no slot."""
        verdict = self.limiter.at_once(lane, caller, self._clock.monotonic())
        return verdict if verdict is not None else await self._wait(lane, caller, gone)

    async def enter_last(self, lane: str, caller: Caller) -> None:
        """Wait until no live request wants the turn, for the gateway's own requests; a pause is not for them."""
        if (
            not self.limiter.waiting
            and self.limiter.at_once(DEFAULT, caller, self._clock.monotonic()) == "go"
        ):
            return
        await self._wait(lane, caller, lambda: False, last=True)

    def give_back(self, caller: Caller) -> None:
        """A turn that was had is not used after all."""
        self._budget.unsent(caller)
        self.budget_changed()

    def apply(self, *, rate_per_s: float | None, paused: frozenset[str]) -> None:
        """A new policy, in force from here on, for those who wait too."""
        now = self._clock.monotonic()
        self._look_again(self.limiter.set_policy(rate_per_s=rate_per_s, paused=paused, now=now))

    def budget_changed(self) -> None:
        """MaintainX said something about its limits: somebody who waits may be due."""
        if self.limiter.anybody:
            self._look_again(self.limiter.turn(self._clock.monotonic()))

    async def run(self) -> None:
        """Settle whoever is due, for ever."""
        while True:
            self._changed.clear()
            if self._next_at is None:
                await self._changed.wait()
                continue
            await until(self._clock, self._next_at - self._clock.monotonic(), self._changed)
            self._next_at = self.limiter.turn(self._clock.monotonic())

    async def _wait(
        self, lane: str, caller: Caller, gone: Callable[[], bool], *, last: bool = False
    ) -> Verdict:
        turn: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

        def settle(verdict: Verdict) -> None:
            if not turn.done():
                turn.set_result(verdict)

        ticket = Ticket(
            lane,
            caller,
            first=lane == CRITICAL and not last,
            settle=settle,
            gone=lambda: turn.cancelled() or gone(),
            last=last,
        )
        self._look_again(self.limiter.join(ticket, self._clock.monotonic()))
        return await turn

    def _look_again(self, at: float | None) -> None:
        self._next_at = at
        self._changed.set()
