"""The monitor on a real timeline: what it writes, when it looks, and that one odd integration stops nobody."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import structlog

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.statuspage import FakeStatusPage
from bot.domain.calendar import Calendar
from bot.domain.events import AnyFact, Draft, Event, Resolved, TriageRequested, desk
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.readings import Reading
from bot.domain.watching import VendorReported, WatchMoved
from bot.errors import StoreError
from bot.keys import FixedKey
from bot.meter import Meter
from bot.monitor import SAMPLES, SAMPLES_IN_TROUBLE, Monitor
from bot.ports import Probe
from bot.probes.build import Outside, probes_for
from bot.samples import Round, Samples
from bot.timeline import Timeline
from bot.triage import Triage
from tests.domain import made
from tests.wound_clock import START, WoundClock

SICK = made.everywhere(429)
DOWN = [*made.everywhere(503, 503, 503), made.versions(503)]
SILENT = [*made.everywhere("connect"), made.page(None)]
PERSON = "slack:U1"


@dataclass
class Told:
    """A probe that says what the test wants, and may raise or hang."""

    rig: "Rig"
    name: str
    number: int

    async def read(self, *, samples: int) -> Reading:
        if self.number == 0:
            self.rig.asked.append((self.name, samples))
        if self.name in self.rig.raising:
            raise RuntimeError("this probe is broken")
        if self.name in self.rig.hanging:
            await asyncio.Event().wait()
        return self.rig.outside.get(self.name, made.healthy())[self.number]


@dataclass
class Rig:
    """Integrations, the timeline and the samples; the monitor is made anew as by a restart."""

    timeline: Timeline
    samples: Samples
    clock: WoundClock
    specs: dict[str, Integration]
    outside: dict[str, Sequence[Reading]] = field(default_factory=dict)
    """What is read of each; healthy where nothing is said."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    raising: set[str] = field(default_factory=set)
    hanging: set[str] = field(default_factory=set)
    online: bool = True
    slow_s: float = 0.0
    """How long it takes to find out whether mx is online."""
    real: Sequence[Probe] | None = None
    meter: Meter = field(default_factory=Meter)
    at_once: int = 4
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(0x1000))

    def __post_init__(self) -> None:
        self.restart()

    async def saw(self, _readings: Sequence[Reading]) -> bool:
        self.clock.wind(self.slow_s)
        return self.online

    def probes(self, name: str) -> Sequence[Probe]:
        if self.real is not None:
            return self.real
        return [Told(self, name, number) for number in range(len(self.outside.get(name, made.healthy())))]

    def restart(self) -> None:
        """A new process leads."""
        self.triage = Triage(
            self.timeline,
            self.clock,
            probes_of=self.probes,
            integrations=self.specs,
            calendar=Calendar(ZoneInfo("UTC")),
            new_id=lambda: f"{next(self.ids):x}",
        )
        self.monitor = Monitor(
            self.timeline,
            self.clock,
            triage=self.triage,
            samples=self.samples,
            online=self,
            integrations=self.specs,
            at_once=self.at_once,
            chance=lambda: 0.0,
            zone=ZoneInfo("UTC"),
            meter=self.meter,
        )

    async def on(self, seconds: float) -> None:
        """So many seconds pass."""
        end = self.clock.monotonic() + seconds
        while True:
            wait_s = await self.monitor.step()
            left = end - self.clock.monotonic()
            self.clock.wind(min(wait_s, left))
            if wait_s >= left:
                return

    async def incident(self, name: str = "default") -> Incident | None:
        return (await self.timeline.book()).open_incident(name)

    async def facts(self) -> list[AnyFact]:
        return [event.fact for event in await self.timeline.since(0)]

    async def kinds(self) -> list[str]:
        return [fact.kind for fact in await self.facts()]

    async def says(self, fact: AnyFact, stream: str, *, key: str | None = None) -> Event:
        draft = Draft(stream=stream, actor=PERSON, at=self.clock.now(), fact=fact, key=key)
        (event,) = await self.timeline.append(draft)
        return event


@asynccontextmanager
async def rigged(folder: Path, *names: str, **changes: object) -> AsyncIterator[Rig]:
    """A rig with integrations of these names."""
    clock = WoundClock()
    specs = {
        name: made.INTEGRATION.model_copy(update={"name": name, "channel": f"C-{name.upper()}", **changes})
        for name in names or ("default",)
    }
    async with (
        Timeline.open(folder / "mx.db", clock=clock, scrub=str) as timeline,
        Samples.open(folder / "mx.db", clock=clock, keep_s=172800) as samples,
    ):
        yield Rig(timeline, samples, clock, specs)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(tmp_path) as made_rig:
        yield made_rig


