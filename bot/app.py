"""The bot's composition root: opens everything, starts every loop, and stops without losing what was acknowledged."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack

import structlog
from aiohttp import web

from bot.config import Settings
from bot.engine import Engine, open_engine
from bot.errors import ConfigError
from bot.followers import followers
from bot.listening import ANYWHERE, listening
from bot.lookout import Lookout
from bot.pages_side import pages_side
from bot.ports import Clock
from bot.pulse import Pulse
from bot.scrub import Scrubber
from bot.slack import server
from bot.slack.api import SlackError
from bot.slack.settings import SlackSettings
from bot.slack.socketmode import Socket
from bot.slackside import SlackSide, slack_side
from bot.supervisor import Supervisor
from bot.web import pagerduty, pages

_LEADER_S = 1.0
_IDLE_S = 5.0
_GATHER_S = 0.02
_GREET_S = 1.0
_GREET_LONGEST_S = 30.0


async def serve(
    settings: Settings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    host: str = ANYWHERE,
    scrub: Scrubber | None = None,
    drill: bool = False,
) -> None:
    """Run the bot until ``stop`` is set, then finish what is acknowledged.

    ``ready`` hears the address once requests are taken. Slack, the gateway and MaintainX may all be away: the bot
    starts, says so at ``/readyz``, and goes on trying. A ``drill`` opens incidents to train with and pages nobody. Raises ConfigError (tokens, port) and StoreError.
    """
    if settings.slack is None:
        raise ConfigError(
            ("SLACK_BOT_TOKEN: not set; `mx serve` needs it, and a signing secret or an app token",)
        )
    pulse = Pulse(clock, stopwatch=asyncio.get_running_loop().time)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(settings, clock=pulse, scrub=scrub, drill=drill))
        slack = await stack.enter_async_context(slack_side(engine, settings.slack))
        bot = Bot(engine, slack, settings.slack, pulse)
        door = await stack.enter_async_context(AsyncExitStack())
        url = await door.enter_async_context(listening(bot.web_app(), host=host, port=settings.bot.port))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(run) for run in bot.loops()]
            ready(url)
            await stop.wait()
            await door.aclose()
            await slack.later.drain()
            for loop in running:
                loop.cancel()


class Bot:
    """The loops of the process, and what they look like from outside."""

    def __init__(self, engine: Engine, slack: SlackSide, settings: SlackSettings, pulse: Pulse) -> None:
        self._engine = engine
        self._slack = slack
        self._settings = settings
        self._supervisor = Supervisor(engine.clock, scrub=engine.scrub, pulse=pulse)
        self._log = structlog.get_logger("mx.app")
        self._leads = False
        self._greeting = "Slack has not been asked yet who the bot is"
        self._socket = (
            Socket(slack.app, app_token=settings.app_token, clock=engine.clock)
            if settings.app_token
            else None
        )
        self._pages = pages_side(engine, slack)
        self._lookout = Lookout(
            engine.timeline,
            engine.meter,
            self._supervisor,
            engine.clock,
            leads=lambda: self._leads,
            missing=self._missing,
            gateway=lambda: slack.watch.latest(engine.settings.served),
        )

    def web_app(self) -> web.Application:
        """Every route of the process."""
        made = web.Application(client_max_size=server.BODY_CAP)
        made.add_routes(pages.routes(self._lookout.look, loops=self._lookout.loops))
        engine, secrets = self._engine, self._engine.settings.bot.pages.webhook_secrets
        news = pagerduty.routes(engine.timeline, engine.clock, secrets=secrets, meter=engine.meter)
        made.add_routes([news])
        made.add_routes(self._pages.routes)
        made.on_shutdown.append(self._pages.close)
        if self._settings.signing_secret:
            made.add_routes([server.routes(self._slack.app, signing_secret=self._settings.signing_secret)])
        return made

    def loops(self) -> list[Coroutine[None, None, None]]:
        """What runs in every process; those that follow start once this one leads."""
        keep = self._supervisor.keep
        made: list[Coroutine[None, None, None]] = [
            keep("answers in waiting", self._slack.later.run),
            keep("leadership", self._lead, comes_round=True),
            keep("greeting", self._greet, comes_round=True),
            keep("open pages", self._pages.live.follow, comes_round=True),
        ]
        if self._socket:
            made.append(keep("socket mode", self._socket.follow, comes_round=True))
        return made

    async def _lead(self) -> None:
        """Follow while this process leads; wait for the lock while another does."""
        clock = self._engine.clock
        while True:
            if not await self._engine.term.lead():
                await clock.sleep(_LEADER_S)
                continue
            self._log.info("this process leads", epoch=self._engine.term.epoch)
            self._leads = True
            try:
                async with asyncio.TaskGroup() as group:
                    running = [
                        group.create_task(self._supervisor.keep(name, run, comes_round=True))
                        for name, run in followers(self._engine, self._slack, self._supervisor).items()
                    ]
                    while await self._engine.term.lead():
                        await clock.sleep(_LEADER_S)
                    for follower in running:
                        follower.cancel()
            finally:
                self._leads = False
            self._log.warning("this process leads no longer")

    async def _greet(self) -> None:
        """Ask Slack who the bot is until it says so, and again while calls do not reach it: /readyz then tells."""
        wait_s = _GREET_S
        while True:
            if not self._greeting and not self._slack.api.trouble:
                wait_s = _GREET_S
                await self._engine.clock.sleep(_IDLE_S)
                continue
            try:
                me = await self._slack.chat.who_am_i()
            except SlackError as error:
                self._greeting = str(error)
                self._log.warning("not ready", because=self._greeting)
                await self._engine.clock.sleep(wait_s)
                wait_s = min(wait_s * 2, _GREET_LONGEST_S)
            else:
                self._greeting = ""
                self._engine.links.workspace_url = me.url
                self._log.info("Slack knows the bot", name=me.name, user=me.user, team=me.team)

    def _missing(self) -> tuple[str, ...]:
        """What Slack has not given us."""
        slack = self._greeting or self._slack.api.trouble
        missing = [slack] if slack else []
        if self._socket and not self._socket.connected:
            missing.append(
                "Socket Mode is not connected: it is tried again by itself; if it stays so, compare SLACK_APP_TOKEN "
                "and the way out (mx doctor)"
            )
        return tuple(missing)
