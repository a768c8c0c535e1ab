"""News for the pages that are open: one loop that follows the timeline, and every stream that waits for it."""

import asyncio

from bot.ports import Clock
from bot.timeline import Timeline

MOST = 64
"""So many pages may be open live at once in one process; a further one still shows everything, and no news."""
_IDLE_S = 5.0
_GATHER_S = 0.1
"""How long facts are gathered: a burst is one look."""


class Live:
    """Where the timeline stands, and who waits for more."""

    def __init__(self, timeline: Timeline, clock: Clock, *, most: int = MOST) -> None:
        self._timeline = timeline
        self._clock = clock
        self._most = most
        self._head = 0
        self._moved = asyncio.Event()
        self._open = 0
        self.closing = False

    async def follow(self) -> None:
        """Wake the streams whenever a fact is written, by whichever process; started by the composition root."""
        while True:
            head = await self._timeline.changed(self._head, timeout_s=_IDLE_S)
            if head > self._head:
                self._head = head
                self._wake()
            await self._clock.sleep(_GATHER_S)

    def enter(self) -> bool:
        """Take a place; False where none is left. Whoever took one leaves it again."""
        if self.closing or self._open >= self._most:
            return False
        self._open += 1
        return True

    def leave(self) -> None:
        """Give the place back."""
        self._open -= 1

    @property
    def open(self) -> int:
        """How many pages are open live."""
        return self._open

    def here(self) -> asyncio.Event:
        """What will be set by the next news, or at the end; taken before one looks, so that nothing falls in between."""
        return self._moved

    def close(self) -> None:
        """End every stream now: the process stops."""
        self.closing = True
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
