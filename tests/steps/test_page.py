"""The step ``page``: who is woken, with what, in which order, and how it is called off."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot.demo.pagerduty import FakePagerDuty
from bot.domain.assessment import Severity
from bot.domain.events import (
    AnyFact,
    Assessed,
    IncidentOpened,
    RunPlanned,
    RunRequested,
    StepFinished,
    StepStarted,
)
from bot.domain.fold import replay
from bot.domain.incident import Incident
from bot.domain.oncall import PageRequested, PageSent
from bot.errors import OutsideError
from bot.pagers.pagerduty import PagerDuty
from bot.ports import StepContext
from bot.steps.page import SET, PageStep
from tests.facts import INCIDENT, PLAN, SLACK, assessment, events
from tests.wound_clock import WoundClock

KEYS = ("1" * 32, "2" * 32, "3" * 32)

OPENED: tuple[AnyFact, ...] = (
    IncidentOpened(integration="default"),
    Assessed(request="t-1", assessment=assessment(Severity.SEV1)),
)


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty.start() as fake:
        yield fake


@pytest.fixture
def step(fake: FakePagerDuty) -> PageStep:
    clock = WoundClock()
    fake.routing_keys |= set(KEYS)
    names = ("the first", "the second", "the third")
    return PageStep(
        tuple(
            PagerDuty(SecretStr(key), url=fake.url, clock=clock, name=name)
            for key, name in zip(KEYS, names, strict=True)
        ),
        link=lambda incident: f"https://mx.example/incidents/{incident.id}",
    )


def about(*facts: AnyFact) -> Incident:
    return replay(events((*OPENED, *facts)))


def context(run: str, *facts: AnyFact, who: str = "next") -> StepContext:
    return StepContext(
        incident=INCIDENT,
        run=run,
        playbook="escalate",
        actor="slack:U1",
        values={"who": who},
        about=about(*facts),
    )


def paged(run: str, *, pager: int, outcome: str = "done") -> tuple[AnyFact, ...]:
    """A run whose first step paged, as its facts."""
    finished = StepFinished.model_validate(
        {"run": run, "index": 0, "outcome": outcome, "says": "", "evidence": [f"paged pager {pager} of 3"]}
    )
    return (
        RunRequested(run=run, playbook="escalate", fingerprint="f", address=SLACK),
        RunPlanned(run=run, plan=PLAN),
        StepStarted(run=run, index=0, epoch=1, before={"pager": pager}),
        finished,
    )


def test_its_values_are_checked(step: PageStep) -> None:
    assert step.check({"who": "next"}) == ()
    assert step.check({}) == ('who: it is missing; write "first" or "next"',)


async def test_the_page_carries_the_assessment(step: PageStep, fake: FakePagerDuty) -> None:
    now = context("run-1", who="first")
    planned = await step.plan(now)
    summary = f"SEV-1 MaintainX integration default: 429 on every endpoint ({INCIDENT})"
    assert planned.says == f'page the first (pager 1 of 3): "{summary}"'
    assert planned.undo_says == "call this page off"
    assert fake.seen == []
    result = await step.act(now, await step.before(now))
    assert (result.outcome, result.says, result.evidence) == (
        "done",
        "the first took the page",
        ("paged pager 1 of 3",),
    )
    (alert,) = fake.alerts
    assert alert.dedup_key == f"maintainx:default:{INCIDENT}"
    assert fake.seen[0]["client_url"] == f"https://mx.example/incidents/{INCIDENT}"
    sent = alert.events[0]
    assert (sent["summary"], sent["severity"]) == (summary, "critical")
    details = sent["custom_details"]
    assert details["verdict"] == "us"
    assert details["finding 1"] == (
        "429 on every endpoint. Cause: more requests than MaintainX allows. "
        "Check: look at the request volume of the last hour"
    )
    assert details["blind spots"] == "the status page could not be asked"
    assert details["who has it"] == "nobody has taken it yet"
    assert details["switched on"] == "nothing"


async def test_the_next_in_line_is_told_by_what_was_paged_in_this_incident(
    step: PageStep, fake: FakePagerDuty
) -> None:
    so_far: tuple[AnyFact, ...] = ()
    for number, place in enumerate((1, 2, 3), start=1):
        now = context(f"run-{number}", *so_far)
        result = await step.act(now, await step.before(now))
        assert result.evidence == (f"paged pager {place} of 3",)
        so_far += paged(f"run-{number}", pager=place)
    now = context("run-4", *so_far)
    assert "is the last in line" in (await step.plan(now)).warnings[0]
    result = await step.act(now, await step.before(now))
    assert result.evidence == ("paged pager 3 of 3",)
    assert result.says == (
        "the third took the page; it is the last in line and was paged before, "
        "so its alert was closed and opened again"
    )
    assert {alert.dedup_key for alert in fake.alerts} == {f"maintainx:default:{INCIDENT}"}
    assert [(alert.routing_key, alert.state) for alert in fake.alerts] == [
        (KEYS[0], "triggered"),
        (KEYS[1], "triggered"),
        (KEYS[2], "resolved"),
        (KEYS[2], "triggered"),
    ]


def asked(level: int, *, taken: bool = True) -> tuple[AnyFact, ...]:
    """A page that the follower asked for."""
    page = PageRequested(
        page=f"p-{level}",
        action="trigger",
        level=level,
        dedup=f"maintainx:default:{INCIDENT}",
        cause="opened",
        severity=Severity.SEV1,
        says="SEV-1",
    )
    return (page, PageSent(page=page.page, pager="p", says="ok")) if taken else (page,)


async def test_what_mx_itself_paged_is_not_paged_again(step: PageStep, fake: FakePagerDuty) -> None:
    now = context("run-1", *asked(1), who="first")
    assert (await step.plan(now)).says == (
        "page nobody: the first (pager 1 of 3) was paged for this incident already"
    )
    before = await step.before(now)
    result = await step.act(now, before)
    assert (result.outcome, result.evidence) == ("done", ())
    assert "nobody was paged once more" in result.says
    assert fake.seen == []
    assert await step.undo(replace(now, undoes="run-1"), before) is None
    now = context("run-2", *asked(1))
    assert (await step.act(now, await step.before(now))).evidence == ("paged pager 2 of 3",)


async def test_undo_leaves_what_mx_itself_has_paged_since(step: PageStep, fake: FakePagerDuty) -> None:
    now = context("run-1", *asked(1))
    before = await step.before(now)
    await step.act(now, before)
    since = context("run-2", *asked(1), *paged("run-1", pager=2), *asked(2))
    undone = await step.undo(replace(since, undoes="run-1", before=before), before)
    assert undone is not None
    assert "left as it is" in undone.says
    assert [alert.state for alert in fake.alerts] == ["triggered"]


async def test_what_was_not_paged_does_not_count(step: PageStep) -> None:
    now = context("run-2", *paged("run-1", pager=2, outcome="failed"))
    assert (await step.before(now))["pager"] == 1


async def test_undo_calls_off_that_page_and_no_other(step: PageStep, fake: FakePagerDuty) -> None:
    first = context("run-1")
    before = await step.before(first)
    await step.act(first, before)
    second = context("run-2", *paged("run-1", pager=1))
    await step.act(second, await step.before(second))
    undoing = replace(first, run="run-3", undoes="run-1", before=before)
    assert (await step.plan(undoing)).says == "call off the page at the first (pager 1 of 3)"
    undone = await step.undo(undoing, before)
    assert undone is not None
    assert undone.outcome == "done"
    assert [alert.state for alert in fake.alerts] == ["resolved", "triggered"]
    again = await step.observe(undoing)
    assert again is not None
    assert again.outcome == "done"


async def test_after_a_crash_it_is_sent_again_under_the_same_key(step: PageStep, fake: FakePagerDuty) -> None:
    began = paged("run-1", pager=1)[:3]
    now = context("run-1", *began)
    await step.act(now, {"pager": 1})
    # Meanwhile another run paged the next: the step keeps to whom it wrote down.
    now = context("run-1", *began, *paged("run-2", pager=2))
    result = await step.observe(now)
    assert result is not None
    assert result.evidence == ("paged pager 1 of 3",)
    assert "sent once more under the same key" in result.says
    assert [(alert.routing_key, len(alert.events)) for alert in fake.alerts] == [(KEYS[0], 2)]


async def test_nobody_is_configured() -> None:
    step = PageStep(())
    now = context("run-1")
    planned = await step.plan(now)
    assert planned.warnings == (f"nobody can be paged: {SET}",)
    result = await step.act(now, await step.before(now))
    assert (result.outcome, result.says) == (
        "inconclusive",
        f"nobody was paged: none is configured; {SET}",
    )
    assert "PAGERDUTY_ROUTING_KEY" in SET


async def test_a_pager_that_is_down_is_an_error(step: PageStep, fake: FakePagerDuty) -> None:
    fake.refuse()
    with pytest.raises(OutsideError, match="call the person yourself"):
        await step.act(context("run-1"), {"pager": 1})
