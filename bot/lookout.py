"""Looks at the whole process for the operator's pages: its loops, the store, Slack, and what it has counted."""

from collections.abc import Callable, Sequence

from bot.domain.look import Look as GatewayLook
from bot.errors import StoreError
from bot.meter import Family, Figure, Meter
from bot.ports import Clock
from bot.supervisor import Supervisor
from bot.timeline import Timeline
from bot.told import Told
from bot.web.state import Look

_TOUCH_S = 5.0
"""So old may be the proof that the store takes writes: each proof is a write that is waited for."""


class Lookout:
    """One look at a time, none of which asks anything of the outside. Optional outsiders never make it unready."""

    def __init__(
        self,
        timeline: Timeline,
        meter: Meter,
        supervisor: Supervisor,
        clock: Clock,
        *,
        leads: Callable[[], bool],
        missing: Callable[[], Sequence[str]],
        gateway: Callable[[], GatewayLook | None],
    ) -> None:
        self._timeline = timeline
        self._meter = meter
        self._supervisor = supervisor
        self._clock = clock
        self._leads = leads
        self._missing = missing
        self._gateway = gateway
        self._told = Told()
        self._touched = -_TOUCH_S

    def loops(self) -> Look:
        """The process's loops alone; waits for nothing."""
        return Look(leader=self._leads(), loops=self._supervisor.loops)

    async def look(self) -> Look:
        """The process as ``/readyz`` and ``/metrics`` show it. Never raises."""
        waiting = [*self._missing()]
        told: tuple[Family, ...] = ()
        try:
            told = self._told.families(await self._timeline.book(), now=self._clock.now())
            await self._touch()
        except StoreError as error:
            waiting.append(f"the timeline's store: {error}")
        return Look(
            leader=self._leads(),
            loops=self._supervisor.loops,
            waiting_for=tuple(waiting),
            families=(*told, *gateway_families(self._gateway()), *self._meter.families()),
        )

    async def _touch(self) -> None:
        if self._clock.monotonic() - self._touched >= _TOUCH_S:
            await self._timeline.touch()
            self._touched = self._clock.monotonic()


def gateway_families(look: GatewayLook | None) -> tuple[Family, ...]:
    """What the watch last saw; it looks while an incident is open, so the time of the look is told as well."""
    mode = Figure("mx_gateway_mode", "1 for the gateway's mode as it was last seen.", "mode", kind="gauge")
    writes = Figure(
        "mx_gateway_buffered_writes", "Writes at the gateway as last seen, by state.", "state", kind="gauge"
    )
    looked = Figure(
        "mx_gateway_looked_timestamp_seconds",
        "When the gateway's mode and buffer were last looked at, in Unix time.",
        kind="gauge",
    )
    if look is not None:
        mode.set(1, look.mode)
        for state in ("waiting", "parked", "rejected"):
            writes.set(getattr(look.buffer, state), state)
        looked.set(look.at.timestamp())
    return mode, writes, looked
