"""The paging follower over a real timeline and a real PagerDuty: sent once, tried again, called off, never for nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.door import beside
from bot.demo.pagerduty import ROUTING_KEY
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.fold import replay
from bot.domain.incident import Card, Incident
from bot.domain.oncall import AckLapsed, PageRequested, ResponseReminded
from bot.errors import Conflict
from bot.page_about import Links, page_about
from bot.page_links import PageLinks
from bot.paging import AGAIN_S, Paging, line_of
from bot.ports import Page
from tests.facts import events
from tests.paging_scene import DEDUP, LINK_SECRET, PagingScene, paging_scene
from tests.room import ANN, INCIDENT, timeline_at, write
from tests.wound_clock import WoundClock


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PagingScene]:
    async with paging_scene(tmp_path) as scene:
        yield scene


async def test_from_the_page_to_its_end(scene: PagingScene) -> None:
    await scene.open()
    await scene.look()
    assert scene.states() == [("first", "triggered", 1)]
    (event,) = scene.fake.seen
    assert event["dedup_key"] == DEDUP
    assert event["client_url"].startswith(f"https://mx.example/incidents/{INCIDENT}?key=")
    payload = event["payload"]
    assert (payload["severity"], payload["summary"]) == (
        "critical",
        f"SEV-1 MaintainX integration default: 429 on every endpoint ({INCIDENT})",
    )
    assert payload["custom_details"]["who has it"] == "nobody has taken it yet"
    assert payload["custom_details"]["finding 1"].startswith("429 on every endpoint. Cause: more requests")
    await scene.write(ResponseReminded(due=scene.clock.now(), stage="missed", says=""))
    scene.clock.wind(1)
    await scene.write(ResponseReminded(due=scene.clock.now(), stage="missed", says=""))
    await scene.look()
    assert scene.states() == [("first", "triggered", 1), ("second", "triggered", 1)]
    await scene.write(e.Acknowledged(), actor=ANN)
    await scene.look()
    assert [state for _, state, _ in scene.states()] == ["acknowledged", "acknowledged"]
    await scene.write(e.Resolved(reason="over"), actor=ANN)
    await scene.look()
    await scene.look()
    assert [state for _, state, _ in scene.states()] == ["resolved", "resolved"]
    assert len(scene.fake.seen) == 6, "each was told once"
    await scene.write(e.Reopened(reason="back"))
    await scene.look()
    assert scene.states()[2:] == [("first", "triggered", 1)]


async def test_a_lone_pager_is_rung_anew_when_an_acknowledgement_lapses(scene: PagingScene) -> None:
    scene.restart(pagers=1)
    await scene.open()
    await scene.look()
    await scene.write(e.Acknowledged(), actor=ANN)
    await scene.look()
    await scene.write(AckLapsed(who=ANN, says="no sign"))
    await scene.look()
    assert scene.states() == [("first", "resolved", 1), ("first", "triggered", 1)]


async def test_what_fails_is_tried_again_at_growing_waits_and_the_next_is_paged_at_once(
    scene: PagingScene,
) -> None:
    scene.fake.broken.add(ROUTING_KEY)
    await scene.open()
    await scene.look()
    assert scene.states() == [("second", "triggered", 1)]
    page = await scene.page(0)
    assert page.failed is not None
    assert page.failed.says == (
        "paging the first: it answered 503: <html>no</html> (3 tries); the second, the next in line, is paged as well"
    )
    assert scene.fake.alerts[0].events[0]["summary"].startswith("the one before you cannot be reached: SEV-1")
    asked = scene.fake.asked
    await scene.look()
    assert scene.fake.asked == asked, "not before its time"
    waits = []
    while (failed := (await scene.page(0)).failed) is not None and failed.again_at is not None:
        waits.append((failed.again_at - scene.clock.now()).total_seconds())
        scene.clock.wind(waits[-1])
        await scene.look()
    assert waits == list(AGAIN_S)
    assert scene.meter.pages.value("1", "trigger", "failed") == 1 + len(AGAIN_S)
    assert scene.meter.pages.value("2", "trigger", "taken") == 1
    assert 3000 < sum(waits) < 4000
    assert not (await scene.page(0)).waits
    scene.fake.broken.clear()
    await scene.look(600)
    assert scene.states() == [("second", "triggered", 1)], "given up is given up: a person has to call"


async def test_a_restart_forgets_nothing_that_waits_and_sends_nothing_twice(scene: PagingScene) -> None:
    scene.fake.failing = [503, "hang up", 429, 500, 500, 500]
    await scene.open()
    await scene.look()
    assert scene.states() == [], "neither could be reached"
    await scene.restart().step()
    assert scene.states() == []
    scene.restart()
    await scene.look(1)
    assert scene.states() == [("first", "triggered", 1), ("second", "triggered", 1)]
    for _ in range(3):
        await scene.restart().step()
    assert scene.states() == [("first", "triggered", 1), ("second", "triggered", 1)]


async def test_a_crash_between_sending_and_writing_is_joined_by_the_pager_and_called_off_at_the_end(
    scene: PagingScene,
) -> None:
    scene.restart(pagers=1)
    await scene.open()
    scene.fake.failing = ["lose", "lose", "lose"]  # done there, never heard of here
    await scene.look()
    assert (await scene.page()).sent_at is None
    scene.clock.wind(5)
    scene.restart(pagers=1)
    await scene.write(e.Resolved(reason="over"), actor=ANN)
    await scene.look()
    assert [state for _, state, _ in scene.states()] == ["resolved"]


async def test_what_was_asked_for_by_a_process_that_died_is_called_off_since_it_may_have_been_sent(
    scene: PagingScene,
) -> None:
    await scene.open()
    request = PageRequested(
        page="p-1",
        action="trigger",
        level=1,
        dedup=DEDUP,
        cause="opened",
        severity=Severity.SEV1,
        says="SEV-1",
    )
    await scene.write(request)
    await scene.pagers[0].page(_page())
    scene.clock.wind(60)
    scene.restart()
    await scene.write(e.Resolved(reason="over"), actor=ANN)
    await scene.look()
    assert scene.states() == [("first", "resolved", 1)]


async def test_a_400_is_never_repeated_and_falls_through(scene: PagingScene) -> None:
    scene.fake.failing = [400]
    await scene.open()
    await scene.look()
    await scene.look(600)
    page = await scene.page(0)
    assert page.failed is not None
    assert (page.failed.tries, page.failed.again_at) == (1, None)
    assert scene.states() == [("second", "triggered", 1)]


async def test_with_nobody_else_in_line_it_says_so(scene: PagingScene) -> None:
    scene.restart(pagers=1)
    scene.fake.failing = [400]
    await scene.open()
    await scene.look()
    failed = (await scene.page()).failed
    assert failed is not None
    assert failed.says.endswith("nobody else is in line: call somebody yourself")


async def test_what_nobody_needs_any_more_is_not_sent(scene: PagingScene) -> None:
    scene.fake.broken.add(ROUTING_KEY)
    scene.restart(pagers=1)
    await scene.open()
    await scene.look()
    scene.fake.broken.clear()
    await scene.write(e.Acknowledged(), actor=ANN)
    await scene.look(1)
    assert scene.states() == [], "the acknowledgement of what is not there is dropped by PagerDuty"
    assert (await scene.page(0)).dropped == "perhaps"
    history = await scene.timeline.history(INCIDENT)
    assert f"the first is not told any more: {ANN} has it" in [
        getattr(event.fact, "says", "") for event in history
    ]


async def test_a_pager_that_is_not_configured_any_more_is_told_to_people(scene: PagingScene) -> None:
    await scene.open()
    await scene.look()
    await scene.write(ResponseReminded(due=scene.clock.now() + timedelta(seconds=1), stage="missed", says=""))
    await scene.look()
    scene.restart(pagers=1)
    await scene.write(e.Resolved(reason="over"), actor=ANN)
    await scene.look()
    assert scene.states() == [("first", "resolved", 1), ("second", "triggered", 1)]
    failed = (await scene.page(-1)).failed
    assert failed is not None
    assert "pager 2 is not configured" in failed.says


async def test_incidents_are_paged_side_by_side_and_within_one_in_order(scene: PagingScene) -> None:
    scene.fake.failing = ["hang up"]
    for number in range(20):
        await scene.open(incident=f"mx-{number}")
    await scene.look()
    assert len(scene.fake.open_alerts()) == 20
    assert len({alert.dedup_key for alert in scene.fake.alerts}) == 20


async def test_two_processes_ask_for_a_page_once(scene: PagingScene) -> None:
    await scene.open()
    async with timeline_at(scene.folder / "mx.db", scene.clock) as other:
        second = PagingScene(scene.folder, other, scene.fake, scene.clock)
        await asyncio.gather(scene.paging.step(), second.paging.step())
    triggers = [page for page in (await scene.incident()).oncall.pages if page.request.action == "trigger"]
    assert len(triggers) == 1
    assert len(scene.fake.alerts) == 1


async def test_a_process_whose_term_is_over_sends_nothing(scene: PagingScene) -> None:
    await scene.timeline.next_epoch()
    await scene.open()
    with pytest.raises(ExceptionGroup) as raised:
        await scene.look()
    assert isinstance(raised.value.exceptions[0], Conflict)
    assert scene.fake.seen == []
    with pytest.raises(Conflict):
        await asyncio.wait_for(scene.paging.follow(), 5)


class Hanging:
    """A pager that never answers for one incident, and works for the others."""

    name, reports_as = "the hanging one", ""

    def __init__(self) -> None:
        self.paged: list[str] = []

    async def page(self, page: Page) -> str:
        if page.dedup == DEDUP:
            await asyncio.Event().wait()
        self.paged.append(page.dedup)
        return "ok"

    async def acknowledge(self, dedup: str) -> str:
        return "ok"

    async def end(self, dedup: str) -> str:
        self.paged.remove(dedup)
        return "ok"


async def test_the_loop_pages_by_itself_and_a_pager_that_hangs_holds_no_other_incident_up(
    scene: PagingScene,
) -> None:
    pager = Hanging()
    paging = Paging(
        scene.timeline,
        scene.clock,
        pagers=[pager],
        line=line_of([pager], Severity.SEV2),
        epoch=lambda: 0,
        link=scene.links,
    )
    async with asyncio.timeout(20), beside(paging.follow()):
        await scene.open()
        await scene.open(incident="mx-2")
        while not pager.paged:  # noqa: ASYNC110 - the pager tells nobody
            await asyncio.sleep(0.02)
        resolved = e.Resolved(reason="over")
        await write(scene.timeline, scene.clock, resolved, actor=ANN, incident="mx-2")
        while pager.paged:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await scene.page()).waits


def _incident(card: Card | None = None) -> Incident:
    return replace(replay(events((e.IncidentOpened(integration="default"),))), card=card)


def _page() -> Page:
    return page_about(_incident(), by="mx", link=None)


def test_the_link_is_the_card_once_it_is_there() -> None:
    clock = WoundClock()
    pages = PageLinks("https://mx.example/", LINK_SECRET, days=7, clock=clock)
    from_public, address = Links(pages), f"https://mx.example/incidents/{INCIDENT}?key="
    for nowhere in (None, "https://mx.example/"), (LINK_SECRET, None):
        assert Links(PageLinks(nowhere[1], nowhere[0], days=7, clock=clock))(_incident()) is None
    link = from_public(_incident()) or ""
    assert link.startswith(address)
    assert pages.left_s(f"incidents/{INCIDENT}", link.removeprefix(address)) > 0, (
        "whoever is woken can open it"
    )
    from_public.workspace_url = "https://team.slack.com/"
    assert from_public(_incident()) == link
    card = Card("C0INC", "1700000000.000100")
    assert from_public(_incident(card)) == "https://team.slack.com/archives/C0INC/p1700000000000100"
