"""Rules about the integration itself: down, degraded, behind with its sync, without webhooks, slow."""

import re

from bot.domain.assessment import Finding, Severity
from bot.domain.case import Case
from bot.domain.gateway import listed
from bot.domain.readings import HealthCheck, Reading, ServiceDetail, Status
from bot.domain.service_words import cause
from bot.domain.severity import answered, process_down, reading_severity, standing, sync_severity, worst

_YOUNG_S = 300.0
_SYNC = re.compile(r"(?i)sync|lag|backfill")
_WEBHOOK = re.compile(r"(?i)webhook|hook|subscription")
_MEMORY = re.compile(r"(?i)out of memory|heap|oom")
_DISK = re.compile(r"(?i)enospc|no space left|disk full|read-only file system")
_LATE = "the sync job stopped, fails or is throttled; what changed at MaintainX since then may be missing"
_WINDOW = (
    "note the window now (from the last good sync until it runs again): see when the job last ended well in "
    "its log, run it by hand, and schedule a backfill of that window after recovery"
)


def service_down(case: Case) -> Finding | None:
    """The service gives no answer of its own."""
    reading, detail = _failing(case)
    silent = reading is not None and not answered(reading)
    if not silent and not process_down(case):
        return None
    url = detail.url if detail else case.integration.health_url
    says = f"does not answer: {reading.says}" if silent and reading else "does not run"
    return Finding(
        rule="service-down",
        severity=Severity.SEV1,
        verdict="us",
        symptom=f"the integration's service {says}" + (f"; {_seen(case)}" if _seen(case) else ""),
        cause=_crash(case),
        check=(
            f"`curl -sS -i --max-time 10 {url}`; then {_process(case)}, memory (`dmesg | grep -i "
            "oom`) and disk (`df -h`). If it was deployed within the hour, roll that back"
        ),
        evidence=(
            *((f"/health: {reading.says}",) if reading else ()),
            *_host_lines(case),
            *_log_lines(case),
        ),
    )


def _why(case: Case) -> str:
    """Where to look for the reason, when the service only passes on what it was answered."""
    if case.traffic is not None and case.traffic.mode not in (None, "pass"):
        return (
            f'. The gateway is in mode "{case.traffic.mode}": a request that it holds back or whose job it pauses is '
            "answered 429 or 503 by the gateway, which the service reports as an error until that is undone"
        )
    if any(endpoint.status is Status.FAILING for endpoint in case.endpoints):
        return "; the finding about the endpoints says why"
    return ""


def service_degraded(case: Case) -> Finding | None:
    """The service answers and says itself that something is wrong."""
    reading, detail = _failing(case)
    if reading is None or detail is None or not answered(reading):
        return None
    broken = tuple(
        c for c in detail.checks if not c.ok and not _SYNC.search(c.name) and not _WEBHOOK.search(c.name)
    )
    if not broken and any(not c.ok for c in detail.checks):
        return None  # the rules below speak for those checks
    words = "; ".join(f"{c.name} ({c.says})" if c.says else c.name for c in broken)
    upstream = broken and all(re.search(r"(?i)maintainx|api", c.name) for c in broken)
    young = detail.uptime_s is not None and detail.uptime_s < _YOUNG_S
    restarted = f"; it restarted {detail.uptime_s:.0f} s ago" if young else ""
    if upstream:
        cause = f"what it needs from MaintainX fails for it: {words}{restarted}{_why(case)}"
    else:
        cause = (
            f"it names what fails: {words}{restarted}" if words else f"it does not say what fails{restarted}"
        )
    return Finding(
        rule="service-degraded",
        severity=reading_severity(reading) or Severity.SEV2,
        verdict="us",
        symptom="the integration's service answers, and "
        + (
            f'says "{detail.claims}" of itself'
            if detail.claims != "unreadable"
            else "does not tell its state"
        ),
        cause=cause,
        check=f"`curl -sS {detail.url} | jq .checks`; then its log around the time the check began to fail"
        + (
            ". If mx's own calls are answered, compare the service's key and base URL with mx's"
            if upstream
            else ""
        ),
        evidence=(f"/health: {reading.says}", *_host_lines(case), *_log_lines(case)),
    )


def sync_gap(case: Case) -> Finding | None:
    """The sync is behind, or says of itself that it is not while no data came: that window may be missing."""
    told = _by_check(
        case, _SYNC, rule="sync-gap", symptom="the sync is behind: {words}", cause=_LATE, check=_WINDOW
    )
    noted = _by_its_record(case)
    if told is None or noted is None:
        return told or noted
    return told.model_copy(
        update={
            "severity": worst((told.severity, noted.severity)),
            "symptom": f"{told.symptom}; {noted.symptom}",
            "cause": noted.cause,
            "evidence": (*told.evidence, *noted.evidence),
        }
    )


