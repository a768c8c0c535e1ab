"""The flight simulator's world: the stand-ins, and the real gateway and bot beside them as processes of their own.

All of it lives on one clock. What takes seconds of real life (a network's time-outs, Slack's three seconds, a
signature's age) stays real; what people and traffic do is on the simulator's time, so that at 60 times the speed
60 times as many requests pass, a rate limit of one per second lets 60 through in a real second, and MaintainX's
window of 12 seconds is over in a fifth of one. A job makes at most ``MOST_PER_S`` calls in a real second.
"""

import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.demo.clock import SimClock, telling
from bot.demo.door import beside, wall_clock
from bot.demo.integration import FakeIntegration
from bot.demo.jobs import JOBS
from bot.demo.maintainx import FakeMaintainX
from bot.demo.member import Member, StoryFault, environment
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.demo.plant import Plant
from bot.demo.slack.workspace import SlackWorkspace
from bot.demo.statuspage import FakeStatusPage

LIMIT, LIMIT_WINDOW_S = 30, 12.0
"""Requests that the stand-in MaintainX allows a key in so many seconds; the real one allows 100 in 60."""

ROOMY = (60, 24.0)
"""The same rate over a longer window: three looks of mx in a row find room in it, and a storm still does not."""

UP_SINCE_S = 500_000.0
"""The story's service claims to be up for some days: that it was started with the story is no clue."""

_PACE = {"work-order-sync": 0.9, "asset-sync": 0.25, "report-generator": 0.1}
SLOW_PACE = {"work-order-sync": 0.4, "asset-sync": 0.15, "report-generator": 0.05}
"""Calls per second that stay under MaintainX's 100 a minute even where each is tried twice."""
_KEY_BYTES = 16
EVENTS = ("NEW_WORK_ORDER", "WORK_ORDER_CHANGE", "WORK_ORDER_STATUS_CHANGE", "NEW_COMMENT_ON_WORK_ORDER")
"""What the integration subscribed to, through the gateway."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a world is started with."""

    people: tuple[str, ...] = ("Ada", "Ben")
    watch: bool = False
    """The monitor looks by itself; else a person notices."""
    interval_s: tuple[float, float] = (300.0, 30.0)
    """Between two rounds of the monitor, while nothing is open and while something is."""
    socket_mode: bool = False
    bot: str = ""
    """More lines of mx.toml's ``[bot]``."""
    drill: bool = False
    """Incidents are marked as made up to train with, and paging wakes nobody."""
    host: bool = False
    """mx knows the integration's host, and a pager: the playbooks have all that they act on."""
    limit: tuple[int, float] = (LIMIT, LIMIT_WINDOW_S)
    """Requests that MaintainX allows a key, and in how many seconds."""
    pace: Mapping[str, float] | None = None
    """Other calls per second of the integration's jobs than the story's."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is running, and where."""

    folder: Path
    clock: SimClock
    slack: SlackWorkspace
    maintainx: FakeMaintainX
    integration: FakeIntegration
    statuspage: FakeStatusPage
    gateway: Member
    bot: Member
    gateway_token: str
    channel: str
    people: Mapping[str, str]
    """First name -> user id."""
    key: str
    """MaintainX's key as it is meant to be."""
    key_file: Path
    """Where the bot and the gateway read the key, at every request."""
    web: aiohttp.ClientSession
    limit: tuple[int, float]
    """Requests that MaintainX allows a key, and in how many seconds."""
    plant: Plant | None = None
    """The integration's host, where the plan has one."""

    def restart_integration(self) -> None:
        """Start it anew: as most do, it reads its key then."""
        if self.plant is not None:
            self.plant.restarted()
            return
        self.integration.take_key(self.key_file.read_text("utf-8").strip())

    @property
    def gateway_url(self) -> str:
        """The gateway's address."""
        return self.gateway.url

    @property
    def bot_url(self) -> str:
        """The bot's address."""
        return self.bot.url

    def check(self) -> None:
        """Raises StoryFault where one of the two processes has ended by itself."""
        self.gateway.check()
        self.bot.check()

    async def gateway_status(self, window_s: float) -> dict[str, object]:
        """``GET /-/status`` of the gateway."""
        headers = {"Authorization": f"Bearer {self.gateway_token}"}
        url = f"{self.gateway_url}/-/status?window_s={window_s:g}"
        async with self.web.get(url, headers=headers) as answer:
            body = await answer.json()
        if not isinstance(body, dict):
            raise StoryFault(f"the gateway's status is {body!r}, an object was expected")
        return body


