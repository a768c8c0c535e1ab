"""What a mitigation is made of: the plan that a person confirms, and the lease that is on afterwards."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.domain.readings import Frozen

Mode = Literal["apply", "undo", "extend"]
"""Carry a playbook out, take a run back, or keep what a run switched on for longer."""
AtExpiry = Literal["undo", "keep"]
"""What becomes of a lease at its end: it is over, or mx lengthens it and pages somebody."""


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
    advice: tuple[str, ...] = ()
    """What mx would choose, and why: "0.8 requests per second would leave room for the rest"."""
    waits: bool = False
    """It only watches, so stop and undo may cut it short."""
    timeout_s: float = 120.0
    """Seconds of real time after which the act is given up and looked at."""
    ask: str = ""
    """Set where the run is held before this step until a person presses a button with these words."""
    button: str = ""
    """Better words for that button, with numbers: "Replay 412 writes"."""


class Plan(Frozen):
    """What a click will do. ``fingerprint`` binds a button to it."""

    playbook: str
    title: str
    mode: Mode = "apply"
    undoes: str | None = None
    """The run that this one takes back (``undo``), or whose leases it lengthens (``extend``)."""
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...] = ()
    fingerprint: str
    params: dict[str, JsonValue] = {}
    """The parameters that the steps' values were made with."""
    at_expiry: AtExpiry = "undo"
    second_person: bool = False
    """It begins only when somebody else has approved it."""
    touches: str = ""
    """What the playbook changes, in its own words."""
    undo: str = ""
    """How it is taken back, in its own words."""


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
    at_expiry: AtExpiry = "undo"
