"""What people put on the timeline: messages kept, hand-overs, action items; and the daily summary. Pure."""

from datetime import date, datetime
from typing import Literal

from bot.domain.fact import Address, Fact
from bot.domain.readings import Frozen


class KeptFile(Frozen):
    """A file that hung on a message: its title, and where it is."""

    title: str
    permalink: str | None = None


class KeepRequested(Fact):
    """Somebody wants a message on the timeline; the keeper fetches it once, and tries again while Slack is away."""

    kind = "keep_requested"
    request: str
    channel: str
    message: str
    """Slack's ``ts`` of it."""
    by: Literal["shortcut", "emoji", "mention"]
    address: Address = Address()


class KeepAnswered(Fact):
    """A message was not put on the timeline: it is there already, or it cannot be read; ``says`` tells what to do."""

    kind = "keep_answered"
    request: str
    says: str


class MessageKept(Fact):
    """Somebody put a message on the timeline; who keeps it is the event's actor, when it was said is ``said_at``."""

    kind = "message_kept"
    channel: str
    message: str
    """Slack's ``ts`` of it."""
    author: str
    """Who said it: an actor such as ``slack:U123``, or the name of an app."""
    said_at: datetime
    text: str
    by: Literal["shortcut", "emoji", "mention"]
    thread: str | None = None
    """The ``ts`` of the thread's first message, where it is an answer in a thread."""
    permalink: str | None = None
    files: tuple[KeptFile, ...] = ()
    request: str | None = None


class KeptMessageChanged(Fact):
    """Its author edited a kept message; both texts stay on the timeline."""

    kind = "kept_message_changed"
    channel: str
    message: str
    text: str
    edited_at: datetime
    files: tuple[KeptFile, ...] = ()


class KeptMessageRemoved(Fact):
    """A kept message was deleted in Slack, or whoever kept it took the emoji away again. What it said stays here."""

    kind = "kept_message_removed"
    channel: str
    message: str
    cause: Literal["deleted", "unkept"]


class HandedOver(Fact):
    """The actor gave the incident to somebody else, with what the next one has to know."""

    kind = "handed_over"
    to: str
    summary: str
    lines: tuple[str, ...] = ()
    """What was on, open or waiting at that moment, in sentences."""


class ActionAdded(Fact):
    """An action item for after the incident, from a person."""

    kind = "action_added"
    item: str
    text: str
    assignee: str | None = None
    due: date | None = None


class ActionChanged(Fact):
    """An action item reads so from here: one that a person added, or one that mx suggested (``item`` names its rule)."""

    kind = "action_changed"
    item: str
    text: str
    assignee: str | None = None
    due: date | None = None


class ActionTicked(Fact):
    """An action item is done, or after all not."""

    kind = "action_ticked"
    item: str
    done: bool
    text: str
    """What it is about, so that the line can be read alone."""


class DaySummed(Fact):
    """The daily summary of an incident that stays open; posted once for each day."""

    kind = "day_summed"
    day: date
    says: str
    lines: tuple[str, ...] = ()


AnyNotebook = (
    KeepRequested
    | KeepAnswered
    | MessageKept
    | KeptMessageChanged
    | KeptMessageRemoved
    | HandedOver
    | ActionAdded
    | ActionChanged
    | ActionTicked
    | DaySummed
)
