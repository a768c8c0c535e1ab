"""The follower of drills: starts each one that was asked for as a process of its own, and tells the channel how it went.

Nothing of a drill reaches this bot's timeline but that it was asked for, runs, and is over: it has databases and
ports of its own, is given nothing of this process's environment, and ends with this process.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import AnyFact, Draft, Event
from bot.ports import Clock
from bot.timeline import Timeline

LONGEST_S = 3 * 3600.0
"""Real seconds after which a drill is ended, whatever its scenario says."""

ACTOR = "mx"
_LOOK_S = 5.0
_STOP_S = 30.0
_LINE_BYTES = 4 * 1024 * 1024
"""A report comes in one line."""

Tell = Callable[[str | None, DrillStarted | DrillFinished], Awaitable[None]]
"""Say in this channel that it runs, or how it went; never raises."""


class Drills:
    """Flies one drill at a time."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        tell: Tell,
        folder: Path,
        own: Path | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "bot", "drill"),
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._tell = tell
        self._folder = folder
        self._own = own
        self._command = command
        self._log = structlog.get_logger("mx.drills")

    async def follow(self) -> None:
        """Fly what is asked for, for ever; started by the composition root in the leader. Raises StoreError."""
        began = self._clock.now()
        while True:
            head = (await self._timeline.book()).head.seq
            pending = (await self._timeline.book()).pending_drills()
            if pending:
                event = pending[0]
                assert isinstance(event.fact, DrillRequested)
                if event.recorded_at < began and self._known(await self._running(event), event.fact.request):
                    says = f"Drill {event.fact.drill} ended with the process that ran it: type /mx drill to fly it again"
                    await self._finish(event, event.fact, outcome="stopped", says=says)
                else:
                    await self._fly(event, event.fact)
                continue
            await self._timeline.changed(head, timeout_s=_LOOK_S)

    async def _running(self, event: Event) -> DrillStarted | None:
        integration = event.fact.integration if isinstance(event.fact, DrillRequested) else ""
        return (await self._timeline.book()).desk(integration).drill

    @staticmethod
    def _known(running: DrillStarted | None, request: str) -> bool:
        return running is not None and running.request == request

    async def _fly(self, event: Event, fact: DrillRequested) -> None:
        """One drill from its start to its end, also where its process cannot be started."""
        try:
            process = await self._started(fact)
        except OSError as error:
            says = f"Drill {fact.drill} could not be started on the bot's machine: {error.strerror or error}"
            await self._finish(event, fact, outcome="failed", says=says)
            return
        await self._flown(event, fact, process)

    async def _started(self, fact: DrillRequested) -> asyncio.subprocess.Process:
        """Its process. Raises OSError."""
        return await asyncio.create_subprocess_exec(
            *self._command,
            fact.drill,
            "--events",
            *(("--own", str(self._own.resolve())) if self._own else ()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LINE_BYTES,
            cwd=self._folder,
            env=_environment(),
        )

    async def _flown(self, event: Event, fact: DrillRequested, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(LONGEST_S), asyncio.TaskGroup() as group:
                watching = group.create_task(self._until_stopped(fact, process))
                told = await self._heard(event, fact, process)
                watching.cancel()
        except TimeoutError:
            told = None
        finally:
            await _end(process)
        if told is None:
            says = f"Drill {fact.drill} did not come to its end. `mx drill {fact.drill}` on the bot's machine says why."
            await self._finish(event, fact, outcome="failed", says=says)
            return
        outcome: Any = "stopped" if told.get("ended") == "stopped" else "done"
        await self._finish(
            event,
            fact,
            outcome=outcome,
            says=str(told.get("says", "")),
            score=told.get("score") if isinstance(told.get("score"), int) else None,
            lines=tuple(str(line) for line in told.get("lines", ())),
            report=str(told.get("report", "")),
        )

    async def _heard(
        self, event: Event, fact: DrillRequested, process: asyncio.subprocess.Process
    ) -> Mapping[str, Any] | None:
        """What it tells line by line; the last of it, or None where it ended without."""
        assert process.stdout is not None
        while line := await process.stdout.readline():
            told = _read(line)
            if told.get("event") == "finished":
                return told
            if told.get("event") == "started":
                says = f"Drill {fact.drill} runs: {told.get('title', '')}"
                started = DrillStarted(
                    request=fact.request, drill=fact.drill, url=str(told.get("url", "")), says=says
                )
                await self._append(event, started, key=f"drill:{fact.request}:started")
                await self._tell(fact.address.channel, started)
        return None

    async def _until_stopped(self, fact: DrillRequested, process: asyncio.subprocess.Process) -> None:
        """End it where somebody says so: its request then no longer waits."""
        while True:
            head = (await self._timeline.book()).head.seq
            if not await self._waits(fact):
                if process.stdin is not None:
                    process.stdin.close()
                await _wait_or_kill(process)
                return
            await self._timeline.changed(head, timeout_s=_LOOK_S)

    async def _waits(self, fact: DrillRequested) -> bool:
        """It is asked for still, and not over."""
        waiting = (one.fact for one in (await self._timeline.book()).desk(fact.integration).drills_pending)
        return any(isinstance(one, DrillRequested) and one.request == fact.request for one in waiting)

    async def _finish(
        self,
        event: Event,
        fact: DrillRequested,
        *,
        outcome: Any,
        says: str,
        score: int | None = None,
        lines: tuple[str, ...] = (),
        report: str = "",
    ) -> None:
        finished = DrillFinished(
            request=fact.request,
            drill=fact.drill,
            outcome=outcome,
            score=score,
            says=says,
            lines=lines,
            report=report,
            address=fact.address,
        )
        self._log.info("drill over", drill=fact.drill, outcome=outcome, score=score)
        if await self._waits(fact):  # else somebody stopped it, which is its end on the timeline
            await self._append(event, finished, key=f"drill:{fact.request}:finished")
        await self._tell(fact.address.channel, finished)

    async def _append(self, event: Event, fact: AnyFact, *, key: str) -> None:
        draft = Draft(stream=event.stream, actor=ACTOR, at=self._clock.now(), fact=fact, key=key)
        await self._timeline.append(draft)


def _environment() -> dict[str, str]:
    """Nothing of ours: no key, no token, no address of production."""
    root = str(Path(__file__).resolve().parents[1])
    return {"PATH": os.defpath, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _read(line: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let it end by itself, or make it: its world ends with it."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        await _wait_or_kill(process)


async def _wait_or_kill(process: asyncio.subprocess.Process) -> None:
    """Give it real time to end its own processes and to tell the score, however fast the bot's clock runs."""
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
