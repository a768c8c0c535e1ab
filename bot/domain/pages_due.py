"""Which pages an incident needs now, and which that were asked for it needs no more. Pure.

A page is named after its cause, so that the same one is asked for once, whoever looks and however often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.domain.assessment import Severity
from bot.domain.incident import Incident
from bot.domain.oncall import PageAction, PageCause, PageRequested
from bot.domain.oncall_state import PageState
from bot.domain.page_words import summary
from bot.domain.paged import Trigger, dedup_of, level_next, triggers, triggers_ever
from bot.domain.response import quiet, worse_than_snoozed
from bot.domain.severity import worst


@dataclass(frozen=True, slots=True)
class Line:
    """Who can be paged, in the order of escalation, and from which severity on somebody is at once."""

    reports_as: tuple[str, ...]
    """For each pager the actor by which its people's acknowledgements come back, such as ``pagerduty``; else empty."""
    page_from: Severity = Severity.SEV2

    @property
    def pagers(self) -> int:
        """How many there are."""
        return len(self.reports_as)

    def grave(self, severity: Severity | None) -> bool:
        """Somebody is paged at once."""
        return severity is not None and severity.number <= self.page_from.number


def pages_due(incident: Incident, line: Line, *, now: datetime) -> tuple[PageRequested, ...]:
    """What is to be asked for now; ask again once it stands on the timeline, since one can bring about the next."""
    if not line.pagers or incident.drill:
        return ()
    known = {page.request.page for page in incident.oncall.pages}
    due = _resolves(incident)
    if incident.open:
        due += _acknowledgements(incident, line)
        if not quiet(incident, now):
            due += _first(_triggers(incident, line), known)
    return tuple(page for page in due if page.page not in known)


def unwanted(incident: Incident, page: PageState) -> str:  # noqa: PLR0911 - one line for each reason
    """Why this page, which waits, is not to be sent any more; empty where it still is."""
    oncall, owner = incident.oncall, incident.acknowledged_by
    match page.request.action:
        case "trigger":
            if incident.drill:
                return "it is a drill"
            if not incident.open:
                return f"{incident.id} is resolved"
            if page.version < oncall.begun_version:
                return f"{incident.id} was resolved since, and opened again"
            if owner is not None and oncall.signed_version > page.version:
                return f"{owner} has it"
        case "acknowledge":
            if not incident.open:
                return f"{incident.id} is resolved, and the page is called off"
            if owner is None:
                return "nobody has it any more"
        case "resolve":
            pass
    return ""


def rings_anew(incident: Incident, page: PageState) -> bool:
    """The level's alert may be acknowledged, so that it has to be closed first: what joins such a one wakes nobody."""
    if page.request.cause not in {"lapsed", "kept", "raised"}:
        return False
    if page.request.cause != "lapsed" and incident.acknowledged_by is None:
        return False
    return any(one.level == page.request.level and one.version < page.version for one in triggers(incident))


def kept_page(incident: Incident, *, ref: str, says: str) -> PageRequested:
    """A mitigation is kept on past its end: the first in line is woken."""
    return _page(incident, "kept", 1, f"kept:{ref}").model_copy(update={"says": says})


def overdue_page(incident: Incident, *, ref: str, pagers: int) -> PageRequested:
    """A page that was due and that nobody asked for: the next in line is woken."""
    return _page(incident, "overdue", level_next(incident, pagers), f"overdue:{ref}")


def _first(due: Iterator[PageRequested], known: set[str]) -> tuple[PageRequested, ...]:
    """The first that was not asked for yet: the level of the next hangs on it."""
    one = next((page for page in due if page.page not in known), None)
    return (one,) if one is not None else ()


def _triggers(incident: Incident, line: Line) -> Iterator[PageRequested]:
    """What was ever to be triggered since it was opened or reopened, in the order in which it came about."""
    oncall = incident.oncall
    so_far = triggers(incident)
    about_it = tuple(one for one in so_far if not (one.page and one.page.request.cause == "kept"))
    if incident.acknowledged_by is None:
        yield from _start(incident, line, about_it)
        yield from _raised(incident, line, about_it)
        for due in sorted(_missed(incident)):
            yield _page(incident, "missed", level_next(incident, line.pagers), f"missed:{due}")
    elif _worse_than_known(incident):
        yield from _raised(incident, line, about_it)
    for one in so_far:
        if one.page is not None and _beyond_reach(incident, one, so_far) and one.level < line.pagers:
            ref = f"unreachable:{oncall.begun_version}:{one.level + 1}"
            yield _page(incident, "unreachable", one.level + 1, ref)


