"""The process of the service in words, and what the diagnosis makes of it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assessment import Severity
from bot.domain.integration import ServiceSpec
from bot.domain.readings import Reading, ServiceState, Status
from bot.domain.service_words import cause, seen
from tests.domain.made import AT, INTEGRATION, healthy, judged, key, page, service, versions

FOUR_AGO = AT - timedelta(minutes=4)
HERE = INTEGRATION.model_copy(update={"service": ServiceSpec(kind="docker", name="sync")})


def state(**values: Any) -> ServiceState:
    """A container that exited with code 1 four minutes ago, unless told otherwise."""
    return ServiceState.model_validate(
        {
            "runs_in": "docker",
            "name": "sync",
            "state": "exited",
            "running": False,
            "life": "a",
            "ended": FOUR_AGO,
            "exit_code": 1,
            **values,
        }
    )


RUNS = state(state="running", running=True, since=FOUR_AGO, ended=None, exit_code=None)


def host(found: ServiceState) -> Reading:
    status = Status.OK if found.running else Status.FAILING
    return Reading(probe="host", target="process", status=status, says=seen(found, now=AT), detail=found)


@pytest.mark.parametrize(
    ("found", "sentence", "why"),
    [
        (RUNS, "the container sync runs since 11:56 UTC", None),
        (
            RUNS.model_copy(update={"restarts": 1, "oom_killed": True}),
            (
                "the container sync runs since 11:56 UTC, and was started again once by its host; one of its processes was "
                "killed for memory (OOM) in this life"
            ),
            None,
        ),
        (state(), "the container sync exited with code 1 at 11:56 UTC", "its process ended: exit code 1"),
        (
            state(exit_code=0),
            "the container sync exited with code 0 at 11:56 UTC: it ended by itself, or was stopped",
            "its process ended: exit code 0 (it ended by itself, or was stopped)",
        ),
        (
            state(exit_code=137, restarts=1),
            (
                "the container sync exited with code 137 at 11:56 UTC: SIGKILL: somebody killed it, or its machine ran out "
                "of memory, after 1 restart"
            ),
            "it keeps crashing: exit code 137 (SIGKILL: somebody killed it, or its machine ran out of memory)",
        ),
        (
            state(ended=AT - timedelta(days=3), error="no such file"),
            "the container sync exited with code 1 at 2026-11-20 12:00 UTC; it says: no such file",
            "its process ended: exit code 1",
        ),
        (
            state(state="paused", exit_code=0, ended=None),
            "the container sync is paused: its processes stand still",
            "somebody paused the container sync; its processes stand still",
        ),
        (
            state(state="created", life="", exit_code=0, ended=None),
            "the container sync was never started",
            "the container sync was never started",
        ),
        (
            state(runs_in="systemd", exit_code=None, signal=15),
            "the unit sync was ended by signal 15 at 11:56 UTC: SIGTERM: it was told to end",
            "its process ended: signal 15 (SIGTERM: it was told to end)",
        ),
        (
            state(runs_in="systemd", state="inactive", exit_code=None),
            'the unit sync has not run since 11:56 UTC: its host calls it "inactive"',
            'the unit sync is not running: its host calls it "inactive"',
        ),
    ],
)
def test_each_state_has_its_sentence(found: ServiceState, sentence: str, why: str | None) -> None:
    assert (seen(found, now=AT), cause(found)) == (sentence, why)


@given(
    code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(0, 64),
    word=st.sampled_from(["running", "restarting", "exited", "dead", "paused", "failed", "activating", ""]),
    flags=st.tuples(*(st.booleans() for _ in range(4))),
    restarts=st.integers(0, 9),
)
def test_every_state_can_be_told(
    code: int | None, signal: int | None, word: str, flags: tuple[bool, ...], restarts: int
) -> None:
    running, oom, gave_up, lived = flags
    found = state(
        state=word,
        running=running,
        exit_code=code,
        signal=signal,
        oom_killed=oom,
        gave_up=gave_up,
        life="a" if lived else "",
        restarts=restarts,
    )
    assert seen(found, now=AT).startswith("the container sync ")
    assert (cause(found) is None) == running
    assert "None" not in seen(found, now=AT) + (cause(found) or "")


def test_the_finding_names_what_was_seen() -> None:
    killed = state(exit_code=137, oom_killed=True, restarts=4, memory_limit=2**28)
    found = judged(
        healthy(service(None), host(killed), versions(200), page("operational"), key()), integration=HERE
    )
    first = found.findings[0]
    assert (first.rule, first.severity, first.playbooks) == ("service-down", Severity.SEV1, ("service-down",))
    assert "exited with code 137 at 11:56 UTC: killed for memory (OOM) at a limit of 256 MB" in first.symptom
    assert first.cause == "it ran out of memory: the container sync was killed at a limit of 256 MB"
    assert any(line.startswith("process: the container sync exited") for line in first.evidence)
    assert "docker logs --tail 50 sync" in first.check


def test_a_process_that_runs_and_does_not_answer_hangs() -> None:
    full = RUNS.model_copy(
        update={"scarce": ("the disk of / on mx's own machine is 100 % full (1 MB free)",)}
    )
    first = judged(healthy(service(None), host(full)), integration=HERE).findings[0]
    assert first.cause.startswith("its process runs but does not answer: it hangs")
    assert first.cause.endswith("is 100 % full (1 MB free)")


def test_a_dead_process_is_a_finding_where_nobody_knows_the_health_address() -> None:
    unknown = Reading(probe="service", target="/health", status=Status.UNKNOWN, says="nothing listens")
    found = judged(healthy(unknown, host(state())), integration=HERE)
    assert found.severity is Severity.SEV1
    assert found.findings[0].symptom == (
        "the integration's service does not run; the container sync exited with code 1 at 11:56 UTC"
    )


def test_a_dead_process_beside_a_healthy_service_is_a_blind_spot() -> None:
    found = judged(healthy(service("healthy"), host(state())), integration=HERE)
    assert (found.severity, found.findings) == (None, ())
    assert any(
        spot.startswith("the container sync does not run, and yet /health is answered")
        for spot in found.blind_spots
    )


def test_a_unit_is_looked_at_with_its_own_commands() -> None:
    unit = INTEGRATION.model_copy(update={"service": ServiceSpec(kind="systemd", name="sync.service")})
    first = judged(healthy(service(None)), integration=unit).findings[0]
    assert "`systemctl status sync.service`" in first.check
    assert "`journalctl --unit sync.service --lines 50`" in first.check
