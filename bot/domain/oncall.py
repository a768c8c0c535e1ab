"""Who is woken and reminded: the facts of pages, response clocks and snoozes. Pure."""

from datetime import datetime
from typing import Literal

from bot.domain.assessment import Severity
from bot.domain.fact import Fact

PageAction = Literal["trigger", "acknowledge", "resolve"]
PageCause = Literal[
    "opened",
    "reopened",
    "raised",
    "missed",
    "lapsed",
    "unreachable",
    "kept",
    "overdue",
    "acknowledged",
    "resolved",
]
"""Why a pager is told: ``missed`` a response deadline, ``lapsed`` an acknowledgement, ``unreachable`` the pager before
it in line, ``kept`` a lease past its end, ``overdue`` a page that the auditor missed."""


class PageRequested(Fact):
    """A pager is to be told; the paging follower sends it, and tries again after a restart."""

    kind = "page_requested"
    page: str
    """Its id; ``PageSent`` and ``PageFailed`` name it."""
    action: PageAction
    level: int
    """Which pager, counted from 1 in the order of escalation."""
    dedup: str
    """One for each incident: a pager joins what has the same."""
    cause: PageCause
    severity: Severity | None
    says: str
    """The line that wakes somebody."""


class PageSent(Fact):
    """The pager took it, or it was not sent since nobody needs it any more."""

    kind = "page_sent"
    page: str
    pager: str
    says: str
    outcome: Literal["taken", "not_wanted", "perhaps"] = "taken"
    """``perhaps``: not wanted any more, but a process that stopped in the middle may have sent it."""


class PageFailed(Fact):
    """The pager did not take it. Where ``again_at`` is None nothing more is tried: a person has to call."""

    kind = "page_failed"
    page: str
    pager: str
    tries: int
    again_at: datetime | None
    says: str


class PagerReported(Fact):
    """News from a pager's own side that changes nothing in the incident: somebody resolved or reassigned it there."""

    kind = "pager_reported"
    pager: str
    event: str
    says: str
    occurred_at: datetime | None = None
    """When it happened there; news may come late and out of order."""
    alert: str | None = None
    """The pager's own id of what it opened for this incident."""


class PageOverdue(Fact):
    """The auditor found a page that was due and is not sent."""

    kind = "page_overdue"
    due: datetime
    says: str


class ResponseReminded(Fact):
    """The channel is told that nobody has it: before the deadline, and when it is missed."""

    kind = "response_reminded"
    due: datetime
    stage: Literal["before", "missed"]
    says: str


class AckReminded(Fact):
    """Whoever has it is asked to confirm that; without a sign until then the acknowledgement lapses."""

    kind = "ack_reminded"
    lapses_at: datetime
    says: str


class AckLapsed(Fact):
    """Whoever had it gave no sign: nobody has it from here, and the response clock starts anew."""

    kind = "ack_lapsed"
    who: str
    says: str


class Snoozed(Fact):
    """Somebody is on it and wants quiet: no reminder and no page until then, unless it becomes worse than ``severity``."""

    kind = "snoozed"
    until: datetime
    severity: Severity | None
    reason: str


class SnoozeEnded(Fact):
    """The quiet is over."""

    kind = "snooze_ended"
    cause: Literal["time", "worse", "person"]
    says: str


AnyOnCall = (
    PageRequested
    | PageSent
    | PageFailed
    | PagerReported
    | PageOverdue
    | ResponseReminded
    | AckReminded
    | AckLapsed
    | Snoozed
    | SnoozeEnded
)
