"""Carries runs out, one step at a time, each written down before and after; settles by looking after a crash.

Every call of ``advance`` reads the fold anew, does the next single thing and writes it down, so a process that
dies between any two facts is followed by one that goes on from the last of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from pydantic import JsonValue

from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.errors import Conflict, MxError, OutsideError
from bot.playbook import Playbook, plan, remembered, undo_order
from bot.ports import Clock, Step, StepContext, StepResult
from bot.run_words import called_off, finished
from bot.timeline import Timeline

ACTOR = "mx"
LOOKS = 15
"""How often a step whose end is not known is looked at before it is called interrupted."""
LOOK_AGAIN_S = 2.0
IDLE_S = 5.0

_NOBODY_KNOWS = (
    "mx stopped in the middle of this step, and whether it took effect cannot be told from here. "
    "Look yourself, then run the playbook again or take it back"
)


class Runner:
    """The follower of runs. ``epoch`` tells this process's term as leader; a newer one elsewhere stops it."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        playbooks: Mapping[str, Playbook],
        steps: Mapping[str, Step],
        epoch: Callable[[], int],
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._playbooks = playbooks
        self._steps = steps
        self._epoch = epoch

    async def run(self) -> None:
        """Carry out every run there is and comes, those of different incidents at once.

        Ends only by an error: Conflict where another process leads now, StoreError from the timeline.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await self._follow(group)
        except ExceptionGroup as several:
            raise several.exceptions[0] from None  # one reason is enough for the supervisor to begin anew

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        busy: dict[str, bool] = {}
        while True:
            book = await self._timeline.book()
            for incident in book.running():
                if incident.id in busy:
                    busy[incident.id] = True  # it may have looked just before this fact came
                else:
                    busy[incident.id] = False
                    group.create_task(self._drain(incident.id, busy))
            await self._timeline.changed(book.head.seq, timeout_s=IDLE_S)

    async def _drain(self, incident: str, busy: dict[str, bool]) -> None:
        while await self.advance(incident) or busy[incident]:
            busy[incident] = False
        del busy[incident]

    async def advance(self, incident: str | None = None) -> bool:
        """Do the next single due thing of any live run, or of this incident's; False where nothing is due.

        Raises Conflict where another process leads now.
        """
        book = await self._timeline.book()
        due = next((found for found in book.running() if incident in (None, found.id)), None)
        if due is None:
            return False
        if await self._timeline.epoch() > self._epoch():
            raise Conflict("another process of mx leads now; this one has stopped acting")
        run = next(run for run in due.runs if run.live)
        over = any(step.state in ("failed", "interrupted") for step in run.steps) or called_off(due, run)
        left = next((step for step in run.steps if step.state in ("started", "waiting")), None)
        if run.plan is None:
            await self._plan(due, run)
        elif left is None or (over and left.state == "waiting"):
            outcome, says = finished(due, run)
            fact = e.RunFinished(run=run.id, outcome=outcome, says=says)
            await self._write(due, fact, key=f"{run.id}:finished")
        elif left.state == "started":
            await self._settle(due, run, left.index)
        else:
            await self._start(due, run, left.index)
        return True

    async def _plan(self, incident: Incident, run: Run) -> None:
        undone = incident.run(run.undoes) if run.undoes else None
        playbook = self._playbooks.get(run.playbook) or (remembered(undone) if undone else None)
        if playbook is None:
            says = (
                f"There is no playbook {run.playbook} here. There is: {', '.join(sorted(self._playbooks))}."
            )
            fact = e.RunFinished(run=run.id, outcome="failed", says=says)
            await self._write(incident, fact, key=f"{run.id}:finished")
            return
        made = await plan(
            playbook,
            self._steps,
            incident=incident,
            actor=run.requested_by,
            run=run.id,
            mode=run.mode,
            undoes=run.undoes,
        )
        await self._write(incident, e.RunPlanned(run=run.id, plan=made), key=f"{run.id}:planned")

    async def _start(self, incident: Incident, run: Run, index: int) -> None:
        step, context = self._step(incident, run, index)
        before, trouble = await _before(step, context)
        started = e.StepStarted(run=run.id, index=index, epoch=self._epoch(), before=before)
        drafts = [self._draft(incident, started, expect=incident.version)]
        if trouble is not None:
            drafts.append(self._draft(incident, _ended(run, index, trouble), key=_end_key(run, index)))
        try:
            await self._timeline.append(*drafts)
        except Conflict:
            return  # something happened meanwhile: the next call looks anew, and stops where another leads
        if step is not None and trouble is None:
            work = step.act(context, before) if run.mode == "apply" else step.undo(context, context.before)
            await self._write(incident, _ended(run, index, await _tried(work)), key=_end_key(run, index))

    async def _settle(self, incident: Incident, run: Run, index: int) -> None:
        """The end of this step was not written down: look, for a while, before calling it interrupted."""
        step, context = self._step(incident, run, index)
        result, trouble = None, ""
        for look in range(LOOKS if step is not None else 0):
            if look:
                await self._clock.sleep(LOOK_AGAIN_S)
            try:
                result = await step.observe(context) if step else None
            except OutsideError as error:
                trouble = f" ({error})"
                continue
            except Exception as error:  # noqa: BLE001 - the fault of one step kind must not stop the runner
                trouble = f" ({_fault(error)})"
            break
        fact = e.StepFinished(run=run.id, index=index, outcome="interrupted", says=_NOBODY_KNOWS + trouble)
        await self._write(incident, _ended(run, index, result) if result else fact, key=_end_key(run, index))

    def _step(self, incident: Incident, run: Run, index: int) -> tuple[Step | None, StepContext]:
        assert run.plan is not None
        part = run.plan.steps[index]
        before: Mapping[str, JsonValue] = {}
        if run.undoes and (undone := incident.run(run.undoes)):
            before = undone.steps[undo_order(undone)[index]].before or {}
        context = StepContext(
            incident=incident.id,
            run=run.id,
            playbook=run.playbook,
            actor=run.requested_by,
            values=part.values,
            leases=incident.leases,
            undoes=run.undoes,
            before=before,
        )
        return self._steps.get(part.kind), context

    async def _write(self, incident: Incident, fact: e.AnyFact, *, key: str) -> None:
        """A fact that is written once, whoever writes it first."""
        await self._timeline.append(self._draft(incident, fact, key=key))

    def _draft(
        self, incident: Incident, fact: e.AnyFact, *, key: str | None = None, expect: int | None = None
    ) -> e.Draft:
        return e.Draft(
            stream=incident.id, actor=ACTOR, at=self._clock.now(), fact=fact, key=key, expect=expect
        )


def _end_key(run: Run, index: int) -> str:
    return f"{run.id}:{index}:finished"


def _ended(run: Run, index: int, result: StepResult) -> e.StepFinished:
    return e.StepFinished(
        run=run.id,
        index=index,
        outcome=result.outcome,
        says=result.says,
        evidence=result.evidence,
        started=result.started,
        ended=result.ended,
    )


async def _before(step: Step | None, context: StepContext) -> tuple[dict[str, JsonValue], StepResult | None]:
    """The state that is about to be changed, or why it could not be read: then nothing is changed."""
    if step is None:
        return {}, StepResult(outcome="failed", says="this version of mx has no such kind of step")
    try:
        return await step.before(context), None
    except MxError as error:
        return {}, StepResult(outcome="failed", says=str(error))
    except Exception as error:  # noqa: BLE001 - the fault of one step kind must not stop the runner
        return {}, StepResult(outcome="failed", says=_fault(error))


async def _tried(work: Awaitable[StepResult | None]) -> StepResult:
    try:
        return await work or StepResult(outcome="done", says="there was nothing to take back")
    except MxError as error:
        return StepResult(outcome="failed", says=str(error))
    except Exception as error:  # noqa: BLE001 - the fault of one step kind must not stop the runner
        return StepResult(outcome="failed", says=_fault(error))


def _fault(error: Exception) -> str:
    """A fault of ours, by its name alone: its text may hold anything. The operator's log has the rest."""
    structlog.get_logger("bot.runner").error("a step kind raised", exc_info=error)
    return f"a fault in mx itself ({type(error).__name__}); the log of the bot has the details"
