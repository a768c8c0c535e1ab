"""How bad it is, as a function of the readings alone; worse readings never make it milder."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.assessment import Severity
from bot.domain.case import Case, Endpoint, limited
from bot.domain.readings import Reading, ServiceDetail, Status

_OTHERS_FOR_SEV2 = 2


def severity_of(case: Case) -> Severity | None:
    """The severity of everything that was read; None where nothing is wrong.

    SEV-1: no critical endpoint works, for any cause but the rate limit, or the service is down. SEV-2: a critical
    endpoint fails in part, two or more others fail, any 429, the service is degraded, or a critical collection's data
    stands still. SEV-3: only slow, the sync too. SEV-4: one other endpoint fails, or the key is odd while it still
    works.
    """
    found: list[Severity | None] = [endpoint_severity(case, endpoint) for endpoint in case.endpoints]
    found += [reading_severity(reading) for reading in case.readings]
    found.append(Severity.SEV1 if process_down(case) else None)
    found.append(sync_severity(case))
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


def sync_severity(case: Case) -> Severity | None:
    """How bad it is by the integration's own record of its last sync; None where that is fresh and data came too.

    A late sync is slow: what it was late for still comes, so it wakes nobody (SEV-3). It is as bad as a critical
    endpoint that fails in part (SEV-2) once the gateway shows that a critical collection's data does stand still.
    """
    if case.sync is None:
        return None
    still = standing(case)
    if any(path in case.integration.critical for path, _ in still):
        return Severity.SEV2
    return Severity.SEV3 if case.sync.stale or still else None


def standing(case: Case) -> tuple[tuple[str, datetime], ...]:
    """Collections whose last good answer to a read is too old for the last sync to have read them, and since when.

    Only of collections that the gateway has seen: of what goes past it, or of the time before its start, it says
    nothing. A sync reads one collection after another, so each may be as late as a sync may be.
    """
    sync, traffic = case.sync, case.traffic
    if sync is None or traffic is None:
        return ()
    until = case.at if sync.stale else sync.last_sync_at
    seen = ((path, traffic.last_good.get(path, {}).get("in")) for path in case.integration.endpoints)
    late = timedelta(seconds=sync.stale_s)
    return tuple((path, good) for path, good in seen if good is not None and until - good > late)


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
