"""One fact of each kind and the events around them, for tests of everything that reads the timeline."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import (
    Acknowledged,
    AnyFact,
    Assessed,
    Draft,
    Event,
    GatewayReported,
    IncidentOpened,
    LeaseEnded,
    NoteAdded,
    Redacted,
    Reopened,
    Resolved,
    RunFinished,
    RunPlanned,
    RunRequested,
    SeveritySet,
    StepFinished,
    StepStarted,
    TriageFinished,
    TriageRequested,
)
from bot.domain.fact import Address
from bot.domain.gap import Gap
from bot.domain.mitigation import Lease, Plan, PlannedStep
from bot.domain.notebook import (
    ActionAdded,
    ActionChanged,
    ActionTicked,
    DaySummed,
    HandedOver,
    KeepAnswered,
    KeepRequested,
    KeptFile,
    KeptMessageChanged,
    KeptMessageRemoved,
    MessageKept,
)
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    PageFailed,
    PageOverdue,
    PageRequested,
    PagerReported,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided
from bot.domain.readings import (
    HealthCheck,
    HttpDetail,
    KeyDetail,
    LaneTraffic,
    LogDetail,
    Reading,
    Sample,
    ServiceDetail,
    ServiceState,
    Status,
    StatusPageDetail,
    SyncDetail,
    Timing,
    TrafficDetail,
)
from bot.domain.showing import CardPosted, DeliveryFailed, ReportPosted, ReportRequested
from bot.domain.steering import LeaseReminded, RunApproved, RunDeclined, RunResumed, RunsStopped, StepReleased
from bot.domain.watching import (
    GapsAccepted,
    GapsOpened,
    RecoveryChecked,
    RecoveryLine,
    VendorReported,
    VerifyRequested,
    WatchMoved,
)

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
INCIDENT = "mx-20261123-7f3a"
DESK = "integration/default"
PERSON = "slack:U061F7AUR"

SLACK = Address(channel="C0123", reply="r-1")

READINGS = (
    Reading(
        probe="api",
        target="/workorders",
        status=Status.FAILING,
        ms=31.5,
        says="HTTP 429 three times out of three",
        detail=HttpDetail(
            url="https://api.getmaintainx.com/v1/workorders?limit=1",
            samples=(
                Sample(at_ms=0, code=429, ms=31.5, timing=Timing(dns=1.5, connect=9, tls=20, total=62)),
                Sample(at_ms=500, failed_phase="connect", timed_out=True, error="no answer in 10 s"),
            ),
            rate_limit=100,
            rate_remaining=0,
            rate_reset_s=12.5,
        ),
    ),
    Reading(
        probe="service",
        target="/health",
        status=Status.OK,
        ms=4.2,
        says="healthy",
        detail=ServiceDetail(
            url="http://localhost:3000/health",
            claims="healthy",
            checks=(HealthCheck(name="queue", ok=True, says="12 waiting"),),
            uptime_s=86400.0,
        ),
    ),
    Reading(
        probe="host",
        target="process",
        status=Status.FAILING,
        says="the container sync exited with code 137",
        detail=ServiceState(
            runs_in="docker",
            name="sync",
            state="exited",
            running=False,
            life="2026-11-23T08:00:00.000000001Z",
            ended=NINE,
            exit_code=137,
            oom_killed=True,
            restarts=4,
            policy="always",
            memory_limit=2**28,
            error="out of memory",
        ),
    ),
    Reading(
        probe="key",
        target="API key",
        status=Status.OK,
        says="present, 40 characters",
        detail=KeyDetail(present=True, length=40, source="MAINTAINX_API_KEY"),
    ),
    Reading(
        probe="status_page",
        target="status page",
        status=Status.UNKNOWN,
        says="not reachable",
        detail=StatusPageDetail(state="degraded", reports=("API slow",)),
    ),
    Reading(
        probe="logs",
        target="last errors",
        status=Status.OK,
        says="1 error in 10 minutes",
        detail=LogDetail(source="sync.log", errors=1, lines=("ERROR 429 Too Many Requests",)),
    ),
    Reading(
        probe="traffic",
        target="gateway",
        status=Status.OK,
        says="412 requests in the last hour",
        detail=TrafficDetail(
            total=412,
            by_status={"200": 300, "429": 112},
            lanes=(LaneTraffic(lane="asset-sync", by_status={"429": 112}),),
            budget_left=0.0,
            mode="pass",
        ),
    ),
    Reading(
        probe="sync",
        target="sync state",
        status=Status.OK,
        says="the last sync ended about 4 minutes ago by its own word",
        detail=SyncDetail(file="state.json", last_sync_at=NINE, age_s=240.0, stale_s=900.0),
    ),
)


def assessment(severity: Severity | None = Severity.SEV2, *, at: datetime = NINE) -> Assessment:
    """A triage that found this; None is a healthy one."""
    finding = Finding(
        rule="rate_limited",
        severity=severity or Severity.SEV4,
        verdict="us",
        symptom="429 on every endpoint",
        cause="more requests than MaintainX allows",
        check="look at the request volume of the last hour",
        evidence=("12 of 12 requests were answered with 429",),
        playbooks=("rate-limited",),
    )
    return Assessment(
        integration="default",
        at=at,
        severity=severity,
        verdict="us" if severity else "nobody",
        response_due=at + timedelta(hours=1) if severity else None,
        findings=(finding,) if severity else (),
        readings=READINGS,
        blind_spots=("the status page could not be asked",),
        playbooks=("rate-limited",) if severity else (),
    )


PLAN = Plan(
    playbook="rate-limited",
    title="Enable emergency rate limit",
    steps=(
        PlannedStep(
            kind="gateway",
            title="Limit the gateway",
            values={"rate_per_s": 1.0, "paused_jobs": ["asset-sync"], "ttl_s": 3600},
            says="limit the gateway to 1 request per second and pause asset-sync",
            touches="412 requests of the last hour in 2 lanes",
            undo_says="the limit is taken back",
        ),
        PlannedStep(kind="verify-traffic", title="Verify", says="watch 20 answered requests"),
    ),
    warnings=("the limit slows work orders too",),
    fingerprint="f1",
)

LEASE = Lease(
    id="run-1",
    run="run-1",
    playbook="rate-limited",
    says="gateway at 1 request per second; asset-sync paused",
    owner=PERSON,
    reason="rate limited",
    since=NINE + timedelta(minutes=4),
    expires_at=NINE + timedelta(minutes=64),
)

EVERY_FACT: tuple[AnyFact, ...] = (
    IncidentOpened(
        integration="default", request="t-1", requested_by=PERSON, requested_at=NINE, channel="C0123"
    ),
    Assessed(request="t-1", assessment=assessment()),
    CardPosted(channel="C0123", message="1700000000.000100"),
    TriageRequested(request="t-2", integration="default", samples=3, address=SLACK),
    TriageFinished(
        request="t-2", severity=Severity.SEV2, verdict="us", incident=INCIDENT, says="SEV-2", address=SLACK
    ),
    Acknowledged(),
    SeveritySet(severity=Severity.SEV1, reason="work orders stand still"),
    NoteAdded(text="the nightly sync was started by hand"),
    RunRequested(run="run-1", playbook="rate-limited", fingerprint="f1", address=SLACK),
    RunPlanned(run="run-1", plan=PLAN),
    StepStarted(run="run-1", index=0, epoch=1, before={"mode": "pass", "leases": []}),
    StepFinished(
        run="run-1", index=0, outcome="done", says="limited", evidence=("1.0 per second",), started=LEASE
    ),
    StepStarted(run="run-1", index=1, epoch=1),
    StepFinished(run="run-1", index=1, outcome="inconclusive", says="no traffic to judge by"),
    RunFinished(run="run-1", outcome="inconclusive", says="limited; no traffic to judge by"),
    RunApproved(run="run-1"),
    StepReleased(run="run-1", index=1),
    RunsStopped(runs=("run-1",)),
    RunDeclined(run="run-1", reason="not now"),
    RunResumed(run="run-1", index=1, action="skip", reason="seen by hand"),
    LeaseReminded(lease="run-1", expires_at=NINE + timedelta(minutes=64), says="the limit ends soon"),
    VendorReported(
        event="API_TOKEN_REVOKED", delivery="d-1", says="MaintainX user 7 revoked an API token at 08:58 UTC"
    ),
    WatchMoved(
        integration="default", was="well", now="bad", since=NINE, says="2 bad rounds in a row: 429 everywhere"
    ),
    PageRequested(
        page="p-1",
        action="trigger",
        level=1,
        dedup="maintainx:default:mx-20261123-7f3a",
        cause="opened",
        severity=Severity.SEV2,
        says="SEV-2: 429 on every endpoint",
    ),
    PageFailed(
        page="p-1",
        pager="PagerDuty",
        tries=3,
        again_at=NINE + timedelta(minutes=23),
        says="PagerDuty answered 500 three times",
    ),
    PageSent(page="p-1", pager="PagerDuty", says="PagerDuty took the page"),
    PageOverdue(due=NINE, says="the page for SEV-2 was due at 09:00 and is not sent"),
    PagerReported(pager="PagerDuty", event="resolved", says="Jo resolved the alert in PagerDuty"),
    ResponseReminded(due=NINE + timedelta(hours=1), stage="before", says="nobody has it; respond by 10:00"),
    AckReminded(lapses_at=NINE + timedelta(hours=2), says="are you still on it?"),
    Snoozed(until=NINE + timedelta(hours=1), severity=Severity.SEV2, reason="on the phone with the vendor"),
    SnoozeEnded(cause="time", says="the quiet is over"),
    AckLapsed(who=PERSON, says="no sign for an hour: nobody has it"),
    GapsOpened(
        gaps=(
            Gap(id="g-1", entity="/workorders", direction="in", since=NINE, says="the first bad round"),
            Gap(id="g-2", entity="/assets", direction="in", since=NINE, says="the first bad round"),
        )
    ),
    GapsAccepted(gaps=("g-2",), reason="assets are compared every night"),
    VerifyRequested(request="v-1", address=SLACK, resolve=True, anyway="the plant is closed"),
    RecoveryChecked(
        request="v-1",
        verdict="not_proved",
        lines=(RecoveryLine(name="good rounds", state="unmet", says="1 of 3"),),
        says="recovery is not proved: good rounds",
        address=SLACK,
    ),
    GatewayReported(what="restarted", says="the gateway was restarted"),
    ReplayAsked(request="o-1", action="start", address=SLACK),
    GatewayAnswered(request="o-1", ok=True, says="the replay is running", address=SLACK),
    WriteDecided(request="o-2", buffer_id="mxb_1", action="resend", reason="it is not there", address=SLACK),
    LeaseEnded(lease="run-1", cause="expired", says="the limit of run-1 ran out"),
    DeliveryFailed(what="card", channel="C0123", code="not_in_channel", says="/invite @mx"),
    ReportRequested(request="r-1", address=SLACK),
    ReportPosted(request="r-1", says="posted", channel="C0123", message="1700000000.000200"),
    KeepRequested(request="k-1", channel="C0123", message="1700000000.000300", by="emoji", address=SLACK),
    KeepAnswered(request="k-0", says="it is on the timeline already"),
    MessageKept(
        request="k-1",
        channel="C0123",
        message="1700000000.000300",
        author="slack:U0BEN",
        said_at=NINE,
        text="the vendor says that it is on their side",
        by="emoji",
        thread="1700000000.000100",
        permalink="https://team.slack.com/archives/C0123/p1700000000000300",
        files=(KeptFile(title="graph.png", permalink="https://team.slack.com/files/F1"),),
    ),
    KeptMessageChanged(
        channel="C0123", message="1700000000.000300", text="it is on their side, they confirm", edited_at=NINE
    ),
    KeptMessageRemoved(channel="C0123", message="1700000000.000300", cause="deleted"),
    HandedOver(to="slack:U0BEN", summary="watch the backlog", lines=("the rate limit is on until 10:04",)),
    ActionAdded(item="a-1", text="alert on 429", assignee="slack:U0BEN", due=NINE.date()),
    ActionChanged(item="a-1", text="alert on 429 within 5 minutes"),
    ActionTicked(item="a-1", done=True, text="alert on 429 within 5 minutes"),
    DaySummed(day=NINE.date(), says="open for 1 day", lines=("SEV-2 since 09:00",)),
    DrillRequested(request="d-1", integration="default", drill="rate-limit", address=SLACK),
    DrillStarted(request="d-1", drill="rate-limit", url="http://127.0.0.1:8090/", says="the drill runs"),
    DrillFinished(
        request="d-1", drill="rate-limit", outcome="done", score=80, says="80 of 100", address=SLACK
    ),
    Resolved(reason="429s stopped", accepted=("lease run-1 is on",)),
    Reopened(reason="they are back"),
    Redacted(version=8, reason="a name was in it"),
)
"""An incident's life in which each kind of fact occurs."""


