"""The fold: an incident after each of its facts, one at a time. Pure."""

from collections.abc import Iterable
from typing import assert_never

from bot.domain.asked import unanswered
from bot.domain.changed import changed, put_right
from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import (
    Acknowledged,
    Assessed,
    Event,
    GatewayReported,
    IncidentOpened,
    LeaseEnded,
    NoteAdded,
    Redacted,
    Reopened,
    Resolved,
    RunFinished,
    RunPlanned,
    RunRequested,
    SeveritySet,
    StepFinished,
    StepStarted,
    TriageFinished,
    TriageRequested,
)
from bot.domain.gap import after as gaps_after
from bot.domain.incident import AssessedAt, Card, Incident, Note, Override
from bot.domain.notebook import AnyNotebook, HandedOver
from bot.domain.notebook_state import after as notebook_after
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    PageFailed,
    PageOverdue,
    PageRequested,
    PagerReported,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.domain.oncall_state import OnCall, acknowledged, begun_anew, mitigated, regraded, signed
from bot.domain.oncall_state import after as oncall_after
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided, answered, ordered
from bot.domain.run import Run, RunFact, advanced, stopped
from bot.domain.seen import after as seen_after
from bot.domain.showing import CardPosted, DeliveryFailed, ReportPosted, ReportRequested
from bot.domain.steering import (
    LeaseReminded,
    RunApproved,
    RunDeclined,
    RunResumed,
    RunsStopped,
    StepReleased,
)
from bot.domain.watched import filled, watched
from bot.domain.watching import (
    GapsAccepted,
    GapsOpened,
    RecoveryChecked,
    VendorReported,
    VerifyRequested,
    WatchMoved,
)


def replay(events: Iterable[Event]) -> Incident:
    """The incident after all its events, which begin with its opening."""
    incident: Incident | None = None
    for event in events:
        incident = evolve(incident, event)
    if incident is None:
        raise ValueError("an incident without a single fact")
    return incident


def evolve(incident: Incident | None, event: Event) -> Incident:
    """The incident after one more event; None is the incident before its first."""
    if incident is None:
        return _opened(event)
    now = _after(incident, event, event.version)
    if event.actor == now.acknowledged_by and now.acknowledged_at is not None:
        put = changed if now is incident else put_right
        now = put(now, oncall=signed(now.oncall, event))
    return now


def _opened(event: Event) -> Incident:
    fact = event.fact
    if not isinstance(fact, IncidentOpened):
        raise ValueError(f"{event.stream} begins with {fact.kind}: an incident begins with its opening")
    return Incident(
        id=event.stream,
        integration=fact.integration,
        version=event.version,
        channel=fact.channel,
        opened_at=event.at,
        opened_by=event.actor,
        requested_at=fact.requested_at,
        requested_by=fact.requested_by,
        found_by=fact.found_by,
        failing_since=fact.failing_since,
        drill=fact.drill,
        oncall=OnCall(clock_from=event.at),
    )


