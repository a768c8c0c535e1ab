"""What a mitigation is made of: the plan that a person confirms, and the lease that is on afterwards."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.domain.readings import Frozen


class PlannedStep(Frozen):
    """One step of a plan: its kind, the values it will use, and the sentences a person confirms."""

    kind: str
    title: str
    values: dict[str, JsonValue] = {}
    says: str
    """What will happen, with the values: "limit the gateway to 1 request per second"."""
    touches: str = ""
    """The blast radius in numbers: "412 requests of the last hour in 2 lanes"."""
    undo_says: str | None = None
    """How it is taken back; None means that it cannot be, empty that there is nothing to take back."""
    warnings: tuple[str, ...] = ()
    """What speaks against it, or makes it of no use: "no request of the last hour passed the gateway"."""


class Plan(Frozen):
    """What a click will do. ``fingerprint`` binds a button to it."""

    playbook: str
    title: str
    mode: Literal["apply", "undo"] = "apply"
    undoes: str | None = None
    """The run whose lease this one ends, in ``undo`` mode."""
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...] = ()
    fingerprint: str


class Lease(Frozen):
    """A mitigation that is on: what it changes, whose it is, since and until when."""

    id: str
    run: str
    playbook: str
    says: str
    """"gateway at 1 request per second; asset-sync and report-generator paused"."""
    owner: str
    reason: str
    since: datetime
    expires_at: datetime | None = None
