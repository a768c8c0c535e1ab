"""What pages, response clocks and snoozes add up to: the state of one incident, folded from their facts. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from bot.domain.assessment import Severity
from bot.domain.changed import changed
from bot.domain.events import Acknowledged, Event
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    AnyOnCall,
    PageFailed,
    PageOverdue,
    PageRequested,
    PagerReported,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)

_LETTING_GO = ("unacknowledged", "resolved", "reopened")
"""What a pager tells after which an earlier acknowledgement there says nothing any more."""


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
    version: int = 0
    """Of the request, within its incident."""
    dropped: Literal["", "not_wanted", "perhaps"] = ""
    """It was not sent, since nobody needed it any more; ``perhaps``: it may have been all the same."""
    first_failed_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Still to be sent."""
        open_ = self.sent_at is None and not self.dropped
        return open_ and (self.failed is None or self.failed.again_at is not None)

    @property
    def tried(self) -> bool:
        """The pager has it, or may have it."""
        return self.sent_at is not None or self.failed is not None or self.dropped == "perhaps"


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
    clock_version: int = 1
    """The fact since which nobody has had it: of ``clock_from``."""
    begun_at: datetime | None = None
    """When it was reopened last; None where it never was."""
    begun_version: int = 1
    """The fact by which it was opened, or reopened last."""
    signed_version: int = 0
    """The latest sign of whoever has it: of ``confirmed_at``."""
    pager_news_at: datetime | None = None
    """When somebody last let it go in a pager: an acknowledgement there from before counts no more."""
    acknowledged_alert: str | None = None
    """The pager's own id of the alert in which whoever has it said so; None where they said it in mx."""
    alerts: frozenset[str] = frozenset()
    """The pagers' own ids of what they opened for it."""

    @property
    def waiting(self) -> tuple[PageState, ...]:
        """Pages that are still to be sent, oldest first."""
        return tuple(page for page in self.pages if page.waits)


def after(was: OnCall, event: Event, fact: AnyOnCall) -> OnCall:  # noqa: PLR0911 - one case per kind of fact
    """The state after one more of these facts."""
    match fact:
        case PageRequested():
            return changed(was, pages=(*was.pages, PageState(event.at, fact, version=event.version)))
        case PageSent():
            pages = tuple(_sent(p, event.at, fact) if p.request.page == fact.page else p for p in was.pages)
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
            return changed(
                was, clock_from=event.at, clock_version=event.version, confirmed_at=None, lapses_at=None
            )
        case Snoozed():
            snooze = Snooze(fact.until, event.actor, fact.reason, fact.severity, event.at)
            return changed(was, snooze=snooze)
        case SnoozeEnded():
            return changed(was, snooze=None, quiet_ended_at=event.at)
        case PagerReported():
            return _reported(was, fact)
        case PageOverdue():
            return was


def _reported(was: OnCall, fact: PagerReported) -> OnCall:
    if fact.alert is not None:
        was = changed(was, alerts=was.alerts | {fact.alert})
    at, known = fact.occurred_at, was.pager_news_at
    if at is None or fact.event not in _LETTING_GO or (known is not None and known >= at):
        return was
    return changed(was, pager_news_at=at)


def begun_anew(was: OnCall, event: Event) -> OnCall:
    """The state when the incident is reopened: nobody has it, and what was paged before is over."""
    return changed(
        was,
        clock_from=event.at,
        clock_version=event.version,
        begun_at=event.at,
        begun_version=event.version,
        confirmed_at=None,
        lapses_at=None,
    )


def acknowledged(was: OnCall, event: Event) -> OnCall:
    """The state when somebody says that they have it."""
    return changed(
        was,
        first_acknowledged_at=was.first_acknowledged_at or event.at,
        confirmed_at=event.at,
        signed_version=event.version,
        lapses_at=None,  # whoever had it was asked, and not who has it now
        acknowledged_alert=event.fact.alert if isinstance(event.fact, Acknowledged) else None,
    )


def mitigated(was: OnCall, event: Event) -> OnCall:
    """The state when a mitigation is on."""
    return was if was.mitigated_at is not None else changed(was, mitigated_at=event.at)


def signed(was: OnCall, event: Event) -> OnCall:
    """The state after a sign of whoever has it: whatever they do is one."""
    return changed(was, confirmed_at=event.at, signed_version=event.version, lapses_at=None)


def _sent(page: PageState, at: datetime, fact: PageSent) -> PageState:
    return page._replace(sent_at=at) if fact.outcome == "taken" else page._replace(dropped=fact.outcome)


def _failed(page: PageState, at: datetime, fact: PageFailed) -> PageState:
    return page._replace(failed=fact, first_failed_at=page.first_failed_at or at)


def regraded(was: OnCall, at: datetime, severity: Severity | None) -> OnCall:
    """The state when the incident's severity is this one now."""
    if severity is None or (was.graded and was.graded[-1].severity == severity):
        return was
    return changed(was, graded=(*was.graded, Graded(at, severity)))
