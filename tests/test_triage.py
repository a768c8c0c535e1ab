"""The triage follower on a real timeline: each request is answered once, and the incident follows from it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.calendar import Calendar
from bot.domain.events import (
    Draft,
    Event,
    NoteAdded,
    Resolved,
    TriageFinished,
    TriageRequested,
    desk,
)
from bot.domain.fact import Address
from bot.domain.integration import Integration
from bot.domain.readings import Reading
from bot.domain.watching import VendorReported
from bot.errors import Conflict, StoreError
from bot.ports import Probe
from bot.timeline import Timeline
from bot.triage import Triage
from tests.clock import FakeClock
from tests.domain.made import INTEGRATION, everywhere, healthy

ASKER = "slack:U1"
SICK = everywhere(429)
DOWN = everywhere(500)


@dataclass
class Outside:
    """What the probes will read, how often it was asked, and with how many samples."""

    readings: Sequence[Reading] = ()
    asked: list[int] = field(default_factory=list)

    def probes(self, _name: str) -> Sequence[Probe]:
        return [_Told(self, reading) for reading in self.readings]


@dataclass(frozen=True)
class _Told:
    outside: Outside
    reading: Reading

    async def read(self, *, samples: int) -> Reading:
        if self.reading is self.outside.readings[0]:
            self.outside.asked.append(samples)
        return self.reading


class Flaky:
    """A timeline that once fails, or once lets somebody else be first."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.fails: list[Exception] = []
        self.first: list[Draft] = []

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        if self.fails:
            raise self.fails.pop()
        if self.first:
            await self.timeline.append(self.first.pop())
        return await self.timeline.append(*drafts)

    async def book(self) -> Book:
        return await self.timeline.book()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def timeline(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Timeline]:
    async with Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str) as opened:
        yield opened


@pytest.fixture
def outside() -> Outside:
    return Outside(healthy())


@pytest.fixture
def flaky(timeline: Timeline) -> Flaky:
    return Flaky(timeline)


@pytest.fixture
def triage(flaky: Flaky, clock: FakeClock, outside: Outside) -> Triage:
    ids = iter(("7f3a", "7f3a", "0001", "0002", "0003"))
    west = Integration(name="west", base_url="http://x", status_url="http://x", channel="C-WEST")
    return Triage(
        flaky,
        clock,
        probes_of=outside.probes,
        integrations={"default": INTEGRATION, "west": west},
        calendar=Calendar(ZoneInfo("Asia/Tokyo")),
        new_id=lambda: next(ids),
    )


async def ask(
    timeline: Timeline,
    clock: FakeClock,
    *,
    request: str = "r1",
    name: str = "default",
    samples: int = 3,
    stream: str | None = None,
) -> Event:
    fact = TriageRequested(request=request, integration=name, samples=samples, address=Address(channel="C1"))
    draft = Draft(stream=stream or desk(name), actor=ASKER, at=clock.now(), fact=fact, key=f"ask:{request}")
    [event] = await timeline.append(draft)
    return event


async def kinds(timeline: Timeline, stream: str) -> list[str]:
    return [event.fact.kind for event in await timeline.history(stream)]


async def finished(timeline: Timeline, stream: str) -> list[TriageFinished]:
    return [e.fact for e in await timeline.history(stream) if isinstance(e.fact, TriageFinished)]


async def test_nothing_asked_is_nothing_done(triage: Triage, outside: Outside) -> None:
    assert not await triage.advance()
    assert outside.asked == []


async def test_healthy_says_so_and_opens_nothing(
    triage: Triage, timeline: Timeline, clock: FakeClock
) -> None:
    await ask(timeline, clock)
    assert await triage.advance()
    assert not await triage.advance()
    [told] = await finished(timeline, desk("default"))
    assert (told.severity, told.verdict, told.incident) == (None, "nobody", None)
    assert told.says.startswith("healthy: 4 of 4 questions answered well")
    assert told.address.channel == "C1"
    assert (await timeline.book()).incidents() == ()


