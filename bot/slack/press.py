"""What a button carries: which incident it was made for, what a click does, and the fingerprint of the plan it shows."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, Self

from pydantic import ValidationError

from bot.domain.authority import Role
from bot.domain.incident import Incident
from bot.domain.mitigation import Plan
from bot.domain.readings import Frozen
from bot.errors import Refused

Act = Literal[
    "run",
    "undo",
    "extend",
    "approve",
    "decline",
    "release",
    "retry",
    "skip",
    "ack",
    "again",
    "report",
    "items",
    "note",
    "severity",
    "handover",
    "start",
    "pause",
    "resume",
    "cancel",
    "resend",
    "arrived",
]


NEEDS: Mapping[Act, Role | None] = MappingProxyType(
    {
        "run": "responder",
        "undo": "responder",
        "extend": "responder",
        "approve": "approver",
        "decline": "responder",
        "release": "responder",
        "retry": "responder",
        "skip": "responder",
        "ack": None,
        "again": None,
        "report": None,
        "items": None,
        "note": None,
        "severity": "responder",
        "handover": "responder",
        "start": "responder",
        "pause": "responder",
        "resume": "responder",
        "cancel": "responder",
        "resend": "responder",
        "arrived": "responder",
    }
)
"""Who may press which button; None: anybody."""

DOING: Mapping[Act, str] = MappingProxyType(
    {
        "run": "run playbooks",
        "undo": "take playbooks back",
        "extend": "keep playbooks on",
        "approve": "approve runs",
        "decline": "decline runs",
        "release": "give the go for a step",
        "retry": "have a step tried again",
        "skip": "pass a step over",
        "ack": "take an incident",
        "again": "have it looked at again",
        "report": "have the report",
        "items": "change action items",
        "note": "write on the timeline",
        "severity": "set the severity",
        "handover": "hand an incident over",
        "start": "start a replay",
        "pause": "hold a replay",
        "resume": "let a replay go on",
        "cancel": "end a replay",
        "resend": "have a write sent again",
        "arrived": "say that a write has arrived",
    }
)
"""What a button does, as it stands behind "may"."""


class Press(Frozen):
    """A button's value; it comes back with the click."""

    act: Act
    incident: str
    integration: str
    playbook: str | None = None
    undoes: str | None = None
    """The run that is meant: taken back, kept on, approved, gone on with."""
    index: int | None = None
    """The step of that run that a person gives the go for."""
    fingerprint: str | None = None
    channel: str | None = None
    """Where the dialog was opened."""
    write: str | None = None
    """The buffered write that is decided."""

    @classmethod
    def of_plan(cls, plan: Plan, incident: Incident) -> Self:
        """The button that carries out this plan."""
        return cls(
            act="run" if plan.mode == "apply" else plan.mode,
            incident=incident.id,
            integration=incident.integration,
            playbook=plan.playbook,
            undoes=plan.undoes,
            fingerprint=plan.fingerprint,
        )

    @classmethod
    def read(cls, value: str) -> Self:
        """A button's value as it came back. Raises Refused where this version of mx did not make it."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            raise Refused(
                "This button was made by another version of mx, so nothing was done. Type /mx triage for a fresh card."
            ) from None

    @property
    def value(self) -> str:
        """The JSON that the button carries."""
        return self.model_dump_json(exclude_none=True)

    @property
    def action(self) -> str:
        """The button's id, unique on its card."""
        return ":".join(part for part in (self.act, self.undoes or self.playbook or self.write) if part)
