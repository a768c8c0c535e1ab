"""What people say to a run that is under way or has stopped: approve, decline, stop, go on, retry, skip. Pure."""

from datetime import datetime
from typing import Literal

from bot.domain.fact import Fact

Resume = Literal["retry", "skip"]


class RunApproved(Fact):
    """A second person agreed to the run; only then does it begin."""

    kind = "run_approved"
    run: str


class RunDeclined(Fact):
    """A second person refused the run; it is over before it began."""

    kind = "run_declined"
    run: str
    reason: str


class RunsStopped(Fact):
    """Somebody stopped every run of this incident: each ends after the step that is under way."""

    kind = "runs_stopped"
    runs: tuple[str, ...]


class RunResumed(Fact):
    """A run that had stopped goes on: the step that went wrong is tried again, or passed over with a reason."""

    kind = "run_resumed"
    run: str
    index: int
    action: Resume
    reason: str = ""


class StepReleased(Fact):
    """A person gave the go for a step that the playbook holds back until then."""

    kind = "step_released"
    run: str
    index: int


class LeaseReminded(Fact):
    """The owner was told that the lease ends soon; told once for each end."""

    kind = "lease_reminded"
    lease: str
    expires_at: datetime
    says: str


AnySteering = RunApproved | RunDeclined | RunsStopped | RunResumed | StepReleased | LeaseReminded
