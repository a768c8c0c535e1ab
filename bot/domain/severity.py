"""How bad it is, as a function of the readings alone; worse readings never make it milder."""

from collections.abc import Iterable

from bot.domain.assessment import Severity
from bot.domain.case import Case, Endpoint, limited
from bot.domain.readings import Reading, ServiceDetail, Status

_OTHERS_FOR_SEV2 = 2


def severity_of(case: Case) -> Severity | None:
    """The severity of everything that was read; None where nothing is wrong.

    SEV-1: no critical endpoint works, for any cause but the rate limit, or the service is down. SEV-2: a critical
    endpoint fails in part, two or more others fail, any 429, or the service is degraded. SEV-3: only slow. SEV-4:
    one other endpoint fails, or the key is odd while it still works.
    """
    found: list[Severity | None] = [endpoint_severity(case, endpoint) for endpoint in case.endpoints]
    found += [reading_severity(reading) for reading in case.readings]
    found.append(Severity.SEV1 if process_down(case) else None)
    return worst(found)


def endpoint_severity(case: Case, endpoint: Endpoint) -> Severity | None:
    """How bad one endpoint's state is, seen beside all the others."""
    if endpoint.status is Status.SLOW:
        return Severity.SEV3
    if not endpoint.failing:
        return None
    if endpoint.critical and endpoint.broken and no_critical_works(case):
        return Severity.SEV1
    others = [other for other in case.endpoints if other.failing and not other.critical]
    if endpoint.critical or endpoint.any(limited) or len(others) >= _OTHERS_FOR_SEV2:
        return Severity.SEV2
    return Severity.SEV4


def no_critical_works(case: Case) -> bool:
    """Every critical endpoint that was asked fails."""
    critical = [endpoint for endpoint in case.endpoints if endpoint.critical]
    return bool(critical) and all(endpoint.failing for endpoint in critical)


def reading_severity(reading: Reading) -> Severity | None:
    """How bad a reading is that stands for itself: the service, the key."""
    match reading.probe, reading.status:
        case "service", Status.FAILING:
            return Severity.SEV2 if answered(reading) else Severity.SEV1
        case "service", Status.SLOW:
            return Severity.SEV3
        case "key", Status.FAILING:
            return Severity.SEV4
        case _:
            return None


def process_down(case: Case) -> bool:
    """The service's own process does not run, and nothing at its health address contradicts that."""
    host, service = case.reading("host"), case.reading("service")
    return (
        host is not None
        and host.status is Status.FAILING
        and (service is None or service.status is Status.UNKNOWN or not answered(service))
    )


def answered(reading: Reading) -> bool:
    """The service told of its state, however bad it is."""
    return isinstance(reading.detail, ServiceDetail) and reading.detail.claims is not None


def worst(severities: Iterable[Severity | None]) -> Severity | None:
    """The gravest of them; None where there is none."""
    found = [severity for severity in severities if severity is not None]
    return min(found, key=lambda severity: severity.number, default=None)
