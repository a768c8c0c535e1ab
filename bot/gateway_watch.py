"""The follower that keeps a look at the gateway's buffer and replay in memory: live numbers are no facts."""

import asyncio
from datetime import timedelta

from bot.domain.backlog import BufferedWrite, BufferPage, ReplayProgress
from bot.domain.gateway import GatewayStatus
from bot.domain.look import PARKED_SHOWN, Look
from bot.errors import OutsideError
from bot.ports import Clock, Gateway
from bot.timeline import Timeline

EVERY_S = 2.0
_RECENT = timedelta(seconds=5)
_WINDOW_S = 60.0
_PARKED_PAGE = 50
"""So many writes of unknown fate are looked through for those that are parked."""
_PLAN_S = 15.0
"""How long a dry run is good while nothing more waits."""


class Watch:
    """Looks every two seconds while somebody may want to know, else not at all."""

    def __init__(self, timeline: Timeline, gateway: Gateway, *, clock: Clock, integration: str) -> None:
        self._timeline = timeline
        self._gateway = gateway
        self._clock = clock
        self.integration = integration
        """The one that the gateway serves."""
        self._last: Look | None = None
        self._plan: tuple[int, float, str] = (0, 0.0, "")

    async def follow(self) -> None:
        """Look, for ever; started by the composition root in the leader."""
        while True:
            if await self._wanted():
                await self.refresh()
            await self._clock.sleep(EVERY_S)

    def latest(self, integration: str) -> Look | None:
        """The latest look, for the integration that the gateway serves; None where there is none."""
        return self._last if integration == self.integration else None

    def recent(self, integration: str) -> Look | None:
        """The latest look, where it is good enough to refuse by: this process may have stopped looking long ago."""
        look = self.latest(integration)
        fresh = look is not None and not look.trouble and self._clock.now() - look.at <= _RECENT
        return look if fresh else None

    async def fresh(self, integration: str, *, within_s: float) -> Look | None:
        """A look of this moment, or with the trouble that there is none; None for what the gateway does not serve."""
        if integration != self.integration:
            return None
        try:
            async with asyncio.timeout(within_s):
                return await self.refresh()
        except TimeoutError:
            return self._in_trouble(f"the gateway did not answer within {within_s:g} s")

    async def refresh(self) -> Look:
        """Look now, whole; a gateway that is away leaves the last look, with the trouble."""
        try:
            status = GatewayStatus.from_json(await self._gateway.status(window_s=_WINDOW_S))
            look = Look.of(status, at=self._clock.now())
            parked = await self._parked() if look.buffer.parked else ()
            planned = await self._planned(look.buffer.waiting) if "start" in look.controls else ""
        except OutsideError as error:
            return self._in_trouble(str(error))
        self._last = look.model_copy(update={"parked": parked, "planned": planned})
        return self._last

    def _in_trouble(self, trouble: str) -> Look:
        last = self._last or Look(at=self._clock.now())
        self._last = last.model_copy(update={"trouble": trouble})
        return self._last

    async def _parked(self) -> tuple[BufferedWrite, ...]:
        page = BufferPage.from_json(await self._gateway.buffer(state="unknown", limit=_PARKED_PAGE))
        return tuple(write for write in page.items if write.parked)[:PARKED_SHOWN]

    async def _planned(self, waiting: int) -> str:
        """What a replay would send, asked anew where more waits or some time has passed."""
        known, until, says = self._plan
        if known != waiting or self._clock.monotonic() >= until:
            answer = await self._gateway.control_replay("start", owner="mx", reason="dry run", dry_run=True)
            says = ReplayProgress.from_json(answer).says
            self._plan = (waiting, self._clock.monotonic() + _PLAN_S, says)
        return says

    async def _wanted(self) -> bool:
        book = await self._timeline.book()
        return book.open_incident(self.integration) is not None or any(
            one.integration == self.integration for one in book.leased()
        )
