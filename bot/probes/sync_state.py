"""Look at the file in which the integration itself notes when its last sync ended."""

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bot.domain.readings import Reading, Status
from bot.domain.sync_state import FILE_BYTES, Unreadable, judged, last_sync, reading
from bot.ports import Clock

_AGAIN_S = 0.2
"""The file is written in place, so what is half there now may be whole then."""


@dataclass(frozen=True, slots=True)
class SyncStateProbe:
    """``.maintainx-sync-state.json``: its ``lastSyncAt`` is the integration's word, not a proof."""

    file: str
    stale_s: float
    clock: Clock
    deadline_s: float = 10.0

    async def read(self, *, samples: int = 1) -> Reading:  # noqa: ARG002 - there is one file
        try:
            async with asyncio.timeout(self.deadline_s):
                return await self._look()
        except TimeoutError:
            says = f"reading {self.file} took longer than {self.deadline_s:.3g} s: is its disk there?"
            return reading(Status.UNKNOWN, says)

    async def _look(self) -> Reading:
        try:
            try:
                at = last_sync(await self._bytes())
            except Unreadable:
                await self.clock.sleep(_AGAIN_S)
                at = last_sync(await self._bytes())
        except Unreadable as odd:
            says = (
                f"{self.file} cannot be read as the sync's record: {odd}; see in the sync's log how it ended last, and "
                "whether sync_state_file names the right file"
            )
            return reading(Status.UNKNOWN, says)
        except FileNotFoundError:
            says = (
                f"there is no {self.file}: no sync has ended yet, or it is written elsewhere (a path relative to the "
                "integration's folder; a container's own disk is new at each start); set sync_state_file to it"
            )
            return reading(Status.UNKNOWN, says)
        except OSError as error:
            why = error.strerror or type(error).__name__
            says = f"reading {self.file}: {why[:1].lower()}{why[1:]}; mx's user must be able to read it"
            return reading(Status.UNKNOWN, says)
        return judged(at, file=self.file, now=self.clock.now(), stale_s=self.stale_s)

    async def _bytes(self) -> bytes:
        return await asyncio.to_thread(_start_of, Path(self.file))


def _start_of(path: Path) -> bytes:
    """The file's content, cut one byte after the most that is read. Raises OSError and Unreadable."""
    # Without O_NONBLOCK a named pipe would hold the thread for as long as nobody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            raise Unreadable("it is a folder, not a file" if stat.S_ISDIR(kind) else "it is not a plain file")
        return os.read(descriptor, FILE_BYTES + 1)
    finally:
        os.close(descriptor)
