"""The replay: sends what waits, in order for each entity, after live traffic, and settles what broke off by looking."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from bot.errors import StoreError
from bot.faults import where
from bot.gateway.asking import Answered, Asking
from bot.gateway.backoff import Backoff
from bot.gateway.buffer.buffer import Buffer
from bot.gateway.buffer.control import Control
from bot.gateway.buffer.looking import Ask, look_for
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.buffer.writes import Write, marked, without_webhook
from bot.gateway.limiter import Pace
from bot.gateway.outage import Outage
from bot.gateway.pausing import until
from bot.gateway.turn import Turn
from bot.gateway.upstream import Lost
from bot.maintainx import WINDOW_S, error_text, rate_headers
from bot.ports import Clock

_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""Refusals that are about this moment and not about the write."""
_TOLD_REJECTED = 5
"""Refused writes that the feed names one by one in a replay; the rest is counted at its end."""
_LOOK_AGAIN_S = 30.0
_KEPT_OF_ANSWER = 2**18
_KEY_REFUSED = "MaintainX refuses the gateway's key (401); put the new key in place, then resume"

LANE = "replay"
"""The lane of the gateway's own requests for the buffer."""


class Replay:
    """Works while ``Control`` says so. ``run`` is started once by the composition root."""

    def __init__(
        self,
        buffer: Buffer,
        control: Control,
        asking: Asking,
        *,
        settings: BufferSettings,
        limit: Callable[[], int],
        settled: Callable[[Write, str], None],
        outage: Outage,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._buffer = buffer
        self._control = control
        self._asking = asking
        self._settings = settings
        self._limit = limit
        self._settled = settled
        self._outage = outage
        self._clock = clock
        self._log = log
        self._pace = Pace()
        self._backoff = Backoff(first_s=1.0, longest_s=60.0)
        self._not_before = 0.0
        self._term = 0
        self._busy: set[str] = set()
        """Ids of the writes that are just being looked for."""
        self._next = asyncio.Lock()
        self._look_next = asyncio.Lock()
        self._sending = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Work for ever, on several entities at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.concurrency):
                group.create_task(self._worker())

    async def until_idle(self) -> None:
        """Wait until nothing is being sent; ``Control.close`` makes that come."""
        await self._idle.wait()

    async def _worker(self) -> None:
        while True:
            await self._control.may_work()
            try:
                if not await self._work():
                    await self._rest()
            except Exception as error:  # noqa: BLE001 - one of the gateway's loops: what waits must go on being sent
                self._log.error("replaying: %s", error if isinstance(error, StoreError) else where(error))
                await self._clock.sleep(1.0)

    async def _work(self) -> bool:
        """Look for a write or send one; False where there is nothing to do just now."""
        write = await self._buffer.rows.next_to_look_for(self._clock.now().timestamp(), self._busy)
        if write is not None and write.id not in self._busy:
            await self._look(write)
            return True
        async with self._next:  # one at a time chooses, or several would wait their turn for the same write
            claimed = await self._claim()
        if claimed is None:
            return False
        try:
            await self._send(*claimed)
        finally:
            self._one_less()
        return True

    def _one_less(self) -> None:
        self._sending -= 1
        if not self._sending:
            self._idle.set()

    async def _claim(self) -> tuple[Write, Turn] | None:
        """Wait for a turn, then take the next write; None where there is none that may go."""
        head = await self._buffer.peek()
        if head is None:
            return None
        if self._term != self._control.term:
            self._term = self._control.term
            self._not_before = 0.0
            self._backoff.reset()
        self._pace.rate_per_s = self.rate_per_s
        while (at := max(self._pace.ready_at, self._not_before)) > (now := self._clock.monotonic()):
            self._control.changed.clear()
            await until(self._clock, at - now, self._control.changed)
            if not self._control.working:
                return None
        turn = await self._asking.turn(lane=LANE, organisation=head.organisation)
        write = None
        self._sending += 1  # from before it is noted as being sent: a stop waits for what was claimed
        self._idle.clear()
        try:
            write = await self._buffer.claim() if self._control.working else None
        finally:
            if write is None:  # also where the disk refused: a place that is not given back is lost
                turn.unsent()
                self._one_less()
        if write is None:
            return None
        self._pace.take(self._clock.monotonic())
        return write, turn

    async def _rest(self) -> None:
        """Nothing to do just now: finished, or others are at work, or something is to be looked for later."""
        tally = self._buffer.tally
        if not (tally.moving or self._busy):
            await self._control.finish()
            return
        at = await self._buffer.rows.next_look_at()
        wait_s = 1.0 if at is None else max(0.05, min(1.0, at - self._clock.now().timestamp()))
        self._control.changed.clear()
        await until(self._clock, wait_s, self._control.changed)

    @property
    def rate_per_s(self) -> float:
        """The pace of a replay: its share of what MaintainX allows."""
        return self._limit() * self._settings.replay_share / WINDOW_S

    async def _send(self, write: Write, turn: Turn) -> None:
        if write.body is None:
            turn.unsent()
            says = "it is encrypted with another MX_BUFFER_KEY; set that one and send it again"
            await self._noted(self._buffer.park, write, says)
            return
        target = without_webhook(write.target) if self._settings.skip_webhook else write.target
        try:
            body, _ = marked(write)
            answered = await self._asking.ask(
                write.method,
                target,
                turn=turn,
                body=body,
                headers=write.headers,
                organisation=write.organisation,
            )
        except Lost as lost:
            if lost.sent:
                self._settled(write, "unknown")
                await self._noted(self._buffer.unknown, write, str(lost))
            else:
                await self._noted(self._buffer.waits_again, write, str(lost))
            await self._unwell(str(lost))
        except Exception as error:
            await self._noted(self._buffer.unknown, write, f"a fault of the gateway's ({where(error)})")
            raise
        else:
            await self._answered(write, answered)

    async def _noted(
        self, change: Callable[[Write, str], Awaitable[object]], write: Write, says: str
    ) -> None:
        """Write down what became of a write that was sent: a disk that cannot take it is asked until it can."""
        while True:
            try:
                await change(write, says)
            except StoreError as error:
                self._log.error("noting what became of %s: %s", write.id, error)
                self._control.trouble = f"what became of a write could not be written down: {error}"
                await self._clock.sleep(1.0)
            else:
                return

    async def _answered(self, write: Write, answered: Answered) -> None:
        status = answered.status
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._settled(write, str(status))
            await self._noted(self._buffer.unknown, write, f"MaintainX answered {status}")
            await self._unwell(f"it answered {status}")
            return
        self._outage.good()
        if status == HTTPStatus.UNAUTHORIZED and not await self._asking.foreign(write.organisation):
            await self._noted(self._buffer.waits_again, write, "MaintainX refused the key (401)")
            await self._control.pause_by_itself(_KEY_REFUSED)
            return
        if status in _AGAIN:
            asked_s = rate_headers(answered.headers).retry_after_s
            wait_s = self._backoff.next(None if asked_s is None else min(asked_s, 3600.0))
            self._not_before = self._clock.monotonic() + wait_s
            await self._noted(self._buffer.waits_again, write, f"MaintainX answered {status}")
            self._control.trouble = f"MaintainX answered {status}; the next try is in {wait_s:.0f} s"
            return
        self._backoff.reset()
        self._settled(write, str(status))
        rejected = status >= HTTPStatus.MULTIPLE_CHOICES

        async def settle(write: Write, says: str) -> None:
            place: Literal["delivered", "rejected"] = "rejected" if rejected else "delivered"
            answer = answered.body[:_KEPT_OF_ANSWER]
            await self._buffer.settled(write, place, status=status, answer=answer, says=says)

        # Its words may repeat the body, which is not to stand on the disk as it is where a key is set.
        why = error_text(answered.body) if rejected and not self._buffer.rows.seal.on else None
        says = f"MaintainX refused it with {status}" + (f": {why}" if why else "") if rejected else ""
        await self._noted(settle, write, says)
        if self._control.one_done(rejected=rejected) <= _TOLD_REJECTED and rejected:
            await self._noted(self._buffer.tell_rejected, write, says)

    async def _look(self, write: Write) -> None:
        self._busy.add(write.id)
        try:
            last = await self._buffer.rows.last_answer(write.entity, before=write.seq)
            try:
                found = await look_for(
                    write, self._reading(write.organisation), last_answer=last, now=self._clock.now
                )
            except Lost as lost:
                await self._look_later(write, str(lost))
                await self._unwell(str(lost))
                return
            match found.fate:
                case "arrived":
                    if await self._buffer.settled(
                        write, "delivered", status=None, answer=b"", says=found.says
                    ):
                        self._control.one_done(rejected=False)
                case "again":
                    await self._buffer.waits_again(write, found.says)
                case "nobody":
                    await self._buffer.park(write, found.says)
                case "later":
                    self._control.trouble = found.says
                    await self._look_later(write, found.says)
        finally:
            self._busy.discard(write.id)

    async def _look_later(self, write: Write, says: str) -> None:
        await self._buffer.look_later(write, says, at=self._clock.now() + timedelta(seconds=_LOOK_AGAIN_S))

    def _reading(self, organisation: str) -> Ask:
        async def read(target: str) -> Answered:
            async with self._look_next:
                self._pace.rate_per_s = self.rate_per_s
                await self._clock.sleep(max(0.0, self._pace.ready_at - self._clock.monotonic()))
                turn = await self._asking.turn(lane=LANE, organisation=organisation)
                self._pace.take(self._clock.monotonic())
            answered = await self._asking.ask("GET", target, turn=turn, organisation=organisation)
            if answered.status == HTTPStatus.UNAUTHORIZED:
                if await self._asking.foreign(organisation):
                    return replace(
                        answered, status=HTTPStatus.FORBIDDEN.value
                    )  # it stays so: a person decides
                await self._control.pause_by_itself(_KEY_REFUSED)
            return answered

        return read

    async def _unwell(self, says: str) -> None:
        """MaintainX gave no good answer: everything waits a while, longer each time; where it is down, for a person."""
        self._outage.bad(says)
        wait_s = self._backoff.next(1.0)
        self._not_before = self._clock.monotonic() + wait_s
        if self._outage.down:
            await self._control.pause_by_itself(f"MaintainX is down ({says}); resume when it is back")
        else:
            self._control.trouble = f"{says}; the next try is in {wait_s:.0f} s"
