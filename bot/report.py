"""The incident report: the history of an incident as facts for a template.

Everything in it comes from the timeline and from what the gateway and the probes counted; what cannot be known is a
blank, marked for a person to fill.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain import events as e
from bot.domain.assessment import Assessment, Finding
from bot.domain.calendar import Calendar
from bot.domain.chain import Head
from bot.domain.incident import Incident
from bot.domain.readings import TrafficDetail
from bot.domain.run import Run
from bot.domain.swimlane import Swimlane, assessed, began, stretches
from bot.report_actions import Action, actions
from bot.report_buffer import delivered
from bot.report_gaps import gaps
from bot.report_lines import Line, lines
from bot.report_milestones import Clock, Milestone, clocks, milestones, pages
from bot.report_numbers import Figure, figures
from bot.report_parts import KeptLine, Switched, Took, kept, switched, took_part
from bot.report_words import blank, clock_time, duration, spans
from bot.templating import Templates, Written

Names = Callable[[str], str]

DRILL = "DRILL: this was made up to train with"
_UNKNOWN = "not assessed"
_EVIDENCE = 3
"""Lines of evidence for each cause; the assessment on the timeline holds them all."""
_RESOLUTION = 4
"""Steps of the resolution that a summary shows: a mitigation, its undo, and the end are among them."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the template prints. Texts are plain; the template's environment escapes them."""

    incident: str
    integration: str
    drill: str
    """Says that it was a drill; empty where it was none."""
    state: str
    date: str
    zone: str
    severity: str
    worst: str
    """The gravest that it was, whatever it was at its end."""
    severity_history: tuple[str, ...]
    duration: str
    acknowledged: str
    impact: tuple[str, ...]
    impact_blank: Written
    figures: tuple[Figure, ...]
    gaps: tuple[str, ...]
    milestones: tuple[Milestone, ...]
    clocks: tuple[Clock, ...]
    pages: tuple[str, ...]
    on: tuple[Switched, ...]
    people: tuple[Took, ...]
    kept: tuple[KeptLine, ...]
    timeline: tuple[Line, ...]
    causes: tuple[str, ...]
    cause_blank: Written
    resolution: tuple[str, ...]
    resolution_blank: Written
    accepted: tuple[str, ...]
    actions: tuple[Action, ...]
    blind_spots: tuple[str, ...]
    head_seq: int
    head_hash: str
    version: int
    """Of the incident: up to which of its facts this tells."""
    made_at: datetime

    @property
    def graded(self) -> str:
        """The severity; where it was graver than at its end, that too: ``SEV-3 (SEV-1 at its worst)``."""
        more = f" ({self.worst} at its worst)" if self.worst != self.severity else ""
        return self.severity + more


def facts_for(
    incident: Incident,
    history: Sequence[e.Event],
    *,
    head: Head,
    zone: ZoneInfo,
    now: datetime,
    names: Names,
    calendar: Calendar | None = None,
    lane: Swimlane | None = None,
) -> Report:
    """Everything the report says, from an incident's history (redacted texts are hidden in it already).

    Args:
        incident: the fold of ``history``.
        history: every event of the incident, in order.
        head: the timeline's last fact, printed so that a cut tail shows.
        zone: the zone of every time that is printed.
        now: when the report is made; an open incident lasts until then.
        names: a person's name for an actor such as ``slack:U123``.
        calendar: the team's business days, for the response clocks.
        lane: what is kept of the probes and the gateway's traffic; None where that is not known.
    """
    start = began(incident)
    calendar = calendar or Calendar(zone)
    judged = clocks(incident, history, calendar=calendar, now=now, names=names)
    found = [event.fact.assessment for event in history if isinstance(event.fact, e.Assessed)]
    seen = (
        lane.stretches
        if lane and lane.stretches
        else stretches(assessed(history), until=incident.resolved_at or now)
    )
    return Report(
        incident=incident.id,
        integration=incident.integration,
        drill=DRILL if incident.drill else "",
        state="resolved" if incident.resolved_at else "open",
        date=f"{start.astimezone(zone):%Y-%m-%d}",
        zone=start.astimezone(zone).tzname() or str(zone),
        severity=str(incident.severity or _UNKNOWN),
        worst=_worst(incident),
        severity_history=tuple(_severities(history, zone=zone, names=names)),
        duration=duration(start, incident.resolved_at, now=now),
        acknowledged=_acknowledged(incident, judged, zone=zone, names=names),
        impact=tuple(_impact(found)),
        impact_blank=blank("what was affected, for whom and for how long, in the words of the business"),
        figures=figures(incident, lane, seen, zone=zone, now=now),
        gaps=tuple(gaps(incident, zone=zone, names=names)),
        milestones=milestones(incident, history, zone=zone, names=names),
        clocks=judged,
        pages=tuple(pages(history, zone=zone)),
        on=tuple(switched(history, zone=zone, now=now, names=names)),
        people=tuple(took_part(history, zone=zone, names=names)),
        kept=tuple(kept(incident, zone=zone, names=names)),
        timeline=tuple(lines(history, zone=zone, names=names)),
        causes=tuple(_causes(found)),
        cause_blank=blank("the technical explanation, confirmed by a person"),
        resolution=(
            *_ran_all(incident, zone=zone, names=names),
            *delivered(history, zone=zone, names=names),
            *_resolved(incident, zone=zone, names=names),
        ),
        resolution_blank=blank("what was done outside mx to fix it"),
        accepted=incident.accepted,
        actions=actions(incident, history, zone=zone, names=names, calendar=calendar, now=now),
        blind_spots=tuple(dict.fromkeys(spot for one in found for spot in one.blind_spots)),
        head_seq=head.seq,
        head_hash=head.hash,
        version=incident.version,
        made_at=now,
    )