async def test_a_quiet_day_writes_one_fact_and_asks_each_five_minutes(rig: Rig) -> None:
    await rig.on(3601)
    assert await rig.kinds() == ["watch_moved"]
    assert len(rig.asked) == 13
    assert {samples for _, samples in rig.asked} == {SAMPLES}
    rounds = await rig.samples.latest("default", 100)
    assert [one.state for one in rounds] == ["well"] * 13
    assert {probe.target for probe in rounds[0].probes} == set(made.PATHS)


async def test_a_fault_becomes_an_incident_in_the_integration_s_own_channel(rig: Rig) -> None:
    await rig.on(1000)
    rig.outside["default"] = DOWN
    await rig.on(300 + 30)
    incident = await rig.incident()
    assert incident is not None
    assert (incident.found_by, incident.channel, incident.severity) == ("monitor", "C-DEFAULT", "SEV-1")
    assert incident.failing_since is not None
    assert (incident.failing_since - START).total_seconds() == pytest.approx(1200, abs=1)
    assert (incident.opened_at - incident.failing_since).total_seconds() == pytest.approx(30, abs=1)
    assert incident.requested_by is None
    assert incident.assessment is not None
    assert rig.asked[-1] == ("default", SAMPLES_IN_TROUBLE)


async def test_one_lost_packet_is_looked_at_again_soon_and_told_to_nobody(rig: Rig) -> None:
    await rig.on(700)
    before = await rig.kinds()
    rig.outside["default"] = DOWN
    await rig.on(201)
    rig.outside.clear()
    asked = len(rig.asked)
    await rig.on(31)
    assert len(rig.asked) == asked + 1
    await rig.on(3600)
    assert await rig.kinds() == before
    assert [one.state for one in await rig.samples.latest("default", 100)].count("bad") == 1


async def test_while_open_it_looks_each_thirty_seconds_and_writes_only_what_changed(rig: Rig) -> None:
    rig.outside["default"] = SICK
    await rig.on(31)
    asked = len(rig.asked)
    await rig.on(300)
    assert len(rig.asked) == asked + 10
    assert {samples for _, samples in rig.asked} == {
        1
    }  # where MaintainX limits the rate, more only makes it worse
    rig.outside["default"] = DOWN
    await rig.on(61)
    rig.outside["default"] = made.healthy()
    await rig.on(120)
    incident = await rig.incident()
    assert incident is not None
    assert [at.assessment.severity for at in incident.assessments] == ["SEV-2", "SEV-1", None]
    assert (incident.severity, incident.healthy_now) == ("SEV-1", True)


async def test_an_incident_that_a_person_opened_is_looked_at_more_often_from_then_on(rig: Rig) -> None:
    await rig.on(100)
    rig.outside["default"] = SICK
    await rig.says(TriageRequested(request="r1", integration="default"), desk("default"))
    assert await rig.triage.advance()
    asked = len(rig.asked)
    await rig.on(61)
    assert len(rig.asked) == asked + 3
    assert (await rig.kinds()).count("incident_opened") == 1


async def test_a_persons_triage_and_the_monitor_at_once_open_one_incident(rig: Rig) -> None:
    rig.outside["default"] = SICK
    await rig.monitor.step()
    rig.clock.wind(31)
    await rig.says(TriageRequested(request="r1", integration="default"), desk("default"))
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.triage.advance())
        group.create_task(rig.monitor.step())
    assert (await rig.kinds()).count("incident_opened") == 1
    assert "triage_finished" in await rig.kinds()


async def test_a_restart_between_two_bad_rounds_loses_no_count_and_opens_nothing_twice(rig: Rig) -> None:
    await rig.on(1000)
    rig.outside["default"] = DOWN
    await rig.on(201)
    assert await rig.incident() is None
    rig.restart()
    await rig.on(301)
    assert await rig.incident() is not None
    rig.restart()
    await rig.on(600)
    assert (await rig.kinds()).count("incident_opened") == 1
    assert (await rig.kinds()).count("assessed") == 1


async def test_bad_rounds_that_are_hours_apart_are_not_in_a_row(rig: Rig) -> None:
    rig.outside["default"] = DOWN
    await rig.monitor.step()
    rig.clock.wind(7200)
    rig.restart()
    await rig.monitor.step()
    assert await rig.incident() is None
    await rig.on(31)
    assert await rig.incident() is not None


