"""The auditor of pages: silent while each was sent, loud once where one was not, and the dead man's switch tells of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from bot.audit_pages import GRACE, PageAuditor
from bot.clocks import Clocks
from bot.demo.door import Door
from bot.demo.pagerduty import ROUTING_KEY
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar
from bot.domain.fact import Fact
from bot.domain.oncall import AckLapsed, PageOverdue, Snoozed, SnoozeEnded
from bot.domain.pages_due import kept_page
from bot.domain.reminders import Duty
from tests.domain.made import UTC_ZONE
from tests.paging_scene import SECOND_KEY, PagingScene, paging_scene
from tests.room import ANN, INCIDENT

CALENDAR = Calendar(UTC_ZONE)


class Watched:
    """The scene with an auditor over it and a dead man's switch that counts its pings."""

    def __init__(self, scene: PagingScene, url: str) -> None:
        self.scene = scene
        self.url = url
        self.pings = 0
        self.status = 200
        self.healthy = True
        self.auditor = self.restart()

    async def serve(self, _request: web.BaseRequest) -> web.StreamResponse:
        self.pings += 1
        return web.Response(status=self.status)

    def restart(self, *, pagers: int = 2) -> PageAuditor:
        self.auditor = PageAuditor(
            self.scene.timeline,
            self.scene.clock,
            calendar=CALENDAR,
            page_from=Severity.SEV2,
            pagers=pagers,
            switch_url=self.url,
            healthy=lambda: self.healthy,
        )
        return self.auditor

    async def rounds(self, minutes: int, *, paging: bool = True, clocks: bool = True) -> int:
        """So many minutes, each with a look of every follower and a round; how many pings they brought."""
        before = self.pings
        follower = Clocks(self.scene.timeline, self.scene.clock, duty=Duty(CALENDAR, timedelta(0)))
        for _ in range(minutes):
            self.scene.clock.wind(60)
            if clocks:
                await follower.step()
            if paging:
                await self.scene.paging.step()
            await self.auditor.step()
        return self.pings - before

    async def overdue(self) -> list[str]:
        history = await self.scene.timeline.history(INCIDENT)
        return [one.fact.says for one in history if isinstance(one.fact, PageOverdue)]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with paging_scene(tmp_path) as scene:
        made = Watched(scene, "")
        async with Door.open(made.serve) as door:
            made.url = f"{door.url}/ping/secret-of-the-switch"
            made.restart()
            yield made


async def test_while_every_page_is_sent_the_switch_is_pinged_each_round(watched: Watched) -> None:
    assert await watched.rounds(5) == 4, "not before its first grace is over"
    await watched.scene.open()
    assert await watched.rounds(40) == 40
    assert await watched.overdue() == []
    assert watched.scene.states() == [("first", "triggered", 1), ("second", "triggered", 1)]


async def test_a_page_that_nobody_asked_for_is_told_once_asked_for_and_the_switch_falls_silent(
    watched: Watched,
) -> None:
    await watched.rounds(3)
    await watched.scene.open()
    assert await watched.rounds(9, paging=False, clocks=False) == 1
    assert await watched.overdue() == [
        "the page that was due at 12:03 UTC is not sent (SEV-1, and nobody has it)"
    ]
    page = await watched.scene.page()
    assert (page.request.cause, page.request.level) == ("overdue", 1)
    # Once it is sent, all is well again.
    await watched.scene.look()
    assert watched.scene.states() == [("first", "triggered", 1)]
    assert await watched.rounds(1, clocks=False) == 1


async def test_a_page_that_no_pager_takes_is_overdue(watched: Watched) -> None:
    watched.scene.fake.broken = {ROUTING_KEY, SECOND_KEY}
    await watched.rounds(3)
    await watched.scene.open()
    assert await watched.rounds(8) == 1
    assert (await watched.overdue())[0].endswith("(SEV-1, and nobody has it)")
    watched.scene.fake.broken.clear()
    assert await watched.rounds(8) >= 4
    restarted = len(await watched.overdue())
    watched.restart()
    await watched.rounds(4)
    assert len(await watched.overdue()) == restarted


async def test_where_the_next_in_line_took_it_all_is_well(watched: Watched) -> None:
    watched.scene.fake.broken = {ROUTING_KEY}
    await watched.rounds(3)
    await watched.scene.open()
    assert await watched.rounds(10) == 10
    assert await watched.overdue() == []


