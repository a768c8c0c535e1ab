"""What follows the timeline in the process that leads: each loop with its name, made from what the process opened."""

import random
from collections.abc import Callable, Coroutine, Mapping

from bot.audit_pages import PageAuditor
from bot.clocks import Clocks
from bot.day_sums import DaySums
from bot.drills import Drills
from bot.engine import Engine, new_id
from bot.gap_watch import GapWatch
from bot.gateway_feed import GatewayFeed
from bot.gateway_orders import Orders
from bot.lane_keeping import LaneKeeper
from bot.lease_clock import LeaseClock
from bot.monitor import Monitor
from bot.paging import Paging, line_of
from bot.proving import verifier_of
from bot.slack.asking import OwnerAsker
from bot.slack.drilling import DrillNews
from bot.slackside import SlackSide
from bot.supervisor import Supervisor
from bot.web.state import LATE_S

_IDLE_S = 5.0
_GATHER_S = 0.02
_WATCHES = ("paging", "monitor", "clocks")
"""The loops without which nobody is woken in time."""

Loops = Mapping[str, Callable[[], Coroutine[None, None, None]]]


def followers(engine: Engine, slack: SlackSide, supervisor: Supervisor) -> Loops:
    """What runs in the leader, each under its name."""
    served = engine.settings.served
    feed = GatewayFeed(
        engine.timeline, engine.gateway, clock=engine.clock, integration=served, meter=engine.meter
    )
    orders = Orders(
        engine.timeline,
        engine.gateway,
        clock=engine.clock,
        epoch=lambda: engine.term.epoch,
        after=slack.watch.refresh,
        zone=engine.settings.bot.zone,
    )
    leases = LeaseClock(
        engine.timeline,
        engine.clock,
        pagers=len(engine.pagers),
        new_id=new_id,
        ask=OwnerAsker(slack.chat, engine.settings.integrations).ask,
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
        healthy=lambda: _watched_over(supervisor),
        meter=engine.meter,
    )
    clocks = Clocks(engine.timeline, engine.clock, duty=engine.settings.bot.duty)
    sums = DaySums(
        engine.timeline,
        engine.clock,
        at=engine.settings.bot.summary_at,
        zone=engine.settings.bot.zone,
    )
    verifier = verifier_of(engine, slack.watch)
    gaps = GapWatch(
        engine.timeline,
        engine.gateway,
        clock=engine.clock,
        integrations=engine.settings.integrations,
        served=served,
    )
    lanes = LaneKeeper(
        engine.timeline, engine.lanes, engine.samples, engine.gateway, clock=engine.clock, served=served
    )
    drills = Drills(
        engine.timeline,
        engine.clock,
        tell=DrillNews(slack.chat).tell,
        folder=engine.settings.bot.database.parent,
        own=engine.settings.bot.drills,
    )
    return {
        "monitor": monitor.follow,
        "paging": paging.follow,
        "page auditor": auditor.follow,
        "leases": leases.follow,
        "clocks": clocks.follow,
        "daily summaries": sums.follow,
        "verifier": verifier.follow,
        "recovery watch": verifier.watch,
        "gaps": gaps.follow,
        "pictures": lanes.follow,
        "triage": lambda: _triage(engine),
        "runner": engine.runner.run,
        "gateway feed": feed.run,
        "gateway orders": orders.follow,
        "gateway watch": slack.watch.follow,
        "card": slack.cards.follow,
        "answers": slack.answers.follow,
        "keeper": slack.keeper.follow,
        "drills": drills.follow,
        "report": slack.reports.follow,
        "posts": slack.posts.follow,
        "home": slack.homes.follow,
    }


def _watched_over(supervisor: Supervisor) -> bool:
    """The loops that see to it that somebody is woken all run, and come round."""
    loops = supervisor.loops
    found = [loops[name] for name in _WATCHES if name in loops]
    return "paging" in loops and all(one.up and one.late_s <= LATE_S for one in found)


async def _triage(engine: Engine) -> None:
    timeline = engine.timeline
    while True:
        head = (await timeline.book()).head.seq
        while await engine.triage.advance():
            pass
        await timeline.changed(head, timeout_s=_IDLE_S)
        await engine.clock.sleep(_GATHER_S)
