"""Carries runs out, one step at a time, each written down before and after; settles by looking after a crash.

Every call of ``advance`` reads the fold anew, does the next single thing and writes it down, so a process that
dies between any two facts is followed by one that goes on from the last of them.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from pydantic import JsonValue

from bot.acting import Acting, fault, found_before
from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.run import BAD, Run
from bot.errors import Conflict, OutsideError
from bot.handover import Handover
from bot.planning import order, plan, remembered
from bot.playbook import Playbook
from bot.ports import Clock, Step, StepContext, StepResult
from bot.run_words import finished, is_due, is_over, refused
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
        handover: Handover | None = None,
        approval_s: float = 900.0,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._playbooks = playbooks
        self._steps = steps
        self._epoch = epoch
        self._handover = handover or Handover(None)
        self._approval = timedelta(seconds=approval_s)
        self._acting = Acting(timeline)

    async def run(self) -> None:
        """Carry out every run there is and comes, those that do not wait for each other at once.

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
            for run in (run for incident in book.running() for run in incident.live_runs):
                if run.id in busy:
                    busy[run.id] = True  # it may have looked just before this fact came
                else:
                    busy[run.id] = False
                    group.create_task(self._drain(run.id, busy))
            await self._timeline.changed(book.head.seq, timeout_s=IDLE_S)

    async def _drain(self, run: str, busy: dict[str, bool]) -> None:
        while await self.advance(run=run) or busy[run]:
            busy[run] = False
        del busy[run]

    async def advance(self, incident: str | None = None, *, run: str | None = None) -> bool:
        """Do the next single due thing of any live run, of this incident's, or of this run; False where nothing is due.

        Raises Conflict where another process leads now.
        """
        book = await self._timeline.book()
        now = self._clock.now()
        found = next(
            (
                (one, live)
                for one in book.running()
                for live in one.live_runs
                if incident in (None, one.id)
                and run in (None, live.id)
                and is_due(one, live, now=now, approval=self._approval)
            ),
            None,
        )
        if found is None:
            return False
        if await self._timeline.epoch() > self._epoch():
            raise Conflict("another process of mx leads now; this one has stopped acting")
        await self._next(*found)
        return True

    async def _next(self, due: Incident, run: Run) -> None:
        left = next((step for step in run.steps if step.state in ("started", "waiting")), None)
        if refusal := refused(run, now=self._clock.now(), approval=self._approval):
            fact = e.RunFinished(run=run.id, outcome="refused", says=refusal)
            await self._write(due, fact, key=_key(run, "finished"))
            if run.ticket:
                self._handover.drop(run.ticket)
        elif run.plan is None and not run.stopped_by:
            await self._plan(due, run)
        elif left is None or (is_over(due, run) and left.state == "waiting"):
            outcome, says = finished(due, run)
            fact = e.RunFinished(run=run.id, outcome=outcome, says=says)
            await self._write(due, fact, key=_key(run, "finished"))
            about = due.run(run.undoes) if run.undoes else run
            if about and about.ticket and outcome not in BAD:  # one that stopped half-way may still go on
                self._handover.drop(about.ticket)
        elif left.state == "started":
            await self._settle(due, run, left.index)
        else:
            await self._start(due, run, left.index)

    async def _plan(self, incident: Incident, run: Run) -> None:
        undone = incident.run(run.undoes) if run.undoes else None
        playbook = self._playbooks.get(run.playbook) or (remembered(undone) if undone else None)
        if playbook is None:
            says = (
                f"There is no playbook {run.playbook} here. There is: {', '.join(sorted(self._playbooks))}."
            )
            fact = e.RunFinished(run=run.id, outcome="failed", says=says)
            await self._write(incident, fact, key=_key(run, "finished"))
            return
        made = await plan(
            playbook,
            self._steps,
            incident=incident,
            actor=run.requested_by,
            run=run.id,
            mode=run.mode,
            undoes=run.undoes,
            params=run.params,
        )
        await self._write(incident, e.RunPlanned(run=run.id, plan=made), key=f"{run.id}:planned")

    async def _start(self, incident: Incident, run: Run, index: int) -> None:
        step, context = self._step(incident, run, index)
        before, trouble = await found_before(step, context)
        started = e.StepStarted(run=run.id, index=index, epoch=self._epoch(), before=before)
        drafts = [self._draft(incident, started, expect=incident.version)]
        if trouble is not None:
            drafts.append(self._draft(incident, _ended(run, index, trouble), key=_end_key(run, index)))
        try:
            await self._timeline.append(*drafts)
        except Conflict:
            return  # something happened meanwhile: the next call looks anew, and stops where another leads
        if step is not None and trouble is None:
            work = step.undo(context, context.before) if run.mode == "undo" else step.act(context, before)
            result = await self._acting.acted(incident.id, run, index, work)
            if result is None:
                await self._settle(incident, run, index)
            else:
                await self._write(incident, _ended(run, index, result), key=_end_key(run, index))

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
                if not error.permanent:
                    continue
            except Exception as error:  # noqa: BLE001 - the fault of one step kind must not stop the runner
                trouble = f" ({fault(error, incident=incident.id)})"
            break
        fact = e.StepFinished(run=run.id, index=index, outcome="interrupted", says=_NOBODY_KNOWS + trouble)
        await self._write(incident, _ended(run, index, result) if result else fact, key=_end_key(run, index))

    def _step(self, incident: Incident, run: Run, index: int) -> tuple[Step | None, StepContext]:
        assert run.plan is not None
        part = run.plan.steps[index]
        before: Mapping[str, JsonValue] = {}
        about = incident.run(run.undoes) if run.undoes else None
        place = index
        if about is not None:
            place = order(run, incident)[index]
            before = about.steps[place].before or {}
        extends = about is not None and run.mode == "extend"
        ticket = (about or run).ticket
        context = StepContext(
            incident=incident.id,
            run=about.id if about is not None and extends else run.id,
            playbook=run.playbook,
            # Whoever lengthens a lease does not take it over.
            actor=about.requested_by if about is not None and extends else run.requested_by,
            values=part.values,
            leases=incident.leases,
            undoes=None if extends else run.undoes,
            before=before,
            about=incident,
            index=place,
            secret=self._handover.look(ticket) if ticket else None,
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


def _key(run: Run, what: str) -> str:
    """Names a fact that a run has once; taken up again after it had stopped, it has it once more."""
    return f"{run.id}:{what}" + (f":{run.resumed}" if run.resumed else "")


def _end_key(run: Run, index: int) -> str:
    return _key(run, f"{index}:finished")


def _ended(run: Run, index: int, result: StepResult) -> e.StepFinished:
    at_expiry = run.plan.at_expiry if run.plan else "undo"
    started = result.started and result.started.model_copy(update={"at_expiry": at_expiry})
    return e.StepFinished(
        run=run.id,
        index=index,
        outcome=result.outcome,
        says=result.says,
        evidence=result.evidence,
        started=started,
        ended=result.ended,
        noted=result.noted,
        settled=result.settled,
    )
