"""Ask the host of the integration's own process, Docker or systemd, how that is."""

import asyncio
from dataclasses import dataclass

from bot.domain.readings import Reading, Status
from bot.domain.service_words import seen
from bot.errors import OutsideError
from bot.ownhost import scarce
from bot.ports import Clock
from bot.servicehost import ServiceHost


@dataclass(frozen=True, slots=True)
class HostProbe:
    """One look. It is built only where the settings say which container or unit the service is."""

    host: ServiceHost
    clock: Clock
    deadline_s: float = 10.0

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - the host tells the state in one answer
        try:
            async with asyncio.timeout(self.deadline_s):
                state = await self.host.look()
        except OutsideError as error:
            return self._reading(Status.UNKNOWN, str(error))
        except TimeoutError:
            return self._reading(
                Status.UNKNOWN, f"looking at the service's process: not done within {self.deadline_s:g} s"
            )
        short = await asyncio.to_thread(scarce)
        says = "; ".join((seen(state, now=self.clock.now()), *short))
        told = state.model_copy(update={"scarce": short})
        return self._reading(Status.OK if state.running else Status.FAILING, says).model_copy(
            update={"detail": told}
        )

    @staticmethod
    def _reading(status: Status, says: str) -> Reading:
        return Reading(probe="host", target="process", status=status, says=says)
