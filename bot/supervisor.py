"""Keeps endless loops running: a dead one is started again after a wait, counted, and named until it runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot.ports import Clock
from bot.pulse import Pulse

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
STEADY_S = 60.0
"""A loop that ran this long has recovered: its next fall waits the first wait again."""


@dataclass(frozen=True, slots=True)
class LoopState:
    """One loop: whether it runs, how often it was started again, why it last fell, whether it is hung."""

    up: bool = True
    restarts: int = 0
    fault: str = ""
    late_s: float = 0.0
    """Since when it should have come round, in seconds; 0 for a loop that only waits for work."""


class Supervisor:
    """Runs loops that should never end. ``scrub`` goes over every fault before it is logged or shown.

    Where the loops sleep on the ``pulse``, it is seen which of them no longer come round.
    """

    def __init__(self, clock: Clock, *, scrub: Callable[[str], str], pulse: Pulse | None = None) -> None:
        self._clock = clock
        self._scrub = scrub
        self._pulse = pulse or Pulse(clock, stopwatch=clock.monotonic)
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._log = structlog.get_logger("mx.supervisor")
        self._loops: dict[str, LoopState] = {}

    @property
    def loops(self) -> Mapping[str, LoopState]:
        """Every loop by name, as it is now."""
        late = {name: self._pulse.late_s(task) for name, task in self._tasks.items()}
        return {name: replace(state, late_s=late.get(name, 0.0)) for name, state in self._loops.items()}

    async def keep(self, name: str, run: Callable[[], Awaitable[None]], *, comes_round: bool = False) -> None:
        """Run a loop for ever; only cancelling this ends it.

        ``comes_round``: it sleeps on the pulse every few seconds, so that one that does not is hung.
        """
        if not comes_round:
            await self._keep(name, run)
            return
        with self._pulse.watched() as task:
            self._tasks[name] = task
            try:
                await self._keep(name, run)
            finally:
                del self._tasks[name]

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        wait_s = FIRST_WAIT_S
        state = self._loops.get(name, LoopState())
        try:
            while True:
                state = self._loops[name] = replace(state, up=True)
                began = self._clock.monotonic()
                try:
                    await run()
                    fault = "it ended by itself"
                except Exception as error:  # noqa: BLE001 - the supervisor's whole work: one loop's fall is not the process's
                    fault = self._scrub(f"{type(error).__name__}: {error}")
                if self._clock.monotonic() - began > STEADY_S:
                    wait_s = FIRST_WAIT_S
                state = self._loops[name] = replace(state, up=False, restarts=state.restarts + 1, fault=fault)
                self._log.error("loop fell", loop=name, fault=fault, again_in_s=wait_s)
                await self._clock.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        finally:
            del self._loops[name]