def events(
    facts: tuple[AnyFact, ...], *, stream: str = INCIDENT, actor: str = PERSON, first_seq: int = 1
) -> tuple[Event, ...]:
    """The facts as events of one stream, a minute apart, each written down a second after it happened."""
    return tuple(_events(facts, stream=stream, actor=actor, first_seq=first_seq))


def _events(facts: tuple[AnyFact, ...], *, stream: str, actor: str, first_seq: int) -> Iterator[Event]:
    for number, fact in enumerate(facts):
        at = NINE + timedelta(minutes=number)
        yield Event(
            seq=first_seq + number,
            stream=stream,
            version=number + 1,
            actor=actor,
            at=at,
            recorded_at=at + timedelta(seconds=1),
            key=None,
            fact=fact,
            hash=f"{first_seq + number:064x}",
        )


def draft(
    fact: AnyFact,
    *,
    stream: str = INCIDENT,
    actor: str = PERSON,
    at: datetime = NINE,
    key: str | None = None,
    expect: int | None = None,
) -> Draft:
    """A fact on its way."""
    return Draft(stream=stream, actor=actor, at=at, fact=fact, key=key, expect=expect)


def opening(integration: str = "default", *, stream: str = INCIDENT) -> Draft:
    """The first fact of an incident."""
    return draft(IncidentOpened(integration=integration), stream=stream, actor="mx")
