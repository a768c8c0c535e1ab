"""Who is woken and reminded: the facts of pages, response clocks and snoozes, and what they add up to. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from bot.domain.assessment import Severity
from bot.domain.changed import changed
from bot.domain.fact import Fact

PageAction = Literal["trigger", "acknowledge", "resolve"]
PageCause = Literal["opened", "raised", "missed", "lapsed", "kept", "overdue", "acknowledged", "resolved"]
"""Why a pager is told: ``missed`` a response deadline, ``lapsed`` an acknowledgement, ``kept`` a lease past its end."""


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
    """The pager took it."""

    kind = "page_sent"
    page: str
    pager: str
    says: str


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

if TYPE_CHECKING:
    from bot.domain.events import Event


class Graded(NamedTuple):
    """The incident's severity from this time on: the worst that was assessed, or a person's word."""

    at: datetime
    severity: Severity


class PageState(NamedTuple):
    """A page and what became of it."""

    at: datetime
    request: PageRequested
    sent_at: datetime | None = None
    failed: PageFailed | None = None
    """The latest try that did not come through."""
    first_failed_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Still to be sent."""
        return self.sent_at is None and (self.failed is None or self.failed.again_at is not None)


class Snooze(NamedTuple):
    """Quiet, until when, by whom and why; ``severity`` is what it was then."""

    until: datetime
    by: str
    reason: str
    severity: Severity | None
    at: datetime


@dataclass(frozen=True, kw_only=True)  # no slots: ``changed`` copies the dict
class OnCall:
    """The pages, clocks and quiet of one incident."""

    clock_from: datetime
    """Since when nobody has had it: its opening, its reopening, or the lapse of an acknowledgement."""
    graded: tuple[Graded, ...] = ()
    """Every change of the severity, oldest first."""
    first_acknowledged_at: datetime | None = None
    confirmed_at: datetime | None = None
    """The latest sign of whoever has it: an acknowledgement, or any other fact by the same person."""
    mitigated_at: datetime | None = None
    """When the first mitigation was on."""
    first_resolved_at: datetime | None = None
    """When it was first said to be over, whatever was said later."""
    told: frozenset[str] = frozenset()
    """Reminders that were given: ``before:…``, ``missed:…``, ``ack:…``, each with its time in ISO 8601."""
    lapses_at: datetime | None = None
    """Whoever has it was asked to confirm that, and it lapses then; None where no such question is open."""
    snooze: Snooze | None = None
    quiet_ended_at: datetime | None = None
    """When the latest snooze was over."""
    pages: tuple[PageState, ...] = ()

    @property
    def waiting(self) -> tuple[PageState, ...]:
        """Pages that are still to be sent, oldest first."""
        return tuple(page for page in self.pages if page.waits)


def after(was: OnCall, event: "Event", fact: AnyOnCall) -> OnCall:  # noqa: PLR0911 - one case per kind of fact
    """The state after one more of these facts."""
    match fact:
        case PageRequested():
            return changed(was, pages=(*was.pages, PageState(event.at, fact)))
        case PageSent():
            pages = tuple(
                p._replace(sent_at=event.at) if p.request.page == fact.page else p for p in was.pages
            )
            return changed(was, pages=pages)
        case PageFailed():
            pages = tuple(_failed(p, event.at, fact) if p.request.page == fact.page else p for p in was.pages)
            return changed(was, pages=pages)
        case ResponseReminded():
            return changed(was, told=was.told | {f"{fact.stage}:{fact.due.isoformat()}"})
        case AckReminded():
            told = was.told | {f"ack:{fact.lapses_at.isoformat()}"}
            return changed(was, told=told, lapses_at=fact.lapses_at)
        case AckLapsed():
            return changed(was, clock_from=event.at, confirmed_at=None, lapses_at=None)
        case Snoozed():
            snooze = Snooze(fact.until, event.actor, fact.reason, fact.severity, event.at)
            return changed(was, snooze=snooze)
        case SnoozeEnded():
            return changed(was, snooze=None, quiet_ended_at=event.at)
        case PagerReported() | PageOverdue():
            return was


def _failed(page: PageState, at: datetime, fact: PageFailed) -> PageState:
    return page._replace(failed=fact, first_failed_at=page.first_failed_at or at)


def regraded(was: OnCall, at: datetime, severity: Severity | None) -> OnCall:
    """The state when the incident's severity is this one now."""
    if severity is None or (was.graded and was.graded[-1].severity == severity):
        return was
    return changed(was, graded=(*was.graded, Graded(at, severity)))
