"""One night, wound forward: three incidents, a restart in each, two lost pages and a Slack outage; nothing twice, nothing lost."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import Fault
from bot.demo.pagerduty import ROUTING_KEY, Alert, FakePagerDuty
from bot.demo.pagerduty_webhooks import WEBHOOK_SECRET
from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.oncall import PageFailed, PageSent, ResponseReminded
from tests.room import timeline_at
from tests.stories.night import NightClock, passes, slack_down
from tests.stories.world import JOBS, KEY, World, configure, started

SECOND_KEY = "2" * 32
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DOWN = Fault("error", status=503)
REVOKED = Fault("revoked")
PART = Fault("error", path="/workorders", every=3)


@asynccontextmanager
async def night(folder: Path) -> AsyncIterator["Night"]:
    """Everything but the bot: PagerDuty with two services in line, and an integration whose work goes on."""
    async with started(folder) as world, FakePagerDuty.start() as pagerduty:
        configure(
            folder,
            bot=f'escalation_keys = ["{SECOND_KEY}"]\nonline_urls = []\nack_lapses_s = 3600',
            integration="canary = true",
        )
        world.clock = NightClock()
        pagerduty.routing_keys.add(SECOND_KEY)
        pagerduty.webhooks.now = world.clock.now
        world.env |= {
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": pagerduty.url,
            "PAGERDUTY_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        async with (
            world.gateway(),
            FakeIntegration.start(
                base_url=f"{world.gateway_url}/v1", key=KEY, jobs=JOBS, retries=0
            ) as integration,
        ):
            world.env["INTEGRATION_HEALTH_URL"] = integration.health_url
            yield Night(world, pagerduty)


class Night:
    """What the story does and looks at."""

    def __init__(self, world: World, pagerduty: FakePagerDuty) -> None:
        self.world = world
        self.pagerduty = pagerduty

    @asynccontextmanager
    async def bot(self, *, ready: bool = True) -> AsyncIterator[None]:
        """One life of the bot, to which PagerDuty sends its news."""
        async with self.world.bot(ready=ready):
            self.pagerduty.webhooks.url = f"{self.world.url}/pagerduty/webhook"
            yield
            self.pagerduty.webhooks.url = None

    async def incidents(self) -> tuple[Incident, ...]:
        async with timeline_at(self.world.folder / "mx.db", self.world.clock) as timeline:
            return (await timeline.book()).incidents()

    async def until(self, look: Callable[[Incident], object], what: str) -> Incident:
        """The latest incident, once it is so; the night goes on meanwhile, for two hours at most."""
        for _ in range(240):
            found = (await self.incidents())[-1:]
            if found and look(found[0]):
                return found[0]
            await passes(self.world, timedelta(seconds=30))
        raise AssertionError(f"{what}: {[e.fact for e in await self.world.facts()][-12:]}")

    def alerts(self, routing_key: str) -> list[Alert]:
        return [one for one in self.pagerduty.alerts if one.routing_key == routing_key]


def stages(incident: Incident) -> set[str]:
    """The reminders that were given."""
    return {told.partition(":")[0] for told in incident.oncall.told}


def proved(incident: Incident) -> bool:
    return incident.recovery is not None and incident.recovery.fact.verdict == "proved"


async def test_the_night(tmp_path: Path) -> None:
    async with night(tmp_path) as made:
        await first(made)


async def first(night: Night) -> None:
    """MaintainX goes down; PagerDuty loses the page, the bot is started anew, and the first in line never answers."""
    world, pagerduty = night.world, night.pagerduty
    async with night.bot():
        await passes(world, 20 * MINUTE)
        assert await night.incidents() == ()
        world.maintainx.break_(DOWN)
        pagerduty.failing += [503] * 8
        await night.until(lambda one: any(page.failed for page in one.oncall.pages), "a page that is lost")
    async with night.bot():
        await world.card("SEV-1")
        await night.until(lambda one: any(page.sent_at for page in one.oncall.pages), "a page that comes through")
        await night.until(lambda one: "missed" in stages(one), "nobody answers within 15 minutes")
        await night.until(lambda _: night.alerts(SECOND_KEY), "the second in line is woken")
        (theirs,) = night.alerts(SECOND_KEY)
        await pagerduty.act(theirs, "acknowledge", by="Jo Doe")
        await world.card("Who has it: Jo Doe")
        world.maintainx.heal()
        print(await world.card())
