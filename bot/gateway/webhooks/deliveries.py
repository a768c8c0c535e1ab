"""A delivery: what MaintainX told, or polling found, on its way to the integration. Pure."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

State = Literal["waiting", "delivered", "kept", "dropped"]
"""``kept``: the integration would not have it, and a person decides."""

Decision = Literal["resend", "drop"]

ROW_BYTES = 256
"""What a delivery takes beside its body, counted against the limit."""
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery as it came. ``same`` is equal for two that tell the same; ``signed_with`` is a secret's number."""

    id: str
    same: str
    event: str
    entity: str
    at: str
    polled: bool
    body: bytes
    received_at: datetime
    content_type: str = _JSON
    signed_with: int = 0
    change: str = ""
    """What somebody changed at MaintainX, in a sentence for the feed; empty where it tells of no such thing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands now. ``body`` is None where it cannot be read (another ``MX_BUFFER_KEY``)."""

    seq: int
    id: str
    event: str
    entity: str
    at: str
    polled: bool
    state: State
    content_type: str
    body: bytes | None
    size: int
    sealed: bool
    signed_with: int
    received_at: datetime
    waits_since: datetime
    attempts: int
    tried_at: str | None
    answer_status: int | None
    answer: bytes | None
    says: str

    def json(self) -> dict[str, JsonValue]:
        """For a list; the body is never shown, what the integration answered is."""
        answer: JsonValue = None
        if self.answer_status is not None:
            answer = {"status": self.answer_status, "body": (self.answer or b"").decode("utf-8", "replace")}
        return {
            "delivery": self.id,
            "event": self.event,
            "entity": self.entity,
            "at": self.at or None,
            "polled": self.polled,
            "state": self.state,
            "received_at": self.received_at.isoformat(),
            "tried_at": self.tried_at,
            "attempts": self.attempts,
            "bytes": self.size,
            "says": self.says,
            "answer": answer,
        }


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a person's decision does to a delivery; ``change`` takes the time."""

    able: tuple[State, ...]
    to: State
    change: str
    what: str
    done: str


DECISIONS: dict[Decision, Deciding] = {
    "resend": Deciding(
        ("kept",),
        "waiting",
        "state = 'waiting', waits_since = ?, settled_at = NULL",
        "webhooks_resent",
        "sent again",
    ),
    "drop": Deciding(
        ("kept", "waiting"),
        "dropped",
        "state = 'dropped', body = x'', settled_at = ?",
        "webhooks_dropped",
        "dropped and never sent",
    ),
}
"""What people may decide."""


def new_id() -> str:
    """The name of a delivery: ``mxd_`` and 16 random hexadecimal digits."""
    return f"mxd_{secrets.token_hex(8)}"


def content_type(given: str | None) -> str:
    """The Content-Type to forward it with: as it came, where that is fit for a header."""
    return (
        given if given and given.isascii() and given.isprintable() and len(given) <= len(_JSON) * 8 else _JSON
    )