def _start(incident: Incident, line: Line, so_far: tuple[Trigger, ...]) -> Iterator[PageRequested]:
    """Nobody has had it since its opening, its reopening or a lapse, and nobody was paged since."""
    oncall = incident.oncall
    if any(one.version > oncall.clock_version if one.page else one.at >= oncall.clock_from for one in so_far):
        return
    if oncall.clock_version > oncall.begun_version:
        if so_far or line.grave(incident.severity):
            level = level_next(incident, line.pagers)
            yield _page(incident, "lapsed", level, f"start:{oncall.clock_version}")
    elif line.grave(incident.severity):
        cause: PageCause = "opened" if oncall.begun_at is None else "reopened"
        yield _page(incident, cause, 1, f"start:{oncall.clock_version}")


def _raised(incident: Incident, line: Line, so_far: tuple[Trigger, ...]) -> Iterator[PageRequested]:
    """It is graver than anything that was paged: whoever was paged is told, or else the first in line."""
    severity = incident.severity
    if severity is None or not line.grave(severity):
        return
    levels = sorted({one.level for one in so_far})
    for level in levels or [1]:
        paged = worst(one.severity for one in so_far if one.level == level)
        if severity.worse_than(paged) and not (paged is None and levels):
            yield _page(
                incident, "raised", level, f"raised:{incident.oncall.begun_version}:{level}:{severity}"
            )


def _missed(incident: Incident) -> Iterator[str]:
    """The response deadlines that were missed since nobody has had it, in ISO 8601."""
    for told in incident.oncall.told:
        stage, _, at = told.partition(":")
        if stage == "missed" and datetime.fromisoformat(at) > incident.oncall.clock_from:
            yield at


def _worse_than_known(incident: Incident) -> bool:
    """It became graver than whoever has it knew at their latest sign, by another's word than theirs."""
    if worse_than_snoozed(incident):
        return True
    if incident.override is not None and incident.override.actor == incident.acknowledged_by:
        return False
    signed = incident.oncall.confirmed_at
    graded = incident.oncall.graded
    if signed is None or not graded or graded[-1].at <= signed:
        return False
    known = next((one.severity for one in reversed(graded) if one.at <= signed), None)
    return graded[-1].severity.worse_than(known)


def _beyond_reach(incident: Incident, one: Trigger, so_far: tuple[Trigger, ...]) -> bool:
    """Its pager did not take it, somebody still is to be woken, and nobody behind it in line was paged yet."""
    page = one.page
    assert page is not None
    if page.sent_at is not None or page.failed is None or page.dropped or unwanted(incident, page):
        return False
    return not any(other.level == one.level + 1 for other in so_far)


def _acknowledgements(incident: Incident, line: Line) -> tuple[PageRequested, ...]:
    """Somebody has it: each level that was triggered hears of it, but for the pager in which they said so."""
    owner, oncall = incident.acknowledged_by, incident.oncall
    if owner is None or incident.acknowledged_at is None:
        return ()
    latest = _latest(incident)
    said_in = [
        level
        for level in latest
        if level <= line.pagers
        and line.reports_as[level - 1]
        and owner.startswith(f"{line.reports_as[level - 1]}:")
    ]
    due: list[PageRequested] = []
    for level, one in latest.items():
        # Whoever asked a playbook for help has not answered it by their own next click.
        answered = (
            oncall.signed_version > one.version if one.page is not None else incident.acknowledged_at > one.at
        )
        if one.tried and answered and said_in != [level]:
            due.append(
                _page(incident, "acknowledged", level, f"acknowledge:{level}:{one.ref}", "acknowledge")
            )
    return tuple(due)


def _resolves(incident: Incident) -> tuple[PageRequested, ...]:
    """What was triggered before it was resolved is called off, also where it is open again since."""
    now = triggers(incident) if incident.open else ()
    over = {one.level: one for one in triggers_ever(incident) if one not in now}
    return tuple(
        _page(incident, "resolved", level, f"resolve:{level}:{one.ref}", "resolve")
        for level, one in over.items()
        if one.tried
    )


def _latest(incident: Incident) -> dict[int, Trigger]:
    """Each level that was triggered, with its latest trigger."""
    return {one.level: one for one in triggers(incident)}


def _page(
    incident: Incident, cause: PageCause, level: int, ref: str, action: PageAction = "trigger"
) -> PageRequested:
    return PageRequested(
        page=f"page:{incident.id}:{ref}",
        action=action,
        level=level,
        dedup=dedup_of(incident),
        cause=cause,
        severity=incident.severity,
        says=_says(incident, cause),
    )


def _says(incident: Incident, cause: PageCause) -> str:
    match cause:
        case "missed":
            why = "nobody has answered in time: "
        case "lapsed":
            why = "whoever had it gives no sign: "
        case "unreachable":
            why = "the one before you cannot be reached: "
        case "reopened":
            why = "it is back: "
        case "raised":
            why = "it is worse: "
        case "acknowledged":
            return f"{incident.acknowledged_by} has {incident.id}"
        case "resolved":
            return f"{incident.id} is resolved"
        case _:
            why = ""
    return f"{why}{summary(incident)}"