async def test_after_a_resolve_it_is_judged_anew_and_not_opened_in_the_same_breath(rig: Rig) -> None:
    rig.outside["default"] = DOWN
    await rig.on(100)
    first = await rig.incident()
    assert first is not None
    await rig.says(Resolved(reason="we think so"), first.id)
    await rig.monitor.step()
    assert await rig.incident() is None
    await rig.on(300)
    assert await rig.incident() is None
    await rig.on(31)
    second = await rig.incident()
    assert second is not None
    assert second.id != first.id


async def test_after_a_resolve_that_was_right_it_says_that_it_is_well(rig: Rig) -> None:
    rig.outside["default"] = DOWN
    await rig.on(100)
    first = await rig.incident()
    assert first is not None
    rig.outside.clear()
    await rig.on(100)
    await rig.says(Resolved(), first.id)
    await rig.on(1200)
    watch = (await rig.timeline.book()).desk("default").watch
    assert watch is not None
    assert (watch.was, watch.now) == ("bad", "well")


async def test_announced_maintenance_opens_nothing_until_it_is_over_and_it_is_still_bad(rig: Rig) -> None:
    rig.outside["default"] = [*DOWN, made.page("maintenance")]
    await rig.on(1200)
    assert await rig.incident() is None
    assert await rig.kinds() == ["watch_moved"]
    rig.outside["default"] = DOWN
    await rig.on(331)
    assert await rig.incident() is not None


async def test_offline_blames_nobody_and_says_afterwards_what_was_not_seen(rig: Rig) -> None:
    rig.outside["default"], rig.online = SILENT, False
    await rig.on(1200)
    rig.outside.clear()
    rig.online = True
    await rig.on(1200)
    gone, back = [fact for fact in await rig.facts() if isinstance(fact, WatchMoved)]
    assert (gone.now, back.was, back.now) == ("offline", "offline", "well")
    assert "nobody is blamed" in gone.says
    assert "from 12:00 UTC to 12:20 UTC it saw nothing" in back.says
    assert "incident_opened" not in await rig.kinds()


async def test_what_the_vendor_changed_in_the_last_day_is_copied_into_the_incident(rig: Rig) -> None:
    for number, hours in enumerate((30.0, 20.0, 1.0)):
        rig.clock.wind(-hours * 3600)
        fact = VendorReported(
            event="API_TOKEN_REVOKED", delivery=f"d{number}", says=f"a token, {hours} h ago"
        )
        await rig.says(fact, desk("default"), key=f"vendor:{number}")
        rig.clock.wind(hours * 3600)
    rig.outside["default"] = SICK
    await rig.on(31)
    incident = await rig.incident()
    assert incident is not None
    assert [change.says for change in incident.changes] == ["a token, 20.0 h ago", "a token, 1.0 h ago"]
    assert (incident.opened_at - incident.changes[1].at).total_seconds() == pytest.approx(3600, abs=60)
    keys = [event.key for event in await rig.timeline.history(incident.id)]
    assert f"vendor:{incident.id}:d2" in keys


async def test_a_persons_triage_copies_them_too(rig: Rig) -> None:
    fact = VendorReported(event="USER_REMOVED", delivery="d1", says="a user is gone")
    await rig.says(fact, desk("default"))
    rig.outside["default"] = SICK
    await rig.says(TriageRequested(request="r1", integration="default"), desk("default"))
    assert await rig.triage.advance()
    incident = await rig.incident()
    assert incident is not None
    assert [change.says for change in incident.changes] == ["a user is gone"]


async def test_one_that_raises_and_one_that_hangs_stop_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.monitor.HUNG_S", 0.05)
    async with rigged(tmp_path, "broken", "hung", "sick", "well", deadline_s=0.1) as rig:
        rig.raising, rig.hanging, rig.outside = {"broken"}, {"hung"}, {"sick": SICK}
        with structlog.testing.capture_logs() as logs:
            await rig.on(31)
        assert await rig.incident("sick") is not None
        told = {line["integration"]: str(line["fault"]) for line in logs if line["event"] == "round fell"}
        assert told.keys() == {"broken", "hung"}
        assert "RuntimeError at" in told["broken"]
        assert "did not keep its deadline" in told["hung"]
        assert rig.meter.rounds.value("fault") == 2
        rig.raising.clear()
        rig.outside["broken"] = DOWN
        await rig.on(331)
        assert await rig.incident("broken") is not None


