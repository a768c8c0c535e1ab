"""The bot's composition root: opens everything, starts every loop, and stops without losing what was acknowledged."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack

import structlog
from aiohttp import web

from bot.audit_pages import PageAuditor
from bot.clocks import Clocks
from bot.config import Settings
from bot.engine import Engine, new_id, open_engine
from bot.errors import ConfigError
from bot.gap_watch import GapWatch
from bot.gateway_feed import GatewayFeed
from bot.gateway_orders import Orders
from bot.lease_clock import LeaseClock
from bot.listening import ANYWHERE, listening
from bot.lookout import Lookout
from bot.monitor import Monitor
from bot.paging import Paging, line_of
from bot.ports import Clock
from bot.proving import verifier_of
from bot.pulse import Pulse
from bot.scrub import Scrubber
from bot.slack import server
from bot.slack.api import SlackError
from bot.slack.asking import OwnerAsker
from bot.slack.settings import SlackSettings
from bot.slack.socketmode import Socket
from bot.slackside import SlackSide, slack_side
from bot.supervisor import Supervisor
from bot.web import pagerduty, pages
from bot.web.state import LATE_S

_LEADER_S = 1.0
_IDLE_S = 5.0
_GATHER_S = 0.02
_GREET_S = 1.0
_GREET_LONGEST_S = 30.0
_WATCHES = ("paging", "monitor", "clocks")
"""The loops without which nobody is woken in time."""

Loops = Mapping[str, Callable[[], Coroutine[None, None, None]]]


async def serve(
    settings: Settings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    host: str = ANYWHERE,
    scrub: Scrubber | None = None,
) -> None:
    """Run the bot until ``stop`` is set, then finish what is acknowledged.

    ``ready`` hears the address once requests are taken. Slack, the gateway and MaintainX may all be away: the bot
    starts, says so at ``/readyz``, and goes on trying. Raises ConfigError (tokens, port) and StoreError.
    """
    if settings.slack is None:
        raise ConfigError(
            ("SLACK_BOT_TOKEN: not set; `mx serve` needs it, and a signing secret or an app token",)
        )
    pulse = Pulse(clock, stopwatch=asyncio.get_running_loop().time)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(settings, clock=pulse, scrub=scrub))
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
        ]
        if self._socket:
            made.append(keep("socket mode", self._socket.follow, comes_round=True))
        return made

    def followers(self) -> Loops:
        """What runs in the leader."""
        engine = self._engine
        served = engine.settings.served
        feed = GatewayFeed(
            engine.timeline, engine.gateway, clock=engine.clock, integration=served, meter=engine.meter
        )
        orders = Orders(
            engine.timeline,
            engine.gateway,
            clock=engine.clock,
            epoch=lambda: engine.term.epoch,
            after=self._slack.watch.refresh,
            zone=engine.settings.bot.zone,
        )
        leases = LeaseClock(
            engine.timeline,
            engine.clock,
            pagers=len(engine.pagers),
            new_id=new_id,
            ask=OwnerAsker(self._slack.chat, engine.settings.integrations).ask,
            zone=engine.settings.bot.zone,
        )
        monitor = Monitor(
            engine.timeline,
            engine.clock,
            triage=engine.triage,
            samples=engine.samples,
            online=engine.online,
            integrations=engine.settings.integrations,
            at_once=engine.settings.bot.watching.rounds_at_once,
            chance=random.random,
            zone=engine.settings.bot.zone,
            meter=engine.meter,
        )
        paging = Paging(
            engine.timeline,
            engine.clock,
            pagers=engine.pagers,
            line=line_of(engine.pagers, engine.settings.bot.pages.page_from),
            epoch=lambda: engine.term.epoch,
            link=engine.links,
            meter=engine.meter,
        )
        auditor = PageAuditor(
            engine.timeline,
            engine.clock,
            calendar=engine.settings.bot.calendar,
            page_from=engine.settings.bot.pages.page_from,
            pagers=len(engine.pagers),
            switch_url=engine.settings.bot.watching.dead_mans_switch_url,
            healthy=self._watched_over,
            meter=engine.meter,
        )
        clocks = Clocks(engine.timeline, engine.clock, duty=engine.settings.bot.duty)
        verifier = verifier_of(engine, self._slack.watch)
        gaps = GapWatch(
            engine.timeline,
            engine.gateway,
            clock=engine.clock,
            integrations=engine.settings.integrations,
            served=served,
        )
        return {
            "monitor": monitor.follow,
            "paging": paging.follow,
            "page auditor": auditor.follow,
            "leases": leases.follow,
            "clocks": clocks.follow,
            "verifier": verifier.follow,
            "recovery watch": verifier.watch,
            "gaps": gaps.follow,
            "triage": self._triage,
            "runner": engine.runner.run,
            "gateway feed": feed.run,
            "gateway orders": orders.follow,
            "gateway watch": self._slack.watch.follow,
            "card": self._slack.cards.follow,
            "answers": self._slack.answers.follow,
            "report": self._slack.reports.follow,
            "posts": self._slack.posts.follow,
        }

    def _watched_over(self) -> bool:
        """The loops that see to it that somebody is woken all run, and come round."""
        loops = self._supervisor.loops
        found = [loops[name] for name in _WATCHES if name in loops]
        return "paging" in loops and all(one.up and one.late_s <= LATE_S for one in found)

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
                        for name, run in self.followers().items()
                    ]
                    while await self._engine.term.lead():
                        await clock.sleep(_LEADER_S)
                    for follower in running:
                        follower.cancel()
            finally:
                self._leads = False
            self._log.warning("this process leads no longer")

    async def _triage(self) -> None:
        timeline = self._engine.timeline
        while True:
            head = (await timeline.book()).head.seq
            while await self._engine.triage.advance():
                pass
            await timeline.changed(head, timeout_s=_IDLE_S)
            await self._engine.clock.sleep(_GATHER_S)

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
