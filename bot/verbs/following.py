"""Sees a run through from a terminal: carries it on where no bot does, shows each step, and waits for people with it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import click

from bot.domain.incident import Incident
from bot.domain.plan import step_lines
from bot.domain.run import Run
from bot.domain.telling import hour
from bot.engine import Engine
from bot.errors import Conflict, OutsideError, Refused
from bot.planning import held_step
from bot.run_words import is_due
from bot.verbs.actor import actor
from bot.verbs.person import Person

PATIENCE_S = 900.0
"""How long nothing may happen, beyond the time of the step that is under way."""
LOOK_S = 1.0
_NEARLY_S = 0.1

Answer = TypeVar("Answer")

_STOPPED = (
    "\nYou stopped watching; what is on stays on. A running bot carries on by itself; without one, the same "
    "command carries on, and `mx undo` takes it back."
)


class Following:
    """One incident, watched from a terminal. All methods raise StoreError, and click's Abort."""

    def __init__(self, engine: Engine, person: Person, incident: str) -> None:
        self.engine = engine
        self.person = person
        self.incident = incident
        self._told: set[tuple[str, int, int, str]] = set()
        self._acting = False

    @classmethod
    @asynccontextmanager
    async def open(cls, engine: Engine, person: Person, incident: str) -> "AsyncIterator[Following]":
        """Carries the incident's runs on while the block runs, where no bot does."""
        following = cls(engine, person, incident)
        try:
            async with asyncio.TaskGroup() as group:
                driver = group.create_task(following._drive())
                try:
                    yield following
                except asyncio.CancelledError:
                    if not driver.done():  # else it is the driver's fault that ends this
                        click.echo(_STOPPED, err=True)
                    raise
                while following._acting:  # another run's step is under way: it is not left half done
                    await engine.clock.sleep(_NEARLY_S)
                driver.cancel()
        except BaseExceptionGroup as several:
            raise _first(several) from None

    async def now(self, run: str) -> tuple[Incident, Run]:
        """The run as it is."""
        incident = (await self.engine.timeline.book()).incident(self.incident)
        assert incident is not None
        found = incident.run(run)
        assert found is not None
        return incident, found

    async def to_the_end(self, run_id: str) -> Run | None:
        """Show each step until the run is over; None where it stays held because nobody here gives the go."""
        while True:
            run = await self.until(run_id, lambda run: not run.live or run.unapproved or run.held is not None)
            if not run.live:
                return run
            if run.unapproved:
                self._tell_approval(run)
                await self.until(run_id, lambda run: not run.unapproved)
            elif not await self._given_go(run):
                return None

    async def until(
        self, run_id: str, reached: Callable[[Run], bool], *, patience_s: float = PATIENCE_S
    ) -> Run:
        """The run as soon as it is so; raises OutsideError when nothing comes of it for too long."""
        clock, seen, since = self.engine.clock, -1, 0.0
        while True:
            head = (await self.engine.timeline.book()).head.seq
            incident, run = await self.now(run_id)
            self._tell(run)
            if reached(run):
                return run
            if incident.version != seen or run.unapproved or run.held is not None:
                seen, since = incident.version, clock.monotonic()
            elif clock.monotonic() - since > patience_s + _under_way_s(run):
                raise OutsideError(
                    f"waiting for the running bot to act: nothing came in {patience_s + _under_way_s(run):.0f} s; "
                    "look at its log and at /readyz, or stop it and ask again"
                )
            await self.engine.timeline.changed(head, timeout_s=LOOK_S)

    async def answered(
        self, question: Coroutine[None, None, Answer], run_id: str, *, moot: Callable[[Run], bool]
    ) -> Answer | None:
        """What the person answers; None where it has become moot before that, by somebody else's word."""
        try:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(question)
                looking = group.create_task(self.until(run_id, moot, patience_s=float("inf")))
                await asyncio.wait((asking, looking), return_when=asyncio.FIRST_COMPLETED)
                asking.cancel()
                looking.cancel()
        except BaseExceptionGroup as several:
            raise _first(several) from None
        if not asking.cancelled():
            return asking.result()
        click.echo("\nSomebody else has decided it meanwhile.")
        return None

    async def _given_go(self, run: Run) -> bool:
        """Whether the held step goes on; False where nobody here says so."""
        index, engine = run.held, self.engine
        assert index is not None
        incident, run = await self.now(run.id)
        if run.held != index:
            return True
        step = await held_step(run, engine.steps, incident=incident)
        words = step.button or step.ask
        click.echo(f"{run.playbook} is held before step {index + 1} until a person gives the go:")
        for line in step_lines(index + 1, step):
            click.echo(f"  {line}")
        how = (
            f'To go on: the button "{words}" on the card, or `mx run {run.playbook}` in a terminal. '
            "To end it here: `mx stop`."
        )
        if not self.person.there:
            click.echo(f"This is no terminal to ask in, so it stays held. {how}")
            return False
        agreed = await self.answered(
            self.person.agrees(f"{words}?"), run.id, moot=lambda run: run.held != index
        )
        if agreed is False:
            click.echo(f"It stays held. {how}")
        elif agreed:
            try:
                done = await engine.steering.release(incident.integration, run.id, index, actor=actor())
                click.echo(done.says)
            except Refused as refusal:  # somebody was first
                click.echo(str(refusal))
        return agreed is not False

    def _tell(self, run: Run) -> None:
        """Each step once for each state that it comes to."""
        for step in run.steps:
            mark = (run.id, run.resumed, step.index, step.state)
            says = step.says
            if step.state == "started" and run.plan is not None and step.index < len(run.plan.steps):
                says = run.plan.steps[step.index].says
            if mark not in self._told and says and step.state != "waiting":
                self._told.add(mark)
                word = "begun" if step.state == "started" else step.state
                click.echo(f"  {step.index + 1}. {word}: {says}")

    def _tell_approval(self, run: Run) -> None:
        """For whom the run waits, and how long."""
        settings = self.engine.settings.bot
        until = run.requested_at + timedelta(seconds=settings.people.approval_s)
        minutes = (until - self.engine.clock.now()) / timedelta(minutes=1)
        click.echo(
            f"It waits for a second person, until {hour(until, settings.zone)} ({max(minutes, 0):.0f} min): anybody "
            f"but {run.requested_by} who may, with /mx approve or the button on the card. `mx serve` has to run for "
            "that. Ctrl-C stops watching, not the request; `mx stop` ends it."
        )

    async def _drive(self) -> None:
        """Lead while something is due here and nobody else does; never while only a person can go on."""
        engine = self.engine
        approval = timedelta(seconds=engine.settings.bot.people.approval_s)
        while True:
            book = await engine.timeline.book()
            incident = book.incident(self.incident)
            acted = False
            if incident and any(
                is_due(incident, run, now=engine.clock.now(), approval=approval) for run in incident.live_runs
            ):
                acted = await self._advanced()
            else:
                engine.term.release()  # so that a bot that starts meanwhile can lead, and show its card
            if not acted:
                await engine.timeline.changed(book.head.seq, timeout_s=LOOK_S)

    async def _advanced(self) -> bool:
        self._acting = True
        try:
            return await self.engine.term.lead() and await self.engine.runner.advance(self.incident)
        except Conflict:  # another process leads now: it carries on, and this one watches
            self.engine.term.release()
            return False
        finally:
            self._acting = False


def _under_way_s(run: Run) -> float:
    """What the step that is under way may take."""
    if run.plan is None:
        return 0.0
    return max(
        (
            run.plan.steps[step.index].timeout_s
            for step in run.steps
            if step.state == "started" and step.index < len(run.plan.steps)
        ),
        default=0.0,
    )


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one reason that a person is told."""
    found = several.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