async def test_a_missed_deadline_that_pages_nobody_is_overdue(watched: Watched) -> None:
    await watched.rounds(3)
    await watched.scene.open()
    assert await watched.rounds(20, clocks=False) < 20, "the clocks told nobody that it was missed"
    assert await watched.overdue() == [
        "the page that was due at 12:18 UTC is not sent (nobody had answered by 12:18 UTC)"
    ]
    assert watched.scene.states() == [("first", "triggered", 1), ("second", "triggered", 1)]


async def test_after_a_lapse_a_new_page_is_due(watched: Watched) -> None:
    await watched.scene.open()
    await watched.rounds(3)
    await watched.scene.write(e.Acknowledged(), actor=ANN)
    await watched.rounds(3)
    await watched.scene.write(AckLapsed(who=ANN, says="no sign"))
    assert await watched.rounds(5, paging=False, clocks=False) == 1
    assert len(await watched.overdue()) == 1


@pytest.mark.parametrize("facts", [(), (e.Acknowledged(),), (e.Resolved(reason="over"),)])
async def test_quiet_mild_and_owned_incidents_owe_no_page(
    watched: Watched, facts: tuple[e.AnyFact, ...]
) -> None:
    await watched.scene.open(Severity.SEV1 if facts else Severity.SEV3)
    await watched.scene.write(*facts, actor=ANN)
    assert await watched.rounds(10, paging=False, clocks=False) == 9
    assert await watched.overdue() == []


async def test_after_quiet_there_is_a_grace(watched: Watched) -> None:
    snooze: Fact = Snoozed(
        until=watched.scene.clock.now() + timedelta(hours=1), severity=Severity.SEV1, reason="so"
    )
    assert isinstance(snooze, Snoozed)
    await watched.scene.open()
    await watched.scene.write(snooze, actor=ANN)
    await watched.scene.write(AckLapsed(who=ANN, says="no sign"))
    await watched.rounds(30, paging=False, clocks=False)
    assert await watched.overdue() == []
    await watched.scene.write(SnoozeEnded(cause="person", says="over"))
    await watched.rounds(1, paging=False, clocks=False)
    assert await watched.overdue() == []
    await watched.rounds(2, paging=False, clocks=False)
    assert len(await watched.overdue()) == 2, "the opening's page, and that of the deadline"


async def test_a_kept_leases_page_is_owed_too(watched: Watched) -> None:
    await watched.scene.open(Severity.SEV3)
    await watched.scene.write(e.Acknowledged(), actor=ANN)
    kept = kept_page(await watched.scene.incident(), ref="run-1:13:00", says="kept on past 13:00")
    await watched.scene.write(kept)
    await watched.rounds(4, paging=False, clocks=False)
    assert await watched.overdue() == [
        "the page that was due at 12:00 UTC is not sent (it was asked for: kept on past 13:00)"
    ]


async def test_while_a_loop_is_down_or_nothing_was_proved_yet_the_switch_is_silent(watched: Watched) -> None:
    assert timedelta(minutes=2) == GRACE
    watched.healthy = False
    assert await watched.rounds(5) == 0
    watched.healthy = True
    assert await watched.rounds(2) == 2


async def test_a_switch_that_cannot_be_reached_stops_nothing_and_its_address_is_not_told(
    watched: Watched,
) -> None:
    with structlog.testing.capture_logs() as logs:
        await watched.rounds(2)
        watched.status = 500
        await watched.rounds(1)
        watched.url = "http://127.0.0.1:9/ping/secret-of-the-switch"
        watched.restart()
        await watched.rounds(4)
    assert "dead-man's switch not reached" in {line["event"] for line in logs}
    assert "secret-of-the-switch" not in str(logs)


async def test_without_a_pager_nothing_is_owed(watched: Watched) -> None:
    watched.restart(pagers=0)
    await watched.scene.open()
    assert await watched.rounds(10, paging=False) == 9
    assert await watched.overdue() == []


async def test_a_drill_owes_no_page_though_there_is_a_pager(watched: Watched) -> None:
    await watched.scene.open(drill=True)
    assert await watched.rounds(90) == 89
    assert await watched.overdue() == []
    assert watched.scene.states() == []
