"""One night, wound forward: three incidents, a restart in each, two lost pages and a Slack outage; nothing twice, nothing lost."""

from collections import Counter
from collections.abc import AsyncIterator
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
from tests.stories.night import NightClock, passes, slack_down
from tests.stories.world import JOBS, KEY, World, started

SECOND_KEY = "2" * 32
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DOWN = Fault("error", status=503)
REVOKED = Fault("revoked")
PART = Fault("error", path="/workorders", every=3)


@asynccontextmanager
async def night(folder: Path) -> AsyncIterator[tuple[World, FakePagerDuty]]:
    """Everything but the bot: PagerDuty with two services in line, and an integration whose work goes on."""
    (folder / "mx.toml").write_text(
        f'[bot]\nescalation_keys = ["{SECOND_KEY}"]\nonline_urls = []\nack_lapses_s = 3600\n'
        "[integrations.default]\ncanary = true\n",
        "utf-8",
    )
    async with started(folder) as world, FakePagerDuty.start() as pagerduty:
        world.clock = NightClock()
        pagerduty.routing_keys.add(SECOND_KEY)
        pagerduty.webhooks.now = world.clock.now
        world.env |= {
            "MX_CONFIG": str(folder / "mx.toml"),
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
            yield world, pagerduty


@asynccontextmanager
async def bot(world: World, pagerduty: FakePagerDuty, *, ready: bool = True) -> AsyncIterator[None]:
    """One life of the bot, to which PagerDuty sends its news."""
    async with world.bot(ready=ready):
        pagerduty.webhooks.url = f"{world.url}/pagerduty/webhook"
        yield
        pagerduty.webhooks.url = None


async def the_open_one(world: World) -> Incident | None:
    incident = await world.incident_or_none()
    return incident if incident is not None and incident.open else None


async def test_the_night(tmp_path: Path) -> None:
    async with night(tmp_path) as (world, pagerduty):
        await first(world, pagerduty)
        await second(world, pagerduty)
        await third(world, pagerduty)
        await in_the_morning(world, pagerduty)
