"""One act of a run: bounded in time, its faults as sentences, and cut short where it only watches and nobody wants it any more."""

import asyncio
from collections.abc import Awaitable

import structlog
from pydantic import JsonValue

from bot.domain.run import Run
from bot.errors import MxError
from bot.faults import where
from bot.ports import Step, StepContext, StepResult
from bot.run_words import called_off
from bot.timeline import Timeline

LOOK_S = 5.0


class Acting:
    """Waits for acts to end."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    async def acted(
        self, incident: str, run: Run, index: int, work: Awaitable[StepResult | None]
    ) -> StepResult | None:
        """How the act ended; None where it took too long, and has to be looked at."""
        assert run.plan is not None
        part = run.plan.steps[index]
        if part.waits:
            return await self._watched(incident, run.id, work, patience_s=part.timeout_s)
        try:
            async with asyncio.timeout(part.timeout_s):
                return await _tried(work, incident)
        except TimeoutError:
            return None

    async def _watched(
        self, incident: str, run: str, work: Awaitable[StepResult | None], *, patience_s: float
    ) -> StepResult | None:
        """The end of a step that only watches; whoever stops the run or takes it back need not wait for it."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_tried(work, incident))
            looking = group.create_task(self._called_off(incident, run))
            await asyncio.wait((watching, looking), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            looking.cancel()
        if not watching.cancelled():
            return watching.result()
        if not looking.cancelled():
            return StepResult(outcome="inconclusive", says=f"not watched to the end: {looking.result()}")
        return StepResult(outcome="failed", says=f"nothing came of it in {patience_s:.0f} s")

    async def _called_off(self, incident: str, run: str) -> str:
        """Who stops the run or takes it back, as soon as somebody does."""
        while True:
            book = await self._timeline.book()
            found = book.incident(incident)
            known = found.run(run) if found else None
            if found and known and (who := known.stopped_by or called_off(found, known)):
                return f"{who} {'stopped it' if known.stopped_by else 'takes it back'}"
            await self._timeline.changed(book.head.seq, timeout_s=LOOK_S)


async def found_before(
    step: Step | None, context: StepContext
) -> tuple[dict[str, JsonValue], StepResult | None]:
    """The state that is about to be changed, or why it could not be read: then nothing is changed."""
    if step is None:
        return {}, StepResult(outcome="failed", says="this version of mx has no such kind of step")
    try:
        return await step.before(context), None
    except MxError as error:
        return {}, StepResult(outcome="failed", says=str(error))
    except Exception as error:  # noqa: BLE001 - the fault of one step kind must not stop the runner
        return {}, StepResult(outcome="failed", says=fault(error, incident=context.incident))


async def _tried(work: Awaitable[StepResult | None], incident: str) -> StepResult:
    try:
        return await work or StepResult(outcome="done", says="there was nothing to take back")
    except MxError as error:
        return StepResult(outcome="failed", says=str(error))
    except Exception as error:  # noqa: BLE001 - the fault of one step kind must not stop the runner
        return StepResult(outcome="failed", says=fault(error, incident=incident))


def fault(error: Exception, *, incident: str) -> str:
    """A fault of ours, by its name alone: its text may hold anything. The operator's log has the rest."""
    structlog.get_logger("mx.runner").error("step fell", incident=incident, fault=where(error))
    return f"a fault in mx itself ({type(error).__name__}); the log of the bot has the details"
