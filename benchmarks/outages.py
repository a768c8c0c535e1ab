"""A long timeline as a year of outages leaves it: every kind of fact that an incident has, in its usual order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.domain import events as e
from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.fact import Address
from bot.domain.gap import Gap
from bot.domain.mitigation import Lease, Plan, PlannedStep
from bot.domain.oncall import (
    AckReminded,
    PageRequested,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.domain.readings import HttpDetail, Reading, Sample, Status
from bot.domain.showing import CardPosted
from bot.domain.watching import (
    GapsAccepted,
    GapsOpened,
    RecoveryChecked,
    RecoveryLine,
    VerifyRequested,
    WatchMoved,
)

FACTS = 50
"""So many facts has one incident."""

ASSESSED = 5
"""So many of them are assessments, the biggest kind: the monitor writes one down where something has changed."""

_BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
_ANA = "slack:U061F7AUR"
_PLAN = Plan(
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
    ),
    fingerprint="f1",
)


def integration(number: int, *, integrations: int) -> str:
    """Whose incident it is: all have their turn."""
    return f"i{number % integrations}"


def incident(number: int) -> str:
    """Its id."""
    return f"mx-20260105-{number:04x}"


def outage(number: int, *, integrations: int, over: bool = True) -> Iterator[e.Draft]:
    """One incident's facts, a minute apart; ``over``: it is resolved in the end."""
    name, whose = incident(number), integration(number, integrations=integrations)
    at = _BEGAN + timedelta(minutes=70 * number)
    facts = [*_life(number, whose, at)]
    facts += [e.NoteAdded(text="called MaintainX, they look into it")] * (FACTS - len(facts) - 1)
    facts.append(e.Resolved(reason="the 429s stopped") if over else e.NoteAdded(text="still looking"))
    for minute, fact in enumerate(facts):
        actor = _ANA if isinstance(fact, e.NoteAdded | e.Acknowledged | e.Resolved) else "mx"
        yield e.Draft(stream=name, actor=actor, at=at + timedelta(minutes=minute), fact=fact)


def _life(number: int, whose: str, at: datetime) -> Iterator[e.AnyFact]:
    run, page = f"run-{number}", f"page-{number}"
    due = at + timedelta(hours=1)
    gap = Gap(id=f"gap-{number}", entity="/workorders", direction="in", since=at)
    yield e.IncidentOpened(integration=whose, channel="C0123", found_by="monitor", failing_since=at)
    yield e.Assessed(assessment=assessment(whose, at))
    yield PageRequested(
        page=page,
        action="trigger",
        level=1,
        dedup=incident(number),
        cause="opened",
        severity=Severity.SEV2,
        says="SEV-2: 429 on every endpoint",
    )
    yield PageSent(page=page, pager="PagerDuty", says="taken")
    yield CardPosted(channel="C0123", message=f"1700000000.{number:06}")
    yield WatchMoved(integration=whose, was="well", now="bad", since=at, says="2 bad rounds in a row")
    yield GapsOpened(gaps=(gap,))
    yield ResponseReminded(due=due, stage="before", says="nobody has it yet")
    yield e.Acknowledged()
    yield e.RunRequested(run=run, playbook="rate-limited")
    yield e.RunPlanned(run=run, plan=_PLAN)
    yield e.StepStarted(run=run, index=0, epoch=1)
    yield e.StepFinished(run=run, index=0, outcome="done", says="limited", started=_lease(run, at))
    yield e.RunFinished(run=run, outcome="done", says="done")
    yield Snoozed(until=due, severity=Severity.SEV2, reason="on it")
    for _ in range(ASSESSED - 1):
        yield e.Assessed(assessment=assessment(whose, at))
    yield SnoozeEnded(cause="time", says="the quiet is over")
    yield AckReminded(lapses_at=due, says="do you still have it?")
    yield e.TriageRequested(request=f"t-{number}", integration=whose, address=Address(reply=f"r-{number}"))
    yield e.TriageFinished(
        request=f"t-{number}",
        severity=Severity.SEV2,
        verdict="us",
        incident=incident(number),
        says="SEV-2",
        address=Address(reply=f"r-{number}"),
    )
    yield e.LeaseEnded(lease=run, cause="expired", says="the limit ran out")
    yield GapsAccepted(gaps=(gap.id,), reason="read again by hand")
    yield VerifyRequested(request=f"v-{number}")
    lines = tuple(
        RecoveryLine(name=name, state="met", says="met, by what was just seen")
        for name in ("rounds", "fresh")
    )
    yield RecoveryChecked(request=f"v-{number}", verdict="proved", lines=lines, says="proved")
    yield WatchMoved(integration=whose, was="bad", now="well", since=at, says="3 good rounds in a row")


def _lease(run: str, at: datetime) -> Lease:
    return Lease(
        id=run,
        run=run,
        playbook="rate-limited",
        says="gateway at 1 request per second; asset-sync paused",
        owner=_ANA,
        reason="rate limited",
        since=at,
        expires_at=at + timedelta(hours=1),
    )


def assessment(whose: str, at: datetime) -> Assessment:
    """What a triage of an outage found."""
    samples = tuple(Sample(at_ms=500.0 * i, code=429, ms=31.5) for i in range(3))
    reading = Reading(
        probe="api",
        target="/workorders",
        status=Status.FAILING,
        ms=31.5,
        says="HTTP 429 three times out of three",
        detail=HttpDetail(url="https://api.getmaintainx.com/v1/workorders?limit=1", samples=samples),
    )
    finding = Finding(
        rule="rate_limited",
        severity=Severity.SEV2,
        verdict="us",
        symptom="429 on every endpoint",
        cause="more requests than MaintainX allows",
        check="look at the request volume of the last hour",
        evidence=("12 of 12 requests were answered with 429",),
        playbooks=("rate-limited",),
    )
    return Assessment(
        integration=whose,
        at=at,
        severity=Severity.SEV2,
        verdict="us",
        response_due=None,
        findings=(finding,),
        readings=(reading,) * 8,
        blind_spots=(),
        playbooks=("rate-limited",),
    )
