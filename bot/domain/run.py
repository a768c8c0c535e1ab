"""A playbook's run, folded from its facts: what is planned, how far it is, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.domain.events import RunFinished, RunPlanned, StepFinished, StepStarted
from bot.domain.fact import Address
from bot.domain.mitigation import Mode, Plan
from bot.domain.steering import RunApproved, RunDeclined, RunResumed, RunsStopped, StepReleased

Outcome = Literal["done", "failed", "interrupted", "inconclusive", "refused"]
StepPhase = Literal["waiting", "started", "done", "failed", "interrupted", "inconclusive", "skipped"]
BAD = ("failed", "interrupted")
"""How a step ended that stops its run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step: ``before`` is the state that was found when it started, ``epoch`` the term of who started it."""

    index: int
    state: StepPhase = "waiting"
    before: Mapping[str, JsonValue] | None = None
    says: str = ""
    evidence: tuple[str, ...] = ()
    lease: str | None = None
    """The lease that it put on."""
    epoch: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a playbook; ``plan`` is None until the runner has taken it up."""

    id: str
    playbook: str
    mode: Mode
    undoes: str | None
    requested_by: str
    requested_at: datetime
    address: Address
    plan: Plan | None = None
    steps: tuple[StepState, ...] = ()
    outcome: Outcome | None = None
    says: str = ""
    finished_at: datetime | None = None
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    ticket: str | None = None
    """Under which name the new key was handed over, where the playbook takes one."""
    second_person: bool = False
    approved_by: str | None = None
    declined: str = ""
    """Who refused it, and why."""
    stopped_by: str | None = None
    released: frozenset[int] = frozenset()
    """The steps that a person gave the go for."""
    resumed: int = 0
    """How often it was taken up again after it had stopped."""

    @property
    def live(self) -> bool:
        """Not over yet: the runner has something to do, or is doing it."""
        return self.outcome is None

    @property
    def unapproved(self) -> bool:
        """It waits for a second person's word."""
        return self.live and self.second_person and self.approved_by is None

    @property
    def held(self) -> int | None:
        """The step that waits for a person's go; None where none does."""
        if not self.live or self.plan is None or self.unapproved or self.stopped_by:
            return None
        step = next((step for step in self.steps if step.state in ("started", "waiting", *BAD)), None)
        if step is None or step.state != "waiting" or step.index >= len(self.plan.steps):
            return None
        if not self.plan.steps[step.index].ask:
            return None
        return None if step.index in self.released else step.index

    @property
    def stuck(self) -> int | None:
        """The step that went wrong and stopped the run; None where none did."""
        if self.live or self.mode != "apply":
            return None
        return next((step.index for step in self.steps if step.state in BAD), None)

    @property
    def to_undo(self) -> tuple[int, ...]:
        """The steps that an undo takes back, the latest first: all that were begun and can be."""
        if self.plan is None:
            return ()
        begun = {step.index for step in self.steps if step.state != "waiting"}
        return tuple(index for index in sorted(begun, reverse=True) if self.plan.steps[index].undo_says)


Said = RunApproved | RunDeclined | RunResumed | StepReleased
RunFact = RunPlanned | StepStarted | StepFinished | RunFinished | Said


def stopped(runs: tuple[Run, ...], fact: RunsStopped, *, actor: str) -> tuple[Run, ...]:
    """The runs, those among them that were stopped marked so."""
    return tuple(replace(run, stopped_by=actor) if run.id in fact.runs and run.live else run for run in runs)


def advanced(run: Run, fact: RunFact, *, actor: str, at: datetime) -> Run:  # noqa: PLR0911 - one case per kind of fact
    """The run after one more fact about it."""
    match fact:
        case RunPlanned():
            steps = tuple(StepState(index=index) for index in range(len(fact.plan.steps)))
            return replace(run, plan=fact.plan, steps=steps)
        case StepStarted():
            started = StepState(
                index=fact.index, state="started", before=fact.before, epoch=fact.epoch, started_at=at
            )
            return replace(run, steps=_with(run.steps, started))
        case StepFinished():
            steps = _with(run.steps, None, length=fact.index + 1)
            finished = replace(
                steps[fact.index], state=fact.outcome, says=fact.says, evidence=fact.evidence, finished_at=at
            )
            if fact.started is not None:
                finished = replace(finished, lease=fact.started.id)
            return replace(run, steps=_with(steps, finished))
        case RunFinished():
            return replace(run, outcome=fact.outcome, says=fact.says, finished_at=at)
        case RunApproved():
            return replace(run, approved_by=actor)
        case RunDeclined():
            return replace(run, declined=f"{actor}: {fact.reason}")
        case StepReleased():
            return replace(run, released=run.released | {fact.index})
        case RunResumed():
            return _resumed(run, fact, actor=actor)


def _resumed(run: Run, fact: RunResumed, *, actor: str) -> Run:
    steps = _with(run.steps, None, length=fact.index + 1)
    again = StepState(index=fact.index)
    if fact.action == "skip":
        was = steps[fact.index]
        says = f"passed over by {actor}: {fact.reason} (it {was.state}: {was.says})"
        again = replace(was, state="skipped", says=says)
    return replace(
        run,
        outcome=None,
        says="",
        finished_at=None,
        stopped_by=None,
        steps=_with(steps, again),
        resumed=run.resumed + 1,
    )


def _with(steps: tuple[StepState, ...], step: StepState | None, *, length: int = 0) -> tuple[StepState, ...]:
    """The steps with one of them replaced; a step that no plan has named yet gets its place."""
    length = max(len(steps), length, 0 if step is None else step.index + 1)
    padded = steps + tuple(StepState(index=index) for index in range(len(steps), length))
    return padded if step is None else tuple(step if old.index == step.index else old for old in padded)
