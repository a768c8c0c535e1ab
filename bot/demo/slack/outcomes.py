"""What came of what a person did, as the person sees it."""

from dataclasses import dataclass

from bot.demo.slack.controls import Confirm
from bot.demo.slack.records import Message


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What came of a slash command, for the person who typed it."""

    status: int | None
    """The HTTP status of the ack; None over Socket Mode or where none came."""
    text: str | None
    """The text of the ack's message, where it had one."""
    error: str | None
    """What Slack shows in red, e.g. ``/mx failed with the error "operation_timeout"``."""
    seconds: float
    message: Message | None = None
    """The ack's message as it appeared."""
    details: tuple[str, ...] = ()
    """Why Slack refused the ack's message."""


@dataclass(frozen=True, slots=True)
class ClickOutcome:
    """What came of pressing a control."""

    confirm: Confirm | None
    """The dialog that stood before it, where it has one."""
    delivered: bool
    """False where the person said no in that dialog."""
    status: int | None
    error: str | None
    """What Slack shows beside the control: operation_timeout or dispatch_failed."""
    seconds: float


NOTHING_SENT = ClickOutcome(None, delivered=False, status=None, error=None, seconds=0.0)
"""Something was filled in of which the app hears only when the rest is sent."""
