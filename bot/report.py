"""The incident report: the history of an incident as facts for a template, then Markdown.

Everything in it comes from the timeline; what the timeline cannot know is a blank, marked for a person to fill.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.domain import events as e
from bot.domain.assessment import Assessment, Finding
from bot.domain.chain import Head
from bot.domain.incident import Incident
from bot.domain.readings import TrafficDetail
from bot.domain.run import Run
from bot.domain.showing import CardPosted, ReportPosted, ReportRequested
from bot.domain.words import sentence
from bot.report_actions import Action, actions
from bot.report_buffer import delivered
from bot.report_gaps import gaps
from bot.report_words import blank, clock_time, duration, spans
from bot.templating import Templates, Written

Names = Callable[[str], str]

_EVIDENCE = 3
"""Lines of evidence for each cause; the assessment on the timeline holds them all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report's timeline; ``day`` is set where a new day begins."""

    day: str | None
    time: str
    text: str
    who: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the template prints. Texts are plain; the template's environment escapes them."""

    incident: str
    integration: str
    state: str
    date: str
    zone: str
    severity: str
    severity_history: tuple[str, ...]
    duration: str
    acknowledged: str
    impact: tuple[str, ...]
    impact_blank: Written
    gaps: tuple[str, ...]
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


def facts_for(
    incident: Incident,
    history: Sequence[e.Event],
    *,
    head: Head,
    zone: tzinfo,
    now: datetime,
    names: Names,
) -> Report:
    """Everything the report says, from an incident's history (redacted texts are hidden in it already).

    Args:
        incident: the fold of ``history``.
        history: every event of the incident, in order.
        head: the timeline's last fact, printed so that a cut tail shows.
        zone: the zone of every time that is printed.
        now: when the report is made; an open incident lasts until then.
        names: a person's name for an actor such as ``slack:U123``.
    """
    began = incident.requested_at or incident.opened_at
    assessed = [event.fact.assessment for event in history if isinstance(event.fact, e.Assessed)]
    return Report(
        incident=incident.id,
        integration=incident.integration,
        state="resolved" if incident.resolved_at else "open",
        date=f"{began.astimezone(zone):%Y-%m-%d}",
        zone=began.astimezone(zone).tzname() or str(zone),
        severity=str(incident.severity) if incident.severity else "not assessed",
        severity_history=tuple(_severities(history, zone=zone, names=names)),
        duration=duration(began, incident.resolved_at, now=now),
        acknowledged=_acknowledged(incident, assessed, zone=zone, names=names),
        impact=tuple(_impact(assessed)),
        impact_blank=blank("what was affected, for whom and for how long, in the words of the business"),
        gaps=tuple(gaps(incident, zone=zone, names=names)),
        timeline=tuple(_timeline(history, zone=zone, names=names)),
        causes=tuple(_causes(assessed)),
        cause_blank=blank("the technical explanation, confirmed by a person"),
        resolution=(
            *_ran_all(incident, zone=zone, names=names),
            *delivered(history, zone=zone, names=names),
            *_resolved(incident, zone=zone, names=names),
        ),
        resolution_blank=blank("what was done outside mx to fix it"),
        accepted=incident.accepted,
        actions=actions(incident, history, zone=zone, names=names),
        blind_spots=tuple(dict.fromkeys(spot for found in assessed for spot in found.blind_spots)),
        head_seq=head.seq,
        head_hash=head.hash,
    )


def markdown(report: Report) -> str:
    """The report as Markdown, by ``templates/incident_report.md.j2``."""
    return Templates().render("incident_report.md.j2", report=report).text


def summary(report: Report) -> str:
    """The report in a few plain lines, for a message."""
    lines = [f"{report.severity}, {report.state}, {report.duration}.", *report.impact[:2]]
    lines += [f"Likely cause: {cause}" for cause in report.causes[:1]]
    lines += report.resolution[-2:]
    lines.append(f"{len(report.timeline)} lines of timeline, {len(report.actions)} action items.")
    return "\n".join(lines)


def _severities(history: Sequence[e.Event], *, zone: tzinfo, names: Names) -> Iterator[str]:
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


def _acknowledged(incident: Incident, assessed: Sequence[Assessment], *, zone: tzinfo, names: Names) -> str:
    due = next((found.response_due for found in assessed if found.response_due), None)
    by = f"due by {clock_time(due, zone)}" if due else "no response time was due"
    if incident.acknowledged_at is None:
        return f"by nobody ({by})"
    met = "" if due is None else ", met" if incident.acknowledged_at <= due else ", missed"
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


def _timeline(history: Sequence[e.Event], *, zone: tzinfo, names: Names) -> Iterator[Line]:
    day = None
    rows = sorted(_rows(history), key=lambda row: row[0])
    for at, text, actor in rows:
        local = at.astimezone(zone)
        date = f"{local:%Y-%m-%d}"
        yield Line(day=date if date != day else None, time=f"{local:%H:%M}", text=text, who=names(actor))
        day = date


def _rows(history: Sequence[e.Event]) -> Iterator[tuple[datetime, str, str]]:
    """What a reader wants of each fact; what only mx needs (a card was posted, a step began) is left out."""
    last: tuple[str, ...] | None = None
    for event in history:
        at, actor, fact = event.at, event.actor, event.fact
        match fact:
            case e.IncidentOpened():
                yield fact.requested_at or at, "Triage started", fact.requested_by or actor
                yield at, "Incident opened", actor
            case e.Assessed(assessment=found):
                rules = tuple(finding.rule for finding in found.findings)
                if rules != last:
                    yield at, _assessed(found, first=last is None), actor
                last = rules
            case e.StepFinished(started=lease, says=says) if lease is not None:
                yield at, f"Mitigation applied: {says}", actor
            case e.StepFinished(ended=lease, says=says) if lease is not None:
                yield at, f"Mitigation taken back: {says}", actor
            case e.StepFinished(outcome=outcome, says=says):
                yield at, f"Step {outcome}: {says}", actor
            case (
                e.TriageRequested()
                | e.TriageFinished()
                | e.RunPlanned()
                | e.StepStarted()
                | e.RunFinished()
                | CardPosted()
                | ReportRequested()
                | ReportPosted()
            ):
                pass
            case _:
                yield at, sentence(fact), actor


def _assessed(found: Assessment, *, first: bool) -> str:
    if not found.findings:
        return "Recovery seen: every probe answered well"
    causes = "; ".join(finding.symptom for finding in found.findings)
    return f"{'Likely cause identified' if first else 'Assessed anew'} ({found.severity}): {causes}"


def _ran_all(incident: Incident, *, zone: tzinfo, names: Names) -> Iterator[str]:
    for run in incident.runs:
        yield _ran(run, zone=zone, names=names)


def _resolved(incident: Incident, *, zone: tzinfo, names: Names) -> Iterator[str]:
    for lease in incident.leases:
        yield f"Still on: {lease.says}, since {clock_time(lease.since, zone)} by {names(lease.owner)}"
    if incident.resolved_at is not None:
        why = f": {incident.resolved_reason}" if incident.resolved_reason else ""
        yield f"Resolved at {clock_time(incident.resolved_at, zone)} by {names(incident.resolved_by or '')}{why}"


def _ran(run: Run, *, zone: tzinfo, names: Names) -> str:
    title = run.plan.title if run.plan else run.playbook
    who = f"{names(run.requested_by)} at {clock_time(run.requested_at, zone)}"
    steps = "; ".join(step.says for step in run.steps if step.says) or run.says
    return f"{title}, by {who}: {run.outcome or 'not finished'}" + (f". {steps}" if steps else "")
