"""What stands over an incident wherever it is shown: its title, whose fault it is, and what it was found to be. Pure."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.assessment import Assessment, Finding, Verdict
from bot.domain.incident import Incident

VERDICTS: Mapping[Verdict, str] = {
    "maintainx": "The fault is on MaintainX's side",
    "us": "The fault is on our side",
    "key": "The fault is our API key",
    "network": "The fault is in the network between us",
    "nobody": "Nobody's fault",
}


def title(incident: Incident) -> str:
    """Severity and what is wrong, in one line of plain text."""
    severity = str(incident.severity) if incident.severity else "no severity"
    return " · ".join(([] if incident.state == "open" else ["Resolved"]) + [severity, symptom(incident)])


def symptom(incident: Incident) -> str:
    """What is wrong, in one line of plain text."""
    found = findings(incident)
    return found[0].symptom if found else "every probe answers well again"


def told(incident: Incident) -> Assessment | None:
    """The latest assessment; where it is over, the latest that found something: what it had been."""
    bad = [found for _, found in incident.assessments if found.findings]
    return bad[-1] if bad and not incident.open else incident.assessment


def findings(incident: Incident) -> tuple[Finding, ...]:
    """What was found, the worst first."""
    found = told(incident)
    return found.findings if found else ()


def seen_since(incident: Incident) -> datetime:
    """Since when mx has been of its present opinion, whatever a person set; only where it was assessed."""
    opinion = incident.assessments[-1].assessment.severity
    since = incident.assessments[-1].assessment.at
    for _, found in reversed(incident.assessments):
        if found.severity != opinion:
            break
        since = found.at
    return since