async def test_trouble_opens_one_incident_in_one_append(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    outside.readings = SICK
    clock.jump(7 * 3600)  # 16:00 UTC: in Tokyo the next day has begun
    asked = await ask(timeline, clock)
    assert await triage.advance()
    incident = (await timeline.book()).open_incident("default")
    assert incident is not None
    assert incident.id == "mx-20261124-7f3a"
    assert (incident.severity, incident.requested_by, incident.requested_at) == ("SEV-2", ASKER, asked.at)
    assert (incident.channel, incident.opened_by) == ("C1", "mx")
    assert await kinds(timeline, incident.id) == ["incident_opened", "assessed"]
    [told] = await finished(timeline, desk("default"))
    assert (told.severity, told.verdict, told.incident) == (Severity.SEV2, "us", incident.id)
    assert "our side: all 4 endpoints answered 429" in told.says
    assert outside.asked == [3]


async def test_the_integration_s_own_channel_comes_first(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    outside.readings = SICK
    await ask(timeline, clock, name="west")
    await triage.advance()
    incident = (await timeline.book()).open_incident("west")
    assert incident is not None
    assert incident.channel == "C-WEST"


async def test_later_triages_feed_the_open_incident_also_when_it_is_well_again(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    for number, readings in enumerate((SICK, DOWN, healthy())):
        outside.readings = readings
        await ask(timeline, clock, request=f"r{number}")
        await triage.advance()
    [incident] = (await timeline.book()).incidents()
    assert [at.assessment.severity for at in incident.assessments] == ["SEV-2", "SEV-1", None]
    assert (incident.severity, incident.healthy_now) == ("SEV-1", True)
    assert [told.incident for told in await finished(timeline, desk("default"))] == [incident.id] * 3


async def test_a_request_in_the_incident_is_answered_there(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    outside.readings = SICK
    await ask(timeline, clock)
    await triage.advance()
    [incident] = (await timeline.book()).incidents()
    await ask(timeline, clock, request="again", stream=incident.id)
    assert await triage.advance()
    assert await kinds(timeline, incident.id) == [
        "incident_opened",
        "assessed",
        "triage_requested",
        "assessed",
        "triage_finished",
    ]


async def test_after_a_resolved_incident_trouble_opens_a_new_one_with_an_id_of_its_own(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    outside.readings = SICK
    await ask(timeline, clock)
    await triage.advance()
    [first] = (await timeline.book()).incidents()
    await timeline.append(Draft(stream=first.id, actor=ASKER, at=clock.now(), fact=Resolved()))
    await ask(timeline, clock, request="r2")
    await triage.advance()
    _, second = (await timeline.book()).incidents()
    assert (first.id[-4:], second.id[-4:]) == ("7f3a", "0001")  # 7f3a came up again and was passed over


async def test_all_who_wait_are_answered_by_the_same_readings(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    """Two people type it at once: the API, which counts every request, is asked once."""
    outside.readings = SICK
    await ask(timeline, clock, request="a", samples=1)
    await ask(timeline, clock, request="b", samples=3)
    assert await triage.advance()
    assert not await triage.advance()
    assert outside.asked == [3]
    [incident] = (await timeline.book()).incidents()
    assert len(incident.assessments) == 1
    assert [told.request for told in await finished(timeline, desk("default"))] == ["a", "b"]


async def test_an_integration_that_is_not_configured_is_told_so(
    triage: Triage, timeline: Timeline, clock: FakeClock
) -> None:
    await ask(timeline, clock, name="south")
    assert await triage.advance()
    [told] = await finished(timeline, desk("south"))
    assert told.says == "there is no integration south; configured: default, west"


async def test_a_database_that_does_not_take_it_leaves_the_request_waiting(
    triage: Triage, timeline: Timeline, clock: FakeClock, flaky: Flaky, outside: Outside
) -> None:
    outside.readings = SICK
    await ask(timeline, clock)
    flaky.fails.append(StoreError("the disk is full"))
    with pytest.raises(StoreError):
        await triage.advance()
    assert (await timeline.book()).incidents() == ()
    assert await triage.advance()
    [incident] = (await timeline.book()).incidents()
    assert await kinds(timeline, incident.id) == ["incident_opened", "assessed"]


async def test_an_answer_that_is_written_already_is_not_written_twice(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside, flaky: Flaky
) -> None:
    outside.readings = SICK
    await ask(timeline, clock)
    await triage.advance()
    [incident] = (await timeline.book()).incidents()
    before = (await timeline.book()).head
    repeat = (await timeline.history(desk("default")))[-1]
    again = Draft(stream=repeat.stream, actor="mx", at=clock.now(), fact=repeat.fact, key=repeat.key)
    assert await flaky.append(again) == (repeat,)
    assert (await timeline.book()).head == before
    assert len(incident.assessments) == 1


async def test_a_fact_that_came_between_is_no_obstacle(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside, flaky: Flaky
) -> None:
    outside.readings = SICK
    await ask(timeline, clock)
    await triage.advance()
    [incident] = (await timeline.book()).incidents()
    await ask(timeline, clock, request="r2")
    note = NoteAdded(text="looking at it")
    flaky.first.append(Draft(stream=incident.id, actor=ASKER, at=clock.now(), fact=note))
    assert await triage.advance()
    assert await kinds(timeline, incident.id) == ["incident_opened", "assessed", "note_added", "assessed"]
    assert outside.asked == [3, 3]


async def test_resolved_in_between_opens_a_new_incident(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside, flaky: Flaky
) -> None:
    outside.readings = SICK
    await ask(timeline, clock)
    await triage.advance()
    [incident] = (await timeline.book()).incidents()
    await ask(timeline, clock, request="r2")
    flaky.first.append(Draft(stream=incident.id, actor=ASKER, at=clock.now(), fact=Resolved()))
    assert await triage.advance()
    assert len((await timeline.book()).incidents()) == 2
    assert (await kinds(timeline, incident.id))[-1] == "resolved"


async def test_it_gives_up_aloud_when_others_are_always_first(
    triage: Triage, timeline: Timeline, clock: FakeClock, flaky: Flaky
) -> None:
    await ask(timeline, clock)
    flaky.fails.extend(Conflict("moved on") for _ in range(20))
    with pytest.raises(Conflict, match="others were first 8 times"):
        await triage.advance()


async def test_what_was_changed_at_maintainx_lately_is_known_to_the_rules(
    triage: Triage, timeline: Timeline, clock: FakeClock, outside: Outside
) -> None:
    outside.readings = everywhere(401)
    at = clock.now() - timedelta(minutes=4)
    told = VendorReported(event="API_TOKEN_REVOKED", delivery="mxd_1", says="user 7 revoked an API token")
    await timeline.append(Draft(stream=desk("default"), actor="maintainx", at=at, fact=told))
    found = await triage.assess("default")
    assert found.findings[0].cause.startswith("user 7 revoked an API token at 08:56 UTC")
    assert "user 7" not in (await triage.assess("west")).findings[0].cause