def _by_its_record(case: Case) -> Finding | None:
    severity, reading, sync = sync_severity(case), case.reading("sync"), case.sync
    if severity is None or reading is None or sync is None:
        return None
    still = standing(case)
    missing = listed(tuple(f"{path} since {good:%H:%M} UTC" for path, good in still))
    if sync.stale:
        symptom, cause = f"the sync is behind: {reading.says}", _LATE
    else:
        symptom = (
            f"the sync's record is fresh and the data is not: no good answer of {missing} at the gateway"
        )
        cause = _held_back(case) + (
            "the sync ends without reading what it should and notes its time all the same (a parameter that MaintainX "
            "refuses, a page after the first that is never asked for), or it asks past the gateway now"
        )
    return Finding(
        rule="sync-gap",
        severity=severity,
        verdict="us",
        symptom=symptom,
        cause=cause,
        check=_WINDOW,
        evidence=(
            f"sync state: {reading.says}",
            *(
                f"gateway: the last good answer to a read of {path} was at {good:%H:%M} UTC"
                for path, good in still
            ),
        ),
    )


def _held_back(case: Case) -> str:
    """That it may be mx itself that keeps the sync from reading."""
    if case.traffic is None or case.traffic.mode in (None, "pass"):
        return ""
    return (
        f'the gateway is in mode "{case.traffic.mode}": whom it holds back or pauses reads nothing until that is undone. '
        "Where it is not that: "
    )


def webhook_delivery(case: Case) -> Finding | None:
    """The service tells that webhooks do not arrive."""
    return _by_check(
        case,
        _WEBHOOK,
        rule="webhook-delivery",
        symptom="webhooks do not arrive as they should: {words}",
        cause="MaintainX dropped the subscription after many errors, the address or its secret changed, "
        "or the receiver fails",
        check="`GET /subscriptions/{id}` for each subscription (status VALID?), and the receiver's log for 4xx and 5xx. "
        "Until it works: poll /workorders?sort=-updatedAt every minute, and queue what could not be taken in",
    )


def service_slow(case: Case) -> Finding | None:
    """The service answers well but slowly."""
    reading = case.reading("service")
    if reading is None or reading.status is not Status.SLOW:
        return None
    return Finding(
        rule="service-slow",
        severity=Severity.SEV3,
        verdict="us",
        symptom=f"the integration's own health page is slow: {(reading.ms or 0) / 1000:.1f} s",
        cause="the service is busy, short of CPU or memory, or its health page waits for something slow",
        check="the service's CPU and memory (`docker stats --no-stream`, or `top`), and which check takes the time",
        evidence=(f"/health: {reading.says}",),
    )


def _failing(case: Case) -> tuple[Reading | None, ServiceDetail | None]:
    reading = case.reading("service")
    if reading is None or reading.status is not Status.FAILING:
        return None, None
    return reading, case.service


def _by_check(
    case: Case, names: re.Pattern[str], *, rule: str, symptom: str, cause: str, check: str
) -> Finding | None:
    """A finding about the failing checks of such a name."""
    reading, detail = _failing(case)
    if reading is None or detail is None or not answered(reading):
        return None
    broken = tuple(c for c in detail.checks if not c.ok and names.search(c.name))
    if not broken:
        return None
    return Finding(
        rule=rule,
        severity=reading_severity(reading) or Severity.SEV2,
        verdict="us",
        symptom=symptom.format(words="; ".join(_told(c) for c in broken)),
        cause=cause,
        check=check,
        evidence=(f"/health: {reading.says}", *_log_lines(case)),
    )


def _told(check: HealthCheck) -> str:
    return f"{check.name}: {check.says}" if check.says else check.name


def _seen(case: Case) -> str:
    """What the host of the process saw, where it explains the silence."""
    reading = case.reading("host")
    return reading.says if reading is not None and reading.status is Status.FAILING else ""


def _process(case: Case) -> str:
    """How to look at the process by hand."""
    spec = case.integration.service
    if spec is None:
        return (
            "the container's state and last log lines (`docker ps -a` and `docker logs --tail 50 NAME`, or "
            "`systemctl status UNIT`)"
        )
    if spec.kind == "docker":
        return f"`docker inspect {spec.name}` and its last log lines (`docker logs --tail 50 {spec.name}`)"
    return (
        f"`systemctl status {spec.name}` and its last log lines (`journalctl --unit {spec.name} --lines 50`)"
    )


def _host_lines(case: Case) -> tuple[str, ...]:
    reading = case.reading("host")
    return (f"process: {reading.says}",) if reading is not None else ()


def _crash(case: Case) -> str:
    told = cause(case.host) if case.host else None
    if told is not None:
        scarce = case.host.scarce if case.host else ()
        return "; ".join((told, *scarce))
    lines = "\n".join(case.logs.lines) if case.logs else ""
    if _MEMORY.search(lines):
        return "it ran out of memory, as its log says"
    if _DISK.search(lines):
        return "its disk is full or read-only, as its log says"
    if case.host is not None:
        words = "its process runs but does not answer: it hangs, is still starting, or listens elsewhere"
        return "; ".join((words, *case.host.scarce))
    return "it crashed, hangs, is restarting or was not started; an application error until the log says otherwise"


def _log_lines(case: Case) -> tuple[str, ...]:
    if case.logs is None or not case.logs.errors:
        return ()
    count = case.logs.errors
    return (
        f"log: {count} error line{'' if count == 1 else 's'} in 10 minutes",
        *(f"log: {x}" for x in case.logs.lines[-3:]),
    )
