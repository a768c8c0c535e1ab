"""An incident in sentences for somebody who comes to it later: how bad it is, what is on, what waits for whom. Pure.

No sentence names a person: they stand in a text field that somebody may still change, and in a post that pings nobody.
"""

from collections.abc import Iterator
from datetime import datetime, tzinfo

from bot.domain.gap import told as told_gaps
from bot.domain.heading import VERDICTS, symptom, told
from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.domain.telling import moment

_HOURS = 48
_DAYS = "days"


def standing(incident: Incident, zone: tzinfo, *, now: datetime) -> tuple[str, ...]:
    """How it stands: severity, what was found, what is on, what is missing, who was woken, what waits."""
    return (
        f"{how_bad(incident)}.",
        *_fault(incident),
        *_opinion(incident),
        *switched_on(incident, zone, now=now),
        *missing(incident, zone),
        *_pages(incident, zone, now),
        *waiting(incident),
    )


def held(incident: Incident, zone: tzinfo, *, now: datetime) -> tuple[str, ...]:
    """What is on, open or waiting: what the next one has to take over."""
    return (*switched_on(incident, zone, now=now), *missing(incident, zone), *waiting(incident))


def how_bad(incident: Incident) -> str:
    """Severity and what is wrong, without a full stop."""
    severity = str(incident.severity) if incident.severity else "No severity yet"
    return f"{severity}: {symptom(incident)}"


def switched_on(incident: Incident, zone: tzinfo, *, now: datetime) -> Iterator[str]:
    """Each mitigation that is on, and until when."""
    for lease in incident.leases:
        until = (
            f"until {moment(lease.expires_at, zone, beside=now)}"
            if lease.expires_at
            else "until somebody takes it back"
        )
        yield f"On: {lease.says} ({lease.playbook}), {until}."


def missing(incident: Incident, zone: tzinfo) -> Iterator[str]:
    """The data that may be missing."""
    if incident.gaps:
        yield f"Data may be missing: {told_gaps(incident.gaps, zone)}. What can fill it: /mx gap"


def waiting(incident: Incident) -> Iterator[str]:
    """Runs that go on, or that wait for somebody."""
    for run in incident.runs:
        if run.unapproved:
            yield f"{run.playbook} waits for a second person: /mx approve"
        elif run.held is not None and run.plan:
            yield f"{run.playbook} waits for a go: {run.plan.steps[run.held].ask}"
        elif run.live:
            yield f"{run.playbook} is under way."
        elif (index := stuck(incident, run)) is not None:
            yield f"{run.playbook} stopped at step {index + 1}: {ways_on(run)}."


def ways_on(run: Run) -> str:
    """What may be done about a run that stopped at a step."""
    return "try it again, pass it over with a reason" + (", or take it back" if run.to_undo else "")


def stuck(incident: Incident, run: Run) -> int | None:
    """The step at which the run may be taken up again: not once it was taken back, or run anew."""
    later = any(
        (other.undoes == run.id and other.mode == "undo")
        or (other.playbook == run.playbook and other.requested_at > run.requested_at)
        for other in incident.runs
    )
    return None if later else run.stuck


def age(incident: Incident, *, now: datetime) -> str:
    """For how long it has been open, in whole hours or days, rounded down: "3 hours", "2 days"."""
    hours = int((now - incident.opened_at).total_seconds() // 3600)
    if hours < 1:
        return "less than an hour"
    count, unit = (hours, "hours") if hours < _HOURS else (hours // 24, _DAYS)
    return f"{count} {unit if count > 1 else unit[:-1]}"


def _fault(incident: Incident) -> Iterator[str]:
    found = told(incident)
    if found and found.findings:
        yield f"{VERDICTS[found.verdict]}. Likely cause: {found.findings[0].cause}"


def _opinion(incident: Incident) -> Iterator[str]:
    """Where a person and mx are not of one mind, and whether recovery is proved."""
    if incident.override is not None:
        yield f"The severity was set by a person: {incident.override.reason}"
    if incident.recovery is not None:
        yield f"{incident.recovery.fact.says.rstrip('.')}."
    elif incident.healthy_now:
        yield "Every probe answers well again; recovery is not proved yet: /mx verify"
    elif incident.proposed:
        yield f"mx sees {incident.proposed} now."


def _pages(incident: Incident, zone: tzinfo, now: datetime) -> Iterator[str]:
    sent = [
        page.sent_at for page in incident.oncall.pages if page.request.action == "trigger" and page.sent_at
    ]
    if sent:
        times = "Somebody was paged" if len(sent) == 1 else f"Paged {len(sent)} times, the last"
        yield f"{times} at {moment(max(sent), zone, beside=now)}."
    if waits := len([page for page in incident.oncall.waiting if page.request.action == "trigger"]):
        yield f"{waits} page{'s' if waits > 1 else ''} could not be sent yet."
