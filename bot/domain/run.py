"""A playbook's run, folded from its facts: what is planned, how far it is, how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.domain.events import RunFinished, RunPlanned, StepFinished, StepStarted
from bot.domain.fact import Address
from bot.domain.mitigation import Plan

Outcome = Literal["done", "failed", "interrupted", "inconclusive"]
StepPhase = Literal["waiting", "started", "done", "failed", "interrupted", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step: ``before`` is the state that was found when it started, ``epoch`` the term of who started it."""

    index: int
    state: StepPhase = "waiting"
    before: Mapping[str, JsonValue] | None = None
    says: str = ""
    evidence: tuple[str, ...] = ()
    epoch: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a playbook; ``plan`` is None until the runner has taken it up."""

    id: str
    playbook: str
    mode: Literal["apply", "undo"]
    undoes: str | None
    requested_by: str
    requested_at: datetime
    address: Address
    plan: Plan | None = None
    steps: tuple[StepState, ...] = ()
    outcome: Outcome | None = None
    says: str = ""
    finished_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Not over yet: the runner has something to do, or is doing it."""
        return self.outcome is None


def advanced(run: Run, fact: RunPlanned | StepStarted | StepFinished | RunFinished, *, at: datetime) -> Run:
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
            return replace(run, steps=_with(steps, finished))
        case RunFinished():
            return replace(run, outcome=fact.outcome, says=fact.says, finished_at=at)


def _with(steps: tuple[StepState, ...], step: StepState | None, *, length: int = 0) -> tuple[StepState, ...]:
    """The steps with one of them replaced; a step that no plan has named yet gets its place."""
    length = max(len(steps), length, 0 if step is None else step.index + 1)
    padded = steps + tuple(StepState(index=index) for index in range(len(steps), length))
    return padded if step is None else tuple(step if old.index == step.index else old for old in padded)
