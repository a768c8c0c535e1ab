"""What is known of an incident, as its page shows it above the timeline: plain texts for the template. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.assessment import Finding
from bot.domain.change import told as told_change
from bot.domain.gap import told as told_gaps
from bot.domain.gap_begin import began
from bot.domain.heading import VERDICTS, findings, seen_since, symptom, told
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.proof import headline
from bot.domain.readings import Reading
from bot.domain.reminders import Duty
from bot.domain.run import Run, StepPhase
from bot.domain.watching import LineState, RecoveryLine
from bot.web.clockview import Clock, clocks
from bot.web.people import People
from bot.web.stamps import Stamp, Stamps

_PROOF: Mapping[LineState, str] = {
    "met": "met",
    "unmet": "not met",
    "no_traffic": "no traffic",
    "unknown": "not known",
}
_STEPS: Mapping[StepPhase, str] = {
    "waiting": "waits",
    "started": "under way",
    "done": "done",
    "failed": "failed",
    "interrupted": "interrupted",
    "inconclusive": "inconclusive",
    "skipped": "passed over",
}
_DOING = {"apply": "Playbook", "undo": "Undo of", "extend": "Keeping on"}


@dataclass(frozen=True, slots=True)
class On:
    """Something that is switched on."""

    says: str
    playbook: str
    owner: str
    since: Stamp
    until: Stamp | None
    kept: bool
    """mx lengthens it at its end and pages somebody."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run."""

    state: StepPhase
    word: str
    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A run, step by step."""

    title: str
    outcome: str
    who: str
    at: Stamp
    steps: tuple[Step, ...]
    waits: str
    says: str


@dataclass(frozen=True, slots=True)
class Check:
    """A line of the proof of recovery."""

    state: LineState
    word: str
    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether recovery is proved."""

    headline: str
    at: Stamp
    lines: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything above the timeline."""

    incident: str
    integration: str
    severity: str
    tone: str
    """``sev-1`` to ``sev-4`` or ``none``: how the severity is coloured."""
    open: bool
    drill: bool
    symptom: str
    verdict: str
    clocks: tuple[Clock, ...]
    remarks: tuple[str, ...]
    findings: tuple[Finding, ...]
    changes: tuple[str, ...]
    on: tuple[On, ...]
    runs: tuple[Ran, ...]
    gaps: tuple[str, ...]
    closed_gaps: tuple[str, ...]
    proof: Proof | None
    readings: tuple[Reading, ...]
    assessed: Stamp | None
    blind_spots: tuple[str, ...]
    accepted: tuple[str, ...]

    @property
    def title(self) -> str:
        """For the browser's tab: how it is, first."""
        state = self.severity if self.open else f"Resolved, {self.severity}"
        return f"{'Drill: ' if self.drill else ''}{state}: {self.symptom}"


def summary(incident: Incident, *, people: People, duty: Duty, stamps: Stamps) -> Summary:
    """The incident's page, less its timeline."""
    found = told(incident)
    latest = incident.assessment
    return Summary(
        incident=incident.id,
        integration=incident.integration,
        severity=str(incident.severity) if incident.severity else "No severity",
        tone=f"sev-{incident.severity.number}" if incident.severity else "none",
        open=incident.open,
        drill=incident.drill,
        symptom=symptom(incident),
        verdict=VERDICTS[found.verdict] if found and found.findings else "",
        clocks=tuple(clocks(incident, people=people, duty=duty, stamps=stamps)),
        remarks=tuple(_remarks(incident, people, stamps)),
        findings=findings(incident),
        changes=tuple(_changes(incident, stamps)),
        on=tuple(_on(lease, people, stamps) for lease in incident.leases),
        runs=tuple(_ran(run, people, stamps) for run in reversed(incident.runs)),
        gaps=tuple(told_gaps([gap], stamps.zone) for gap in incident.gaps),
        closed_gaps=tuple(
            f"{told_gaps([one.gap], stamps.zone)}: {one.how}"
            + (f" by {people.who(one.actor)}" if one.how == "accepted" else "")
            + (f" ({people.within(one.says)})" if one.says else "")
            for one in incident.closed_gaps
        ),
        proof=_proof(incident, people, stamps),
        readings=latest.readings if latest else (),
        assessed=stamps(latest.at) if latest else None,
        blind_spots=latest.blind_spots if latest else (),
        accepted=tuple(people.within(one) for one in incident.accepted),
    )


def _remarks(incident: Incident, people: People, stamps: Stamps) -> Iterator[str]:
    """What a person set, and what mx sees otherwise."""
    if (by := incident.override) is not None:
        yield f"{people.who(by.actor)} set {by.severity}: {people.within(by.reason)}"
    if not incident.open or incident.assessment is None:
        return
    if incident.healthy_now:
        yield f"Every probe answered well at {stamps.short(incident.assessment.at).text}."
    elif incident.proposed:
        since = stamps.short(seen_since(incident)).text
        number = incident.proposed.number
        yield f"mx sees {incident.proposed} since {since}. To set that: /mx severity {number} REASON"


def _changes(incident: Incident, stamps: Stamps) -> Iterator[str]:
    failed_at, _ = began(incident, incident.opened_at)
    for one in sorted(incident.changes, key=lambda change: change.at, reverse=True):
        yield told_change(one, failed_at=failed_at, zone=stamps.zone)


def _on(lease: Lease, people: People, stamps: Stamps) -> On:
    return On(
        says=lease.says,
        playbook=lease.playbook,
        owner=people.who(lease.owner),
        since=stamps.short(lease.since),
        until=stamps.short(lease.expires_at) if lease.expires_at else None,
        kept=lease.at_expiry == "keep",
    )


def _ran(run: Run, people: People, stamps: Stamps) -> Ran:
    steps: list[Step] = []
    for step in run.steps:
        planned = run.plan.steps[step.index] if run.plan and step.index < len(run.plan.steps) else None
        name = (planned.title or planned.kind) if planned else f"step {step.index + 1}"
        says = step.says or (planned.says if planned else "")
        steps.append(Step(step.state, _STEPS[step.state], name, people.within(says)))
    return Ran(
        title=f"{_DOING[run.mode]} {run.playbook}",
        outcome=run.outcome or "running",
        who=people.who(run.requested_by)
        + (f", approved by {people.who(run.approved_by)}" if run.approved_by else ""),
        at=stamps.short(run.requested_at),
        steps=tuple(steps),
        waits=_waits(run),
        says="" if any(step.says for step in steps) else people.within(run.says),
    )


def _waits(run: Run) -> str:
    if run.unapproved:
        return "Waits for a second person: /mx approve"
    if run.held is not None and run.plan is not None:
        return f"Waits for a go: {run.plan.steps[run.held].ask}"
    return f"Step {run.stuck + 1} stopped it" if run.stuck is not None else ""


def _proof(incident: Incident, people: People, stamps: Stamps) -> Proof | None:
    if incident.recovery is None:
        return None
    at, fact = incident.recovery
    return Proof(headline(fact.lines), stamps(at), tuple(_check(one, people) for one in fact.lines))


def _check(one: RecoveryLine, people: People) -> Check:
    return Check(one.state, _PROOF[one.state], one.name, people.within(one.says))
