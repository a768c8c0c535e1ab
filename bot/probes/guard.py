"""The last line of every probe: nothing raised, no secret told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bot.domain.readings import Reading, Status
from bot.meter import Meter
from bot.ports import Clock, Probe

Kind = Literal["api", "versions", "service", "host", "key", "status_page", "logs", "traffic", "sync"]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A probe whose every fault becomes a reading, whose every text went through the scrubber, and that is counted."""

    probe: Probe
    kind: Kind
    target: str
    scrub: Callable[[str], str]
    clock: Clock
    meter: Meter

    async def read(self, *, samples: int) -> Reading:
        began = self.clock.monotonic()
        reading = await self._read(samples=samples)
        self.meter.probes.add(self.kind, str(reading.status))
        self.meter.probe_seconds.note(self.clock.monotonic() - began, self.kind)
        return reading

    async def _read(self, *, samples: int) -> Reading:
        try:
            reading = await self.probe.read(samples=samples)
        except Exception as fault:  # noqa: BLE001 - a probe never raises: any fault of ours is a reading
            cause = fault.exceptions[0] if isinstance(fault, BaseExceptionGroup) else fault
            says = f"mx itself stumbled while asking ({type(cause).__name__}: {cause}); please report it"
            reading = Reading(probe=self.kind, target=self.target, status=Status.UNKNOWN, says=says[:300])
        return Reading.model_validate(self._clean(reading.model_dump()))

    def _clean(self, value: Any) -> Any:
        match value:
            case Status():
                return value
            case str():
                return self.scrub(value)
            case dict():
                return {name: self._clean(part) for name, part in value.items()}
            case list() | tuple():
                return [self._clean(part) for part in value]
            case _:
                return value
