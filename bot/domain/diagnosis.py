"""From readings to an assessment: severity, whose fault it is, why, and by when somebody must answer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from bot.domain.assessment import Assessment, Finding
from bot.domain.calendar import Calendar, response_due
from bot.domain.case import Case
from bot.domain.change import Change, recent
from bot.domain.integration import Integration
from bot.domain.readings import Reading, Sample, Status
from bot.domain.rules import RULES
from bot.domain.service_words import named
from bot.domain.severity import process_down, severity_of

PLAYBOOKS: Mapping[str, tuple[str, ...]] = {
    "rate-limited": ("rate-limited",),
    "key-rejected": ("api-key-rejected", "api-key-from-store"),
    "service-down": ("service-down",),
    "sync-gap": ("sync-gap",),
    "platform-outage": ("platform-outage",),
    "intermittent-errors": ("intermittent-errors",),
    "webhook-delivery": ("webhook-failure",),
    "path-changed": ("path-changed",),
}
"""Which playbooks fit which rule, the best first. A playbook that does not ship yet is not named."""


def diagnose(
    integration: Integration,
    readings: Sequence[Reading],
    *,
    at: datetime,
    calendar: Calendar,
    changes: Iterable[Change] = (),
) -> Assessment:
    """Every rule over the readings; worst finding first, and its verdict is the assessment's. Never raises."""
    case = Case(integration, tuple(readings), at, recent(changes, at))
    found = [finding for rule in RULES if (finding := rule(case)) is not None]
    found.sort(key=lambda finding: finding.severity.number)  # stable: the rules' order decides between equals
    findings = tuple(_with_playbooks(finding) for finding in found)
    severity = severity_of(case)
    return Assessment(
        integration=integration.name,
        at=at,
        severity=severity,
        verdict=findings[0].verdict if findings else "nobody",
        response_due=None if severity is None else response_due(severity, at, calendar=calendar),
        findings=findings,
        readings=case.readings,
        blind_spots=blind_spots(case),
        playbooks=tuple(dict.fromkeys(name for finding in findings for name in finding.playbooks)),
        answered=tuple(one.path for one in case.endpoints if one.came),
        unanswered=tuple(one.path for one in case.endpoints if not one.came and not one.limited_only),
        limited=tuple(one.path for one in case.endpoints if not one.came and one.limited_only),
    )


def blind_spots(case: Case) -> tuple[str, ...]:
    """What could not be asked, and what an answer does not prove, in sentences."""
    spots = [
        f"{reading.target}: {reading.says}" for reading in case.readings if reading.status is Status.UNKNOWN
    ]
    if not any(reading.probe == "api" for reading in case.readings):
        spots.append("no endpoint of the API was asked, so whether it works is not known")
    elif case.endpoints and all(_asked_once(endpoint.samples) for endpoint in case.endpoints):
        spots.append(
            "each endpoint was asked once: a fault that comes and goes can be missed (ask with 3 samples)"
        )
    service, traffic = case.service, case.traffic
    if service is not None and service.cannot_fail:
        spots.append(
            "the service's /health names no checks: it says the same whether its work gets done or not; "
            "let it report its checks of the API, the key and the sync"
        )
    if case.host is not None and not case.host.running and not process_down(case):
        spots.append(
            f"{named(case.host)} does not run, and yet /health is answered: another process answers there, or "
            "service_container or service_unit names another one than the service's"
        )
    if traffic is not None and traffic.total == 0:
        spots.append(
            "nothing passed the gateway in the last hour: mx can neither see nor slow down the integration's requests; "
            "set the integration's MaintainX base URL to the gateway's address"
        )
    return tuple(spots)


def _asked_once(samples: tuple[Sample, ...]) -> bool:
    """Only one try, and not because a 429 forbade the next."""
    return len(samples) <= 1 and not any(sample.code == HTTPStatus.TOO_MANY_REQUESTS for sample in samples)


def _with_playbooks(finding: Finding) -> Finding:
    return finding.model_copy(update={"playbooks": PLAYBOOKS.get(finding.rule, ())})
