"""Whether mx itself has a way out: asked of two others before anybody is blamed for not answering."""

import asyncio
from collections.abc import Sequence

from bot.domain.readings import Reading
from bot.domain.rounds import heard
from bot.ports import Clock
from bot.probes.exchange import Wire

DEADLINE_S = 5.0
GOOD_FOR_S = 5.0
"""How long an answer holds: with a thousand integrations in trouble, the others are not asked a thousand times."""


class Online:
    """Asks whoever answers anybody who is online; any HTTP answer of any of them will do."""

    def __init__(
        self, urls: Sequence[str], wire: Wire, clock: Clock, *, deadline_s: float = DEADLINE_S
    ) -> None:
        self._urls = urls
        self._wire = wire
        self._clock = clock
        self._deadline_s = deadline_s
        self._lock = asyncio.Lock()
        self._known: tuple[float, bool] | None = None

    async def saw(self, readings: Sequence[Reading]) -> bool:
        """False where nobody outside was heard in these readings, nor answers now; true where that is not checked."""
        if not self._urls or heard(readings):
            return True
        async with self._lock:  # whoever comes while it is asked has the same answer
            if self._known is None or self._clock.monotonic() - self._known[0] > GOOD_FOR_S:
                answers = await self._ask()
                self._known = (self._clock.monotonic(), answers)
            return self._known[1]

    async def _ask(self) -> bool:
        until = asyncio.get_running_loop().time() + self._deadline_s
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._answers(url, until)) for url in self._urls]
            for answer in asyncio.as_completed(asked):
                if await answer:
                    for late in asked:
                        late.cancel()
                    return True
        return False

    async def _answers(self, url: str, until: float) -> bool:
        async with self._wire.line() as line:
            got = await line.get(url, until=until, max_body=1024)
            return got.code is not None or got.failed_phase == "body"
