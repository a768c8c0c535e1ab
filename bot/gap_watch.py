"""The follower that opens gaps by itself: from the first failed round on, and ends them at the first good answer."""

import hashlib
from collections.abc import Mapping

from bot.domain.events import Draft
from bot.domain.gap import Gap
from bot.domain.gaps_due import due, to_be_watched
from bot.domain.gateway import GatewayStatus
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.watching import GapsOpened
from bot.errors import Conflict, OutsideError
from bot.maintainx_pages import KEYS
from bot.ports import Clock, Gateway
from bot.timeline import Timeline

ACTOR = "mx"
EVERY_S = 5.0
"""How often the gateway is asked while something may be missing."""
_GATHER_S = 0.02
_WINDOW_S = 60.0


class GapWatch:
    """Keeps the open incidents' gaps as the evidence has them; what stands there already is never written again."""

    def __init__(
        self,
        timeline: Timeline,
        gateway: Gateway,
        *,
        clock: Clock,
        integrations: Mapping[str, Integration],
        served: str,
    ) -> None:
        self._timeline = timeline
        self._gateway = gateway
        self._clock = clock
        self._integrations = integrations
        self._served = served

    async def follow(self) -> None:
        """Look whenever there is news and every few seconds, for ever; started by the composition root in the leader."""
        while True:
            head = (await self._timeline.book()).head.seq
            await self.step()
            await self._timeline.changed(head, timeout_s=EVERY_S)
            await self._clock.sleep(_GATHER_S)

    async def step(self) -> None:
        """One look at every open incident. Raises StoreError."""
        book = await self._timeline.book()
        for found in book.open_incidents():
            integration = self._integrations.get(found.integration)
            if integration is not None and to_be_watched(found):
                await self._look(found.id, integration)

    async def _look(self, incident: str, integration: Integration) -> None:
        gateway = await self._status() if integration.name == self._served else None
        # The gateway may have taken its time: what it says is judged beside what the timeline says then.
        found = (await self._timeline.book()).incident(incident)
        if found is None or not found.open:
            return
        gaps = due(found, integration=integration, gateway=gateway, now=self._clock.now(), lists=KEYS)
        if gaps:
            await self._write(found, gaps)

    async def _write(self, found: Incident, gaps: tuple[Gap, ...]) -> None:
        draft = Draft(
            stream=found.id,
            actor=ACTOR,
            at=self._clock.now(),
            fact=GapsOpened(gaps=gaps),
            key=f"gaps:{found.id}:{_digest(gaps)}",
            expect=found.version,
        )
        try:
            await self._timeline.append(draft)
        except Conflict:
            return  # something else happened in it just now, and wakes the next look

    async def _status(self) -> GatewayStatus | None:
        """What the gateway saw; None where it cannot be asked, since the gap itself does not wait for it."""
        try:
            return GatewayStatus.from_json(await self._gateway.status(window_s=_WINDOW_S))
        except OutsideError:
            return None


def _digest(gaps: tuple[Gap, ...]) -> str:
    """The same for the same windows, so that a restart writes none of them twice."""
    rows = [f"{gap.id} {gap.since} {gap.until} {gap.failed_at}" for gap in gaps]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
