"""A process that appends to a timeline: ``python -m tests.timeline_writer FILE NAME COUNT``; tells what it wrote."""

import asyncio
import json
import sys
from pathlib import Path

from bot.clock import SystemClock
from bot.domain.events import Draft, Event, NoteAdded
from bot.errors import Conflict, StoreError
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.facts import draft


async def kept(timeline: Timeline, one: Draft) -> Event:
    """Append as an asker does who is told that another process holds the file's lock: again."""
    for _ in range(20):
        try:
            [event] = await timeline.append(one)
        except StoreError:
            continue
        return event
    raise TimeoutError("the file was locked for half a minute")


async def main(path: Path, name: str, number: int) -> None:
    written: list[tuple[int, str]] = []
    won = 0
    async with Timeline.open(path, clock=SystemClock(), scrub=Scrubber()) as timeline:
        try:
            event = await kept(timeline, draft(NoteAdded(text=f"{name} first"), expect=1))
            written.append((event.version, f"{name} first"))
            won = 1
        except Conflict:
            pass
        left = number - won

        async def write(first: int) -> None:
            for n in range(first, left, 4):
                event = await kept(timeline, draft(NoteAdded(text=f"{name} {n}"), key=f"{name}-{n}"))
                written.append((event.version, f"{name} {n}"))

        async with asyncio.TaskGroup() as tasks:
            for first in range(4):
                tasks.create_task(write(first))
    sys.stdout.write(json.dumps({"written": written, "races_won": won}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