def markdown(report: Report) -> str:
    """The report as Markdown, by the shipped template."""
    return Templates().render("incident_report.md.j2", report=report).text


def summary(report: Report) -> str:
    """The report in a few plain lines, for a message."""
    texts = [report.drill] if report.drill else []
    texts += [f"{report.graded}, {report.state}, {report.duration}.", *report.impact[:2]]
    texts += [f"{one.label}: {one.shown} ({one.how})" for one in report.figures if one.amount and _told(one)][
        :3
    ]
    texts += [one.says for one in report.clocks if one.met is False][:1]
    texts += [f"Likely cause: {cause}" for cause in report.causes[:1]]
    if len(report.resolution) > _RESOLUTION:
        texts.append(
            f"{len(report.resolution) - _RESOLUTION} earlier steps of its resolution are in the report."
        )
    texts += report.resolution[-_RESOLUTION:]
    todo = sum(not one.done and not one.is_blank for one in report.actions)
    items = "1 action item" if todo == 1 else f"{todo} action items"
    texts.append(f"{len(report.timeline)} lines of timeline, {items} to do.")
    return "\n".join(texts)


def _told(one: Figure) -> bool:
    """Whether a summary has it: how long each endpoint failed is for the report."""
    return not one.name.startswith("minutes_failing:")


def _worst(incident: Incident) -> str:
    found = [one.severity for one in incident.oncall.graded]
    return str(min(found, key=lambda one: one.number, default=incident.severity or _UNKNOWN))


def _severities(history: Sequence[e.Event], *, zone: ZoneInfo, names: Names) -> Iterator[str]:
    worst = None
    for event in history:
        at = clock_time(event.at, zone)
        match event.fact:
            case e.Assessed(assessment=Assessment(severity=found)) if found and found.worse_than(worst):
                worst = found
                yield f"{at} {found}, assessed by mx"
            case e.SeveritySet(severity=severity, reason=reason):
                yield f"{at} {severity}, set by {names(event.actor)}: {reason}"
            case _:
                pass


def _acknowledged(incident: Incident, judged: Sequence[Clock], *, zone: ZoneInfo, names: Names) -> str:
    first = judged[0] if judged else None
    by = f"due by {clock_time(first.due, zone)}" if first else "no response time was due"
    if incident.acknowledged_at is None:
        return f"by nobody ({by})"
    met = "" if first is None else ", met" if first.met else ", missed"
    who = names(incident.acknowledged_by or "")
    return f"by {who} at {clock_time(incident.acknowledged_at, zone)} ({by}{met})"


def _impact(assessed: Sequence[Assessment]) -> Iterator[str]:
    for finding in _findings(assessed):
        yield f"{finding.symptom} ({finding.severity})"
    traffic = [
        reading.detail
        for found in assessed
        for reading in found.readings
        if isinstance(reading.detail, TrafficDetail) and reading.detail.total
    ]
    if traffic:
        worst = max(traffic, key=lambda one: one.by_status.get("429", 0))
        counts = ", ".join(f"{count} times {status}" for status, count in sorted(worst.by_status.items()))
        yield f"Through the gateway, {spans(worst.window_s)} before a triage: {worst.total} requests ({counts})"


def _findings(assessed: Sequence[Assessment]) -> list[Finding]:
    """One finding for each rule, the first that was made."""
    found: dict[str, Finding] = {}
    for assessment in assessed:
        for finding in assessment.findings:
            found.setdefault(finding.rule, finding)
    return list(found.values())


def _causes(assessed: Sequence[Assessment]) -> Iterator[str]:
    for finding in _findings(assessed):
        evidence = "; ".join(finding.evidence[:_EVIDENCE])
        yield finding.cause + (f" (evidence: {evidence})" if evidence else "")


def _ran_all(incident: Incident, *, zone: ZoneInfo, names: Names) -> Iterator[str]:
    for run in incident.runs:
        yield _ran(run, zone=zone, names=names)


def _resolved(incident: Incident, *, zone: ZoneInfo, names: Names) -> Iterator[str]:
    for lease in incident.leases:
        yield f"Still on: {lease.says}, since {clock_time(lease.since, zone)} by {names(lease.owner)}"
    if incident.resolved_at is not None:
        why = f": {incident.resolved_reason}" if incident.resolved_reason else ""
        yield f"Resolved at {clock_time(incident.resolved_at, zone)} by {names(incident.resolved_by or '')}{why}"


def _ran(run: Run, *, zone: ZoneInfo, names: Names) -> str:
    title = run.plan.title if run.plan else run.playbook
    who = f"{names(run.requested_by)} at {clock_time(run.requested_at, zone)}"
    steps = "; ".join(step.says for step in run.steps if step.says) or run.says
    return f"{title}, by {who}: {run.outcome or 'not finished'}" + (f". {steps}" if steps else "")
