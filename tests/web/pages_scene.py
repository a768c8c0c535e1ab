"""The pages of incidents over a real timeline and a real socket; the server can be stopped and started on its port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.domain import events as e
from bot.domain.calendar import Calendar
from bot.domain.oncall import PageRequested, PageSent, ResponseReminded
from bot.domain.reminders import Duty
from bot.lanes import Lanes
from bot.listening import listening
from bot.page_about import Links
from bot.page_links import PageLinks
from bot.templating import Templates
from bot.timeline import Timeline
from bot.web.drawing import Drawing
from bot.web.filling import Filling
from bot.web.incidents import routes
from bot.web.live import Live
from bot.web.people import People
from tests.facts import EVERY_FACT, INCIDENT, LEASE, PLAN, assessment
from tests.room import timeline_at
from tests.wound_clock import WoundClock

SECRET = "link-secret-0123456789"
NAMES = {"slack:U0ANN": "Ann Abel", "slack:U0BEN": "Ben Bo", "slack:U061F7AUR": "Cleo Cruz"}
ANN, BEN = "slack:U0ANN", "slack:U0BEN"


@dataclass(slots=True)
class PagesScene:
    """What a test touches. ``url`` is where the pages are, as ``MX_PUBLIC_URL`` says."""

    folder: Path
    timeline: Timeline
    clock: WoundClock
    links: PageLinks
    lanes: Lanes
    url: str
    port: int = 0
    most: int = 8
    live: Live | None = None
    names_hang: bool = False
    asked: list[str] = field(default_factory=list)
    """Whose names were asked for."""
    _door: AsyncExitStack | None = None

    async def start(self) -> None:
        """Open the door."""
        duty = Duty(Calendar(ZoneInfo("UTC")), timedelta(hours=1))
        templates = Templates()
        people = People(self._learn, self._name, clock=self.clock)
        self.live = Live(self.timeline, self.clock, most=self.most)
        links = Links(self.links, workspace_url="https://team.slack.com/")
        app = web.Application()
        app.add_routes(
            routes(
                self.timeline,
                self.clock,
                links=self.links,
                public_url=self.url,
                live=self.live,
                people=people,
                duty=duty,
                permalink=links.message,
                fill=Filling(templates),
                draw=Drawing(self.lanes, templates, self.clock, duty=duty, people=people),
            )
        )
        live = self.live

        async def close(_app: web.Application) -> None:
            live.close()

        app.on_shutdown.append(close)
        self._door = AsyncExitStack()
        await self._door.enter_async_context(_following(live))
        await self._door.enter_async_context(listening(app, host="127.0.0.1", port=self.port))

    async def stop(self) -> None:
        """Close it."""
        if self._door is not None:
            await self._door.aclose()
            self._door = None

    async def _learn(self, actors: Iterable[str]) -> None:
        self.asked += actors
        if self.names_hang:
            await asyncio.Event().wait()

    def _name(self, actor: str) -> str:
        return actor.partition(":")[2] if self.names_hang else NAMES.get(actor, actor.partition(":")[2])

    async def write(
        self, *facts: e.AnyFact, actor: str = "mx", incident: str = INCIDENT, at: datetime | None = None
    ) -> None:
        """Put facts on an incident's timeline."""
        when = at or self.clock.now()
        await self.timeline.append(
            *(e.Draft(stream=incident, actor=actor, at=when, fact=fact) for fact in facts)
        )

    async def every_fact(self) -> None:
        """An incident in which each kind of fact occurs, from two people by turns."""
        for number, fact in enumerate(EVERY_FACT):
            await self.write(fact, actor=(ANN, BEN, "mx")[number % 3])
            self.clock.wind(20)

    async def story(self) -> None:
        """A rate limit that is found, paged, taken and held back; still open."""
        now = self.clock.now()
        await self.write(
            e.IncidentOpened(
                integration="default", found_by="monitor", failing_since=now - timedelta(minutes=2)
            )
        )
        await self.write(e.Assessed(assessment=assessment(at=now)))
        page = PageRequested(
            page="p-1",
            action="trigger",
            level=1,
            dedup="d",
            cause="opened",
            severity=assessment().severity,
            says="SEV-2: 429 on every endpoint",
        )
        await self.write(page)
        self.clock.wind(4)
        await self.write(PageSent(page="p-1", pager="PagerDuty", says="PagerDuty took the page"))
        self.clock.wind(180)
        await self.write(e.Acknowledged(), actor=ANN)
        await self.write(
            e.NoteAdded(
                text="The nightly asset sync was started by hand at 11:50.\nIt asks for every asset, one by one."
            ),
            actor=BEN,
            at=self.clock.now() - timedelta(minutes=2),
        )
        self.clock.wind(60)
        await self.write(e.RunRequested(run="run-1", playbook="rate-limited"), actor=ANN)
        await self.write(e.RunPlanned(run="run-1", plan=PLAN))
        await self.write(
            e.StepFinished(
                run="run-1",
                index=0,
                outcome="done",
                says="the gateway sends 1 request per second; asset-sync is paused",
                evidence=("412 requests of the last hour in 2 lanes",),
                started=LEASE.model_copy(
                    update={
                        "owner": ANN,
                        "since": self.clock.now(),
                        "expires_at": self.clock.now() + timedelta(hours=1),
                    }
                ),
            )
        )
        self.clock.wind(45)
        await self.write(
            *[
                fact
                for fact in EVERY_FACT
                if fact.kind in ("gaps_opened", "recovery_checked", "message_kept", "card_posted")
            ],
            actor=BEN,
        )
        self.clock.wind(30)
        await self.write(ResponseReminded(due=now, stage="before", says="somebody is to answer by 13:00 UTC"))


@asynccontextmanager
async def pages_scene(
    folder: Path,
    *,
    secret: str | None = SECRET,
    public_url: str | None = None,
    most: int = 8,
    names_hang: bool = False,
) -> AsyncIterator[PagesScene]:
    """The door is open, on a port of its own that stays the same."""
    clock = WoundClock()
    port = _free_port()
    url = public_url or f"http://127.0.0.1:{port}"
    async with timeline_at(folder / "mx.db", clock) as timeline, Lanes.open(folder / "mx.db") as lanes:
        links = PageLinks(url, secret, days=7, clock=clock)
        scene = PagesScene(folder, timeline, clock, links, lanes, url, port, most=most, names_hang=names_hang)
        await scene.start()
        try:
            yield scene
        finally:
            await scene.stop()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def _following(live: Live) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(live.follow())
        try:
            yield
        finally:
            task.cancel()
