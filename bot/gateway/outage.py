"""The circuit: whether MaintainX is down, judged by what its answers were, and asked after while nothing passes."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from pydantic import JsonValue

from bot.gateway.asking import Asking
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.feed import GATEWAY, report
from bot.gateway.pausing import until
from bot.gateway.upstream import Lost
from bot.journal.sqlite import Database
from bot.ports import Clock

_SERVER_ERROR = 500


class Outage:
    """Open (down) after so many failures in a row, closed (up) after so many good answers in a row."""

    def __init__(
        self,
        database: Database,
        *,
        settings: BufferSettings,
        on_change: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.down = False
        self.ask = False
        """Whether nothing passes, so that the gateway must ask by itself."""
        self._database = database
        self._settings = settings
        self._on_change = on_change
        self._clock = clock
        self._failures = 0
        self._good = 0
        self._since: datetime | None = None
        self._says = ""
        self._untold: deque[tuple[datetime, str, str]] = deque()
        self._changed = asyncio.Event()

    async def load(self) -> None:
        """Take up from the feed what was judged before the restart. Raises StoreError."""
        rows = await self._database.read(
            "SELECT what, at, says FROM event WHERE what IN ('circuit_opened', 'circuit_closed')"
            " ORDER BY n DESC LIMIT 1"
        )
        for what, at, says in rows:
            self.down = what == "circuit_opened"
            self._since, self._says = datetime.fromisoformat(at), str(says)

    def good(self) -> None:
        """MaintainX answered, with anything below 500."""
        self._failures = 0
        if self.down:
            self._good += 1
            if self._good >= self._settings.up_after:
                self._turn(down=False, says=f"MaintainX answers again, {self._good} times in a row")

    def bad(self, says: str) -> None:
        """It gave no answer, or a 5xx."""
        self._good = 0
        self._failures += 1
        if not self.down and self._failures >= self._settings.down_after:
            self._turn(
                down=True, says=f"MaintainX is down: {self._failures} failures in a row, the last: {says}"
            )

    def wake(self) -> None:
        """``ask`` has changed."""
        self._changed.set()

    async def run(self, asking: Asking, *, on_trouble: Callable[[Exception], None]) -> None:
        """Write changes into the feed, and ask MaintainX while it is down and nothing passes; for ever."""
        while True:
            self._changed.clear()
            while self._untold:
                try:
                    await self._tell(*self._untold[0])
                except Exception as error:  # noqa: BLE001 - one of the gateway's loops: a full disk must not end it
                    on_trouble(error)
                    await self._clock.sleep(1.0)
                    continue
                self._untold.popleft()
            if not (self.down and self.ask):
                await self._changed.wait()
                continue
            await until(self._clock, self._settings.ask_every_s, self._changed)
            await self._ask(asking)

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        return {
            "state": "open" if self.down else "closed",
            "failures": self._failures,
            "since": self._since.isoformat() if self._since else None,
            "says": self._says,
        }

    async def _ask(self, asking: Asking) -> None:
        target = "/v1/workorders?limit=1" if asking.has_key else "/versions"
        try:
            answered = await asking.ask("GET", target, turn=await asking.turn(lane="mx"))
        except Lost as lost:
            self.bad(str(lost))
            return
        if answered.status >= _SERVER_ERROR:
            self.bad(f"MaintainX answered {answered.status}")
        else:
            self.good()

    async def _tell(self, at: datetime, what: str, says: str) -> None:
        async with self._database.write() as tx:
            await report(tx, at, actor=GATEWAY, what=what, says=says)

    def _turn(self, *, down: bool, says: str) -> None:
        self.down, self._since, self._says = down, self._clock.now(), says
        self._good = self._failures = 0
        self._untold.append((self._since, "circuit_opened" if down else "circuit_closed", says))
        self._on_change()
        self._changed.set()
