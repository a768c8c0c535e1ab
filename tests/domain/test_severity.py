"""Severity is a function of the readings: total, monotone, and the same as the worst finding's."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar, response_due
from bot.domain.case import Case
from bot.domain.diagnosis import diagnose
from bot.domain.integration import Integration
from bot.domain.readings import HttpDetail, Reading, Sample, ServiceDetail, Status
from bot.domain.severity import severity_of
from tests.domain.made import (
    AT,
    INTEGRATION,
    UTC_ZONE,
    Answer,
    api,
    everywhere,
    healthy,
    key,
    last_good,
    service,
    synced,
)

_ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.sampled_from((200, 200, 302, 400, 401, 403, 404, 429, 500, 503)),
    st.sampled_from(("dns", "connect", "tls", "first_byte", "body")),
)


@st.composite
def endpoint_readings(draw: st.DrawFn, path: str) -> Reading:
    answers = draw(st.lists(_ANSWERS, min_size=1, max_size=3))
    ms = draw(st.sampled_from((100.0, 2500.0)))
    return api(path, *answers, ms=ms, html=draw(st.booleans()), body=draw(st.booleans()))


@st.composite
def rounds(draw: st.DrawFn) -> list[Reading]:
    """Any combination of endpoints, a service and a key."""
    paths = draw(st.lists(st.sampled_from(INTEGRATION.endpoints), unique=True))
    found = [draw(endpoint_readings(path)) for path in paths]
    claim = draw(st.sampled_from(("absent", None, "healthy", "degraded", "unhealthy", "unreadable")))
    failing = draw(
        st.lists(st.sampled_from(("database", "sync lag", "webhooks", "maintainxApi")), max_size=2)
    )
    if claim != "absent":
        found.append(service(claim, *failing))
    ago = draw(st.none() | st.sampled_from((4.0, 42.0)))
    if ago is not None:
        found.append(synced(ago))
    if draw(st.booleans()):
        found.append(last_good(workorders=draw(st.sampled_from((3.0, 60.0))), assets=60.0))
    looks = draw(st.sampled_from(("absent", "good", "missing", "odd", "expired")))
    if looks != "absent":
        found.append(
            key(
                present=looks != "missing",
                expired=looks == "expired",
                stray=["quotes"] if looks == "odd" else [],
            )
        )
    return found


def _severity(readings: list[Reading], integration: Integration = INTEGRATION) -> Severity | None:
    return severity_of(Case(integration=integration, readings=tuple(readings), at=AT))


@given(rounds())
def test_the_severity_is_that_of_the_worst_finding(readings: list[Reading]) -> None:
    found = diagnose(INTEGRATION, readings, at=AT, calendar=Calendar(UTC_ZONE))
    assert found.severity == (found.findings[0].severity if found.findings else None)
    assert found.severity == _severity(readings)


@given(rounds(), st.sampled_from(INTEGRATION.endpoints).flatmap(endpoint_readings))
def test_one_more_failing_reading_never_makes_it_milder(readings: list[Reading], more: Reading) -> None:
    failing = more.model_copy(update={"status": Status.FAILING})
    before, after = _severity(readings), _severity([*readings, failing])
    assert after is not None
    assert before is None or after.number <= before.number


_WILD_SAMPLES = st.builds(
    Sample,
    at_ms=st.floats(0, 9e3),
    code=st.none() | st.integers(0, 999),
    ms=st.none() | st.floats(0, 1e6),
    failed_phase=st.sampled_from((None, "dns", "connect", "tls", "first_byte", "body")),
    timed_out=st.booleans(),
    error=st.none() | st.text(max_size=20),
    html=st.booleans(),
)
_WILD = st.builds(
    Reading,
    probe=st.sampled_from(("api", "versions", "service", "key", "status_page", "logs", "traffic", "sync")),
    target=st.sampled_from((*INTEGRATION.endpoints, "/health", "{odd}")),
    status=st.sampled_from(Status),
    ms=st.none() | st.floats(0, 1e6),
    says=st.text(max_size=20),
    detail=st.none()
    | st.builds(HttpDetail, url=st.just("http://x"), samples=st.lists(_WILD_SAMPLES, max_size=3).map(tuple))
    | st.builds(ServiceDetail, url=st.just("http://x")),
)


@given(st.lists(_WILD, max_size=8))
def test_diagnosis_never_raises_whatever_was_read(readings: list[Reading]) -> None:
    found = diagnose(INTEGRATION, readings, at=AT, calendar=Calendar(UTC_ZONE))
    assert (found.severity is None) == (found.response_due is None)
    assert all(finding.check for finding in found.findings)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (everywhere(500), "SEV-1"),
        (everywhere(429), "SEV-2"),
        (healthy(service(None)), "SEV-1"),
        (healthy(api("/workorders", 200, 500)), "SEV-2"),
        (healthy(api("/users", 500), api("/assets", 404)), "SEV-2"),
        (healthy(api("/users", 429)), "SEV-2"),
        (healthy(service("degraded")), "SEV-2"),
        (healthy(api("/users", 200, ms=2500)), "SEV-3"),
        (healthy(api("/users", 500)), "SEV-4"),
        (healthy(synced(42)), "SEV-3"),
        (healthy(synced(42), last_good(workorders=42)), "SEV-2"),
        (healthy(), None),
    ],
)
def test_the_definition(readings: list[Reading], expected: str | None) -> None:
    assert _severity(readings) == expected


def test_with_two_critical_endpoints_one_that_works_keeps_it_from_sev_1() -> None:
    both = INTEGRATION.model_copy(update={"critical": ("/workorders", "/assets")})
    assert _severity(healthy(api("/workorders", 500)), both) == "SEV-2"
    assert _severity(healthy(api("/workorders", 500), api("/assets", 429)), both) == "SEV-1"


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("severity", "at", "zone", "due"),
    [
        ("SEV-1", "2026-11-23T12:00", "UTC", "2026-11-23T12:15"),
        ("SEV-2", "2026-11-23T12:00", "UTC", "2026-11-23T13:00"),
        ("SEV-3", "2026-11-23T22:00", "UTC", "2026-11-24T02:00"),
        ("SEV-4", "2026-11-23T12:00", "UTC", "2026-11-24T09:00"),
        ("SEV-4", "2026-11-20T12:00", "UTC", "2026-11-23T09:00"),  # Friday: Monday
        ("SEV-4", "2026-11-21T12:00", "UTC", "2026-11-23T09:00"),  # Saturday: Monday
        ("SEV-4", "2026-11-22T23:30", "Europe/Berlin", "2026-11-24T08:00"),  # there it is Monday already
        ("SEV-4", "2026-03-27T12:00", "Europe/Berlin", "2026-03-30T07:00"),  # over the change to summer time
        ("SEV-4", "2026-11-23T00:30", "America/Chicago", "2026-11-23T15:00"),  # there it is still Sunday
    ],
)
def test_the_response_time_due(severity: str, at: str, zone: str, due: str) -> None:
    asked = datetime.fromisoformat(at).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert response_due(Severity(severity), asked, calendar=Calendar(ZoneInfo(zone))) == expected