async def test_a_store_that_takes_nothing_for_a_while_delays_the_incident_and_loses_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.outside["default"] = DOWN
    await rig.monitor.step()
    rig.clock.wind(30)
    append = rig.timeline.append

    async def fails(*drafts: Draft) -> tuple[Event, ...]:
        raise StoreError("the disk is full")

    monkeypatch.setattr(rig.timeline, "append", fails)
    await rig.monitor.step()
    assert await rig.incident() is None
    monkeypatch.setattr(rig.timeline, "append", append)
    await rig.on(31)
    assert await rig.incident() is not None


async def test_samples_that_cannot_be_kept_are_no_reason_to_miss_an_incident(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_round: Round) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(rig.samples, "add", fails)
    rig.outside["default"] = DOWN
    await rig.on(31)
    assert await rig.incident() is not None


async def test_a_round_in_which_nothing_could_be_asked_is_told_and_counts_for_nothing(rig: Rig) -> None:
    await rig.on(700)
    rig.outside["default"] = [made.page(None)]
    with structlog.testing.capture_logs() as logs:
        await rig.on(300)
    assert any(line["event"] == "round blind" for line in logs)
    assert rig.meter.rounds.value("blind") == 1
    assert await rig.kinds() == ["watch_moved"]


async def test_a_round_that_takes_longer_than_its_interval_is_counted_and_told_once(tmp_path: Path) -> None:
    async with rigged(tmp_path, interval_s=10.0) as rig:
        rig.slow_s = 15
        rig.outside["default"] = DOWN
        rig.specs["default"] = rig.specs["default"].model_copy(update={"interval_open_s": 10.0})
        rig.restart()
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await rig.monitor.step()
                rig.clock.wind(1)
        assert rig.meter.rounds_late.value() == 3
        assert [line["event"] for line in logs].count("round too long") == 1


async def test_no_more_than_so_many_are_asked_at_once(tmp_path: Path) -> None:
    async with rigged(tmp_path, *(f"i{n}" for n in range(40))) as rig:
        going, most = 0, 0
        read = Told.read

        async def counted(self: Told, *, samples: int) -> Reading:
            nonlocal going, most
            going += self.number == 0
            most = max(most, going)
            await asyncio.sleep(0.02)
            going -= self.number == 0
            return await read(self, samples=samples)

        rig.clock.wind(0)
        Told.read = counted  # type: ignore[method-assign] # counts who is at it
        try:
            await rig.monitor.step()
            rig.clock.wind(60)
            await rig.monitor.step()
        finally:
            Told.read = read  # type: ignore[method-assign]
        assert len(rig.asked) == 40
        assert most == 4


async def test_one_that_is_not_to_be_watched_is_not(tmp_path: Path) -> None:
    async with rigged(tmp_path, watch=False) as rig:
        await rig.on(1000)
        assert rig.asked == []


async def test_an_incident_without_a_channel_is_told_to_the_operator(tmp_path: Path) -> None:
    async with rigged(tmp_path, channel=None) as rig:
        rig.outside["default"] = DOWN
        with structlog.testing.capture_logs() as logs:
            await rig.on(31)
        assert any("MX_INCIDENT_CHANNEL" in str(line.get("do")) for line in logs)


async def test_the_follower_looks_by_itself_on_real_sockets(tmp_path: Path) -> None:
    """With the real probes against stand-ins, to the incident and back to well, followed and not stepped."""
    clock = WoundClock()
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        maintainx = await enter(
            FakeMaintainX.start(key="k-0123456789", user_limit=10_000, organisation_limit=10_000)
        )
        service = await enter(FakeIntegration.start(base_url=maintainx.base_url, key="k-0123456789", jobs=()))
        page = await enter(FakeStatusPage.start())
        timeline = await enter(Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str))
        samples = await enter(Samples.open(tmp_path / "mx.db", clock=clock, keep_s=172800))
        outside = await enter(Outside.open(clock=clock, scrub=str))
        spec = Integration(
            base_url=maintainx.base_url,
            health_url=service.health_url,
            health_configured=True,
            status_url=page.url,
            channel="C1",
        )
        probes = probes_for(spec, key=FixedKey("key", "k-0123456789"), outside=outside)
        rig = Rig(timeline, samples, clock, {"default": spec})
        rig.real = probes
        rig.restart()
        await rig.on(700)
        assert await rig.kinds() == ["watch_moved"]
        maintainx.break_(Fault("limited"))
        await rig.on(331)
        incident = await rig.incident()
        assert incident is not None
        assert incident.severity == "SEV-2"
        maintainx.heal()
        await rig.on(91)
        incident = await rig.incident()
        assert incident is not None
        assert incident.healthy_now
