"""An incident on a real timeline, PagerDuty's stand-in with two services, and the paging follower between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.incident import Incident
from bot.domain.oncall_state import PageState
from bot.meter import Meter
from bot.page_about import Links
from bot.page_links import PageLinks
from bot.pagers.pagerduty import PagerDuty
from bot.paging import Paging, line_of
from bot.timeline import Timeline
from tests.facts import assessment
from tests.room import INCIDENT, timeline_at, write
from tests.wound_clock import WoundClock

SECOND_KEY = "2" * 32
LINK_SECRET = "link-secret-0123456789"
DEDUP = f"maintainx:default:{INCIDENT}"


class PagingScene:
    """What a test sets up and looks at; ``restart`` gives a follower that remembers nothing."""

    def __init__(self, folder: Path, timeline: Timeline, fake: FakePagerDuty, clock: WoundClock) -> None:
        self.folder, self.timeline, self.fake, self.clock = folder, timeline, fake, clock
        self.term = 0
        self.pagers = tuple(
            PagerDuty(SecretStr(key), url=fake.url, clock=clock, name=name)
            for key, name in ((ROUTING_KEY, "the first"), (SECOND_KEY, "the second"))
        )
        self.links = Links(PageLinks("https://mx.example", LINK_SECRET, days=7, clock=clock))
        self.meter = Meter()
        self.paging = self.restart()

    def restart(self, *, pagers: int = 2) -> Paging:
        chosen = self.pagers[:pagers]
        self.paging = Paging(
            self.timeline,
            self.clock,
            pagers=chosen,
            line=line_of(chosen, Severity.SEV2),
            epoch=lambda: self.term,
            link=self.links,
            meter=self.meter,
        )
        return self.paging

    async def open(
        self, severity: Severity = Severity.SEV1, *, incident: str = INCIDENT, drill: bool = False
    ) -> None:
        integration = "default" if incident == INCIDENT else incident
        found = assessment(severity, at=self.clock.now())
        opened = e.IncidentOpened(integration=integration, drill=drill)
        await write(self.timeline, self.clock, opened, e.Assessed(assessment=found), incident=incident)

    async def write(self, *facts: e.AnyFact, actor: str = "mx") -> None:
        await write(self.timeline, self.clock, *facts, actor=actor)

    async def look(self, minutes: float = 0) -> None:
        self.clock.wind(minutes * 60)
        await self.paging.step()

    async def incident(self, incident: str = INCIDENT) -> Incident:
        found = (await self.timeline.book()).incident(incident)
        assert found is not None
        return found

    async def page(self, number: int = -1) -> PageState:
        return (await self.incident()).oncall.pages[number]

    def states(self) -> list[tuple[str, str, int]]:
        """Each alert: whose it is, its state, how often it was triggered."""
        names = {ROUTING_KEY: "first", SECOND_KEY: "second"}
        return [(names[one.routing_key], one.state, len(one.events)) for one in self.fake.alerts]


@asynccontextmanager
async def paging_scene(folder: Path) -> AsyncIterator[PagingScene]:
    """All of it, until the block ends."""
    clock = WoundClock()
    async with FakePagerDuty.start() as fake, timeline_at(folder / "mx.db", clock) as timeline:
        fake.routing_keys.add(SECOND_KEY)
        fake.webhooks.now = clock.now
        yield PagingScene(folder, timeline, fake, clock)
