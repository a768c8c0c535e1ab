"""Two pages are lost, the bot is restarted, and Slack is down all the while: the right people are woken, and none twice."""

import asyncio
from pathlib import Path

from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.demo.pagerduty_webhooks import WEBHOOK_SECRET
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.incident import Incident
from bot.domain.oncall import PageFailed, PageSent
from bot.timeline import Timeline
from tests.facts import assessment
from tests.paging_scene import DEDUP, SECOND_KEY
from tests.room import ANN, INCIDENT
from tests.stories.world import World, configure, started


async def write(world: World, *facts: e.AnyFact, actor: str = "mx") -> None:
    """Another process of mx writes these facts, as a terminal does."""
    async with Timeline.open(world.folder / "mx.db", clock=world.clock, scrub=str) as timeline:
        at = world.clock.now()
        await timeline.append(*(e.Draft(stream=INCIDENT, actor=actor, at=at, fact=fact) for fact in facts))


async def until_told(world: World, kind: type[e.AnyFact], count: int) -> Incident:
    """Wait in real time until there are so many facts of this kind; the incident then."""
    async with asyncio.timeout(30):
        while sum(isinstance(event.fact, kind) for event in await world.facts()) < count:  # noqa: ASYNC110 - another process writes
            await asyncio.sleep(0.1)
    return await world.incident()


async def test_two_lost_pages_and_a_restart_end_with_exactly_the_right_alerts(tmp_path: Path) -> None:
    async with started(tmp_path) as world, FakePagerDuty.start() as pagerduty:
        configure(tmp_path, bot=f'escalation_keys = ["{SECOND_KEY}"]\nonline_urls = []')
        pagerduty.routing_keys.add(SECOND_KEY)
        pagerduty.webhooks.now = world.clock.now
        world.env |= {
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": pagerduty.url,
            "PAGERDUTY_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        world.slack.mischief.down = True
        # The first page is done there and never answered; the next in line's does not get there at all.
        pagerduty.failing = ["lose", "lose", "lose", 503, "hang up", 429]
        async with world.bot(ready=False):
            found = assessment(Severity.SEV1, at=world.clock.now())
            await write(world, e.IncidentOpened(integration="default"), e.Assessed(assessment=found))
            await until_told(world, PageFailed, 2)
            assert [alert.routing_key for alert in pagerduty.alerts] == [ROUTING_KEY]
        world.clock.wind(60)
        async with world.bot(ready=False):
            incident = await until_told(world, PageSent, 2)
            assert [page.request.cause for page in incident.oncall.pages] == ["opened", "unreachable"]
            assert [(alert.routing_key, alert.state) for alert in pagerduty.alerts] == [
                (ROUTING_KEY, "triggered"),
                (SECOND_KEY, "triggered"),
            ]
            pagerduty.webhooks.url = f"{world.url}/pagerduty/webhook"
            made = await pagerduty.act(pagerduty.alert(DEDUP, routing_key=SECOND_KEY), "acknowledge")
            assert made.status == 202
            incident = await until_told(world, PageSent, 4)
            assert incident.acknowledged_by == "pagerduty:Jo Doe"
            assert {alert.state for alert in pagerduty.alerts} == {"acknowledged"}
            await write(world, e.Resolved(reason="over"), actor=ANN)
            await until_told(world, PageSent, 6)
        assert [(alert.routing_key, alert.state) for alert in pagerduty.alerts] == [
            (ROUTING_KEY, "resolved"),
            (SECOND_KEY, "resolved"),
        ]
        assert len(pagerduty.alerts[1].events) == 1
        assert {event["dedup_key"] for event in pagerduty.seen} == {DEDUP}
        assert world.cards() == [], "Slack was down all the while"
