"""Before a lease ends its owner is asked, once; what must not end by itself is kept on, and somebody is woken."""

from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.mitigation import AtExpiry, Lease
from bot.domain.oncall import PageRequested
from bot.errors import OutsideError
from bot.lease_clock import LeaseClock
from bot.timeline import Timeline
from tests.room import ANN, INCIDENT, numbered, open_incident, timeline_at, write
from tests.wound_clock import WoundClock


class Scene:
    """An incident with a lease, and the follower over it."""

    def __init__(self, timeline: Timeline, clock: WoundClock, *, pagers: int = 1) -> None:
        self.timeline, self.clock = timeline, clock
        self.asked: list[str] = []
        self.slack_is_down = False
        self.leases = LeaseClock(
            timeline, clock, pagers=pagers, new_id=numbered("kept"), ask=self._ask, zone=UTC
        )

    async def _ask(self, incident: Incident, lease: Lease, says: str) -> None:
        if self.slack_is_down:
            raise OutsideError("posting: no connection")
        self.asked.append(f"{incident.id} {lease.owner}: {says}")

    async def lease(self, *, minutes: float = 60, at_expiry: AtExpiry = "undo") -> None:
        now = self.clock.now()
        lease = Lease(
            id="run-1",
            run="run-1",
            playbook="platform-outage",
            says="gateway: writes buffered",
            owner=ANN,
            reason="outage",
            since=now,
            expires_at=now + timedelta(minutes=minutes),
            at_expiry=at_expiry,
        )
        asked = e.RunRequested(run="run-1", playbook="platform-outage")
        done = e.StepFinished(run="run-1", index=0, outcome="done", says="on", started=lease)
        over = e.RunFinished(run="run-1", outcome="done", says="on")
        await write(self.timeline, self.clock, asked, done, over)

    async def wind(self, minutes: float) -> None:
        self.clock.wind(minutes * 60)
        await self.leases.step()

    async def pages(self) -> list[PageRequested]:
        incident = (await self.timeline.book()).incident(INCIDENT)
        assert incident is not None
        return [page.request for page in incident.oncall.pages]

    async def runs(self) -> list[str]:
        incident = (await self.timeline.book()).incident(INCIDENT)
        assert incident is not None
        return [f"{run.mode} {run.undoes}" for run in incident.runs if run.mode != "apply"]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        yield Scene(timeline, clock)


async def test_the_owner_is_asked_once_shortly_before_the_end(scene: Scene) -> None:
    await scene.lease()
    await scene.wind(49)
    assert scene.asked == []
    await scene.wind(1)
    await scene.wind(1)
    assert scene.asked == [
        (
            f"{INCIDENT} {ANN}: platform-outage (gateway: writes buffered) ends at 13:00 UTC; it is then taken back by "
            f"itself. To keep it on, press Keep on at the card of {INCIDENT}; to end it now: /mx undo platform-outage"
        )
    ]
    await scene.wind(8.9)
    assert (len(scene.asked), await scene.runs(), await scene.pages()) == (1, [], [])


async def test_a_short_lease_is_not_asked_about_at_its_beginning(scene: Scene) -> None:
    await scene.lease(minutes=9)
    await scene.wind(5)
    assert scene.asked == []
    await scene.wind(1)
    assert len(scene.asked) == 1


async def test_while_slack_is_down_the_owner_is_asked_again_later(scene: Scene) -> None:
    await scene.lease()
    scene.slack_is_down = True
    await scene.wind(51)
    scene.slack_is_down = False
    await scene.wind(1)
    assert len(scene.asked) == 1


async def test_what_must_not_end_by_itself_is_kept_on_and_somebody_is_woken(scene: Scene) -> None:
    await scene.lease(at_expiry="keep")
    await scene.wind(51)
    assert "mx then keeps it on and wakes somebody" in scene.asked[0]
    await scene.wind(7.5)
    await scene.wind(0.1)
    assert await scene.runs() == ["extend run-1"]
    (page,) = await scene.pages()
    assert (page.action, page.level, page.cause, page.dedup) == (
        "trigger",
        1,
        "kept",
        f"maintainx:default:{INCIDENT}",
    )
    assert page.says == (
        f"platform-outage is kept on past 13:00 UTC in {INCIDENT}: gateway: writes buffered. {ANN} owns it; "
        "when it is over: /mx undo platform-outage"
    )


async def test_it_is_kept_on_even_where_nobody_can_be_woken(tmp_path: Path) -> None:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline:
        await open_incident(timeline, clock)
        scene = Scene(timeline, clock, pagers=0)
        await scene.lease(at_expiry="keep")
        await scene.wind(58.5)
        assert await scene.runs() == ["extend run-1"]
        assert await scene.pages() == []


async def test_after_the_incident_is_over_nothing_is_kept_on(scene: Scene) -> None:
    await scene.lease(at_expiry="keep")
    await write(scene.timeline, scene.clock, e.Resolved(reason="over", accepted=("it is on",)))
    await scene.wind(59)
    assert (await scene.runs(), await scene.pages()) == ([], [])