def _after(was: Incident, event: Event, version: int) -> Incident:  # noqa: C901, PLR0911, PLR0912 - one case per kind of fact, and the type checker sees that none is missing
    fact = event.fact
    match fact:
        case TriageRequested():
            # What the monitor found without a channel of its own is shown where somebody asks for it.
            channel = was.channel or fact.address.channel
            pending = (*was.triages_pending, event)
            return changed(was, version=version, channel=channel, triages_pending=pending)
        case TriageFinished():
            return changed(
                was, version=version, triages_pending=unanswered(was.triages_pending, fact.request)
            )
        case Assessed():
            return _assessed(was, AssessedAt(event.at, fact.assessment), version)
        case Acknowledged():
            return _taken(was, event, event.actor, version)
        case SeveritySet():
            override = Override(fact.severity, fact.reason, event.actor)
            graded = regraded(was.oncall, event.at, fact.severity)
            return changed(was, version=version, override=override, oncall=graded)
        case Snoozed():
            quiet = changed(was, oncall=oncall_after(was.oncall, event, fact))
            return _taken(quiet, event, event.actor, version)
        case AckLapsed():
            lapsed = oncall_after(was.oncall, event, fact)
            return changed(was, version=version, oncall=lapsed, acknowledged_by=None, acknowledged_at=None)
        case (
            PageRequested()
            | PageSent()
            | PageFailed()
            | PagerReported()
            | PageOverdue()
            | ResponseReminded()
            | AckReminded()
            | SnoozeEnded()
        ):
            return changed(was, version=version, oncall=oncall_after(was.oncall, event, fact))
        case (
            WatchMoved()
            | VendorReported()
            | GapsOpened()
            | GapsAccepted()
            | VerifyRequested()
            | RecoveryChecked()
        ):
            return watched(was, event, fact, version)
        case NoteAdded():
            note = Note(event.version, event.at, event.actor, fact.text)
            return changed(was, version=version, notes=(*was.notes, note))
        case RunRequested():
            return changed(was, version=version, runs=(*was.runs, _requested(event, fact)))
        case RunFinished():
            done = fact.outcome == "done" and any(r.id == fact.run and r.mode == "apply" for r in was.runs)
            oncall = mitigated(was.oncall, event) if done else was.oncall
            return changed(was, version=version, runs=_advanced(was, event, fact), oncall=oncall)
        case RunPlanned() | StepStarted() | RunApproved() | RunDeclined() | RunResumed() | StepReleased():
            return changed(was, version=version, runs=_advanced(was, event, fact))
        case RunsStopped():
            return changed(was, version=version, runs=stopped(was.runs, fact, actor=event.actor))
        case LeaseReminded():
            return changed(was, version=version, reminded=was.reminded | {(fact.lease, fact.expires_at)})
        case StepFinished():
            leases = tuple(on for on in was.leases if on.id != fact.ended)
            if fact.started is not None:
                leases = (*(on for on in leases if on.id != fact.started.id), fact.started)
            return changed(
                was,
                version=version,
                runs=_advanced(was, event, fact),
                leases=leases,
                oncall=mitigated(was.oncall, event) if fact.started is not None else was.oncall,
                gaps=gaps_after(was.gaps, fact.noted, fact.settled),
                gap_ends=(*was.gap_ends, *fact.settled),
                closed_gaps=(*was.closed_gaps, *filled(was.gaps, event, fact.settled)),
            )
        case LeaseEnded():
            return changed(was, version=version, leases=tuple(on for on in was.leases if on.id != fact.lease))
        case ReplayAsked() | WriteDecided():
            return changed(
                was, version=version, orders=(*was.orders, ordered(fact, actor=event.actor, at=event.at))
            )
        case GatewayAnswered():
            return changed(was, version=version, orders=answered(was.orders, fact))
        case Resolved():
            return changed(
                was,
                version=version,
                state="resolved",
                resolved_at=event.at,
                resolved_by=event.actor,
                resolved_reason=fact.reason,
                accepted=fact.accepted,
                oncall=changed(
                    was.oncall,
                    snooze=None,
                    first_resolved_at=was.oncall.first_resolved_at or event.at,
                ),
            )
        case Reopened():
            return changed(
                was,
                version=version,
                state="open",
                resolved_at=None,
                resolved_by=None,
                resolved_reason="",
                accepted=(),
                recovery=None,
                acknowledged_by=None,
                acknowledged_at=None,
                oncall=begun_anew(was.oncall, event),
            )
        case Redacted():
            return changed(was, version=version, redacted=was.redacted | {fact.version})
        case ReportRequested():
            return changed(was, version=version, reports_pending=(*was.reports_pending, event))
        case ReportPosted():
            pending = unanswered(was.reports_pending, fact.request)
            posted = fact if fact.message is not None else was.report
            return changed(was, version=version, reports_pending=pending, report=posted, delivery_failed=None)
        case CardPosted():
            return changed(was, version=version, card=Card(fact.channel, fact.message), delivery_failed=None)
        case DeliveryFailed():
            return changed(was, version=version, delivery_failed=fact)
        case HandedOver():
            given = changed(was, notebook=notebook_after(was.notebook, event, fact))
            return _taken(given, event, fact.to, version)
        case _ if isinstance(fact, AnyNotebook):
            return changed(was, version=version, notebook=notebook_after(was.notebook, event, fact))
        case IncidentOpened() | GatewayReported() | DrillRequested() | DrillStarted() | DrillFinished():
            # A second opening changes nothing; the rest is for the timeline alone.
            return changed(was, version=version)
        case _:
            assert_never(fact)


def _assessed(was: Incident, latest: AssessedAt, version: int) -> Incident:
    found = latest.assessment.severity
    earlier = was.assessments
    if earlier and earlier[-1].assessment.readings:
        slim = earlier[-1].assessment.model_copy(update={"readings": ()})
        earlier = (*earlier[:-1], AssessedAt(earlier[-1].at, slim))
    worst = found if found is not None and found.worse_than(was.worst) else was.worst
    graded = regraded(was.oncall, latest.at, worst) if was.override is None else was.oncall
    return changed(
        was,
        version=version,
        assessments=(*earlier, latest),
        seen=seen_after(was.seen, latest.assessment),
        worst=worst,
        oncall=graded,
    )


def _taken(was: Incident, event: Event, who: str, version: int) -> Incident:
    since = was.acknowledged_at if was.acknowledged_by == who else event.at
    oncall = acknowledged(was.oncall, event)
    return changed(was, version=version, acknowledged_by=who, acknowledged_at=since, oncall=oncall)


def _requested(event: Event, fact: RunRequested) -> Run:
    return Run(
        id=fact.run,
        playbook=fact.playbook,
        mode=fact.mode,
        undoes=fact.undoes,
        requested_by=event.actor,
        requested_at=event.at,
        address=fact.address,
        params=fact.params,
        ticket=fact.ticket,
        second_person=fact.second_person,
    )


def _advanced(was: Incident, event: Event, fact: RunFact) -> tuple[Run, ...]:
    return tuple(
        advanced(run, fact, actor=event.actor, at=event.at) if run.id == fact.run else run for run in was.runs
    )
