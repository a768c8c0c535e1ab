"""What a page says: the line that wakes somebody, and the details behind it. Pure."""

from collections.abc import Mapping
from typing import Literal

from bot.domain.assessment import Assessment, Severity
from bot.domain.incident import Incident

PagerSeverity = Literal["critical", "error", "warning", "info"]

SEVERITIES: Mapping[Severity, PagerSeverity] = {
    Severity.SEV1: "critical",
    Severity.SEV2: "error",
    Severity.SEV3: "warning",
    Severity.SEV4: "info",
}
"""PagerDuty's words for ours."""

_MOST_FINDINGS = 5


def summary(incident: Incident) -> str:
    """How bad, whose integration, what: one line."""
    found = incident.assessment.findings if incident.assessment else ()
    severity = f"{incident.severity} " if incident.severity else ""
    symptom = found[0].symptom if found else "no finding says what it is"
    return f"{severity}MaintainX integration {incident.integration}: {symptom} ({incident.id})"


def details(incident: Incident, *, by: str) -> dict[str, str]:
    """What whoever is woken needs to know, by name; ``by``: who asked for the page."""
    taken = f"{incident.acknowledged_by} has it" if incident.acknowledged_by else "nobody has taken it yet"
    leases = "; ".join(f"{lease.says} (by {lease.owner})" for lease in incident.leases)
    told = {
        "paged by": by,
        "who has it": taken,
        **(_assessed(incident.assessment) if incident.assessment else {}),
        "switched on": leases or "nothing",
        "open since": f"{incident.opened_at:%Y-%m-%d %H:%M} UTC",
    }
    return {name: text for name, text in told.items() if text}


def _assessed(assessment: Assessment) -> dict[str, str]:
    found = {
        f"finding {number}": f"{one.symptom}. Cause: {one.cause}. Check: {one.check}"
        for number, one in enumerate(assessment.findings[:_MOST_FINDINGS], start=1)
    }
    return {
        "verdict": assessment.verdict,
        "assessed at": f"{assessment.at:%Y-%m-%d %H:%M} UTC",
        **found,
        "blind spots": "; ".join(assessment.blind_spots),
    }