@asynccontextmanager
async def start_world(plan: Plan | None = None) -> AsyncIterator[World]:
    """Start everything, wait until it is ready, and end all of it with the block."""
    plan = plan or Plan()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mx-demo-")))
        enter = stack.enter_async_context
        clock = SimClock(wall_clock())
        key, token = secrets.token_hex(_KEY_BYTES), secrets.token_hex(_KEY_BYTES)
        # A smaller limit over a shorter window than the real one's, so that the story need not wait for a minute;
        # and no rate headers, as people have seen it live: the gateway goes by the documented limit.
        maintainx = await enter(
            FakeMaintainX.start(
                key=key,
                user_limit=plan.limit[0],
                window_s=plan.limit[1],
                rate_headers=False,
                now=clock.now,
                monotonic=clock.monotonic,
            )
        )
        statuspage = await enter(FakeStatusPage.start(now=clock.now))
        slack = await enter(SlackWorkspace.start())
        slack.state.now = lambda: clock.now().timestamp()
        people = {name: slack.add_user(name) for name in plan.people}
        channel = slack.create_channel("maintainx-incidents", list(people.values()))
        key_file = folder / "maintainx.key"
        key_file.write_text(key, "utf-8")
        key_file.chmod(0o600)
        address = await enter(telling(clock))
        env = environment(folder) | {
            "MAINTAINX_API_KEY_FILE": str(key_file),
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "MAINTAINX_WEBHOOK_SECRET": maintainx.webhooks.secret,
            "MX_GATEWAY_TOKEN": token,
            "MX_GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        }
        web = await enter(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        pace = plan.pace or _PACE
        integration = await enter(
            FakeIntegration.start(
                base_url="",  # known once the gateway listens; until then no job calls
                key=key,
                jobs=tuple(
                    type(job)(job.name, 0.0, job.calls, names_itself=job.names_itself) for job in JOBS
                ),
                log=folder / "maintainx-sync.log",
                retries=1,
                memory_s=8.0,
                up_since_s=UP_SINCE_S,
                state_file=folder / "sync-state.json",
                now=clock.now,
                monotonic=clock.monotonic,
                speed=lambda: clock.hands.speed,
            )
        )
        integration.webhooks.secret = maintainx.webhooks.secret
        plant = (
            await enter(Plant.start(integration, key=key, folder=folder, now=clock.now))
            if plan.host
            else None
        )
        settings = _settings(plan, folder) + (plant.settings if plant else "")
        (folder / "mx.toml").write_text(settings, "utf-8")
        env["INTEGRATION_WEBHOOK_URL"] = integration.webhook_url
        gateway = await enter(
            Member.run(
                "gateway",
                ("bot.demo.crew", "gateway", address),
                env=env,
                folder=folder,
                port="MX_GATEWAY_PORT",
                ready="/-/healthz",
            )
        )
        maintainx.webhooks.subscriptions = {event: f"{gateway.url}/-/webhooks/{event}" for event in EVENTS}
        integration.base_url = f"{gateway.url}/v1"
        integration.set_pace(pace)
        await enter(beside(_hurry(clock, integration)))
        env |= {
            "DATABASE_URL": f"sqlite:///{folder / 'mx.db'}",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_API_URL": slack.api_url,
            "MX_INCIDENT_CHANNEL": channel,
            "MX_GATEWAY_URL": gateway.url,
            "MX_STATUS_URL": statuspage.url,
            "MX_INTERVAL_S": f"{plan.interval_s[0]:g}",
            "MX_INTERVAL_OPEN_S": f"{plan.interval_s[1]:g}",
            "INTEGRATION_HEALTH_URL": integration.health_url,
        }
        if plan.host:
            pagerduty = await enter(FakePagerDuty.start())
            env |= {"PAGERDUTY_ROUTING_KEY": ROUTING_KEY, "PAGERDUTY_EVENTS_URL": pagerduty.url}
        if plan.socket_mode:
            env["SLACK_APP_TOKEN"] = slack.app_token
        else:
            env["SLACK_SIGNING_SECRET"] = slack.signing_secret
        bot = await enter(
            Member.run(
                "bot",
                ("bot.demo.crew", "drill" if plan.drill else "serve", address),
                env=env,
                folder=folder,
                port="PORT",
                ready="/readyz",
            )
        )
        slack.request_url = None if plan.socket_mode else f"{bot.url}/slack/events"
        yield World(
            folder=folder,
            clock=clock,
            slack=slack,
            maintainx=maintainx,
            integration=integration,
            statuspage=statuspage,
            gateway=gateway,
            bot=bot,
            gateway_token=token,
            channel=channel,
            people=people,
            key=key,
            key_file=key_file,
            web=web,
            limit=plan.limit,
            plant=plant,
        )


def _settings(plan: Plan, folder: Path) -> str:
    """The world's mx.toml; nothing outside this machine is asked."""
    return (
        f"[bot]\nonline_urls = []\n{plan.bot}\n"
        f"[integrations.default]\nwatch = {str(plan.watch).lower()}\n"
        f'log_file = "{folder / "maintainx-sync.log"}"\nsync_state_file = "{folder / "sync-state.json"}"\n'
    )


async def _hurry(clock: SimClock, integration: FakeIntegration) -> None:
    """Have the jobs look at the clock whenever its hands are moved."""
    while True:
        await clock.moved()
        integration.hurry()
