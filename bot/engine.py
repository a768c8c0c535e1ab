"""The engine that Slack and the terminal share: timeline, incidents, triage and runner, opened together."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from bot.config import Settings
from bot.gaps import Gaps
from bot.gateway_client import GatewayClient
from bot.handover import Handover
from bot.incidents import Incidents
from bot.journal.leader import LeaderLock
from bot.keys import KeyInUse, ToldKey
from bot.lanes import Lanes
from bot.logs import source_for
from bot.meter import Meter
from bot.online import Online
from bot.page_about import Links
from bot.page_links import PageLinks
from bot.pagers.exercise import ExercisePager
from bot.pagers.pagerduty import PagerDuty
from bot.pagers.sending import WAITS_S
from bot.pagers.webhook import WebhookPager
from bot.playbook import Playbook, by_kind, own, shipped
from bot.ports import Clock, Pager, Probe, Step
from bot.probes.build import Outside, probes_for
from bot.runner import Runner
from bot.samples import Samples
from bot.scenario import Scenario, known
from bot.scrub import Scrubber
from bot.steering import Steering
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings
from bot.team import BotSettings, Pages
from bot.timeline import Timeline
from bot.triage import Triage


def pagers_of(pages: Pages, clock: Clock, *, waits_s: Sequence[float] = WAITS_S) -> tuple[Pager, ...]:
    """Who can be woken, in the order of escalation: each routing key of PagerDuty, then any other pager."""
    found: list[Pager] = [
        PagerDuty(
            SecretStr(key),
            url=pages.events_url,
            clock=clock,
            name="PagerDuty" if level == 1 else f"PagerDuty, level {level}",
            waits_s=waits_s,
        )
        for level, key in enumerate(pages.routing_keys, start=1)
    ]
    if pages.page_url:
        found.append(
            WebhookPager(
                SecretStr(pages.page_url),
                clock=clock,
                headers=pages.page_headers,
                secret=SecretStr(pages.page_secret) if pages.page_secret else None,
                template=pages.page_template,
                waits_s=waits_s,
            )
        )
    return tuple(found)


def pages_of(bot: BotSettings, clock: Clock) -> PageLinks:
    """The links to the bot's own pages."""
    return PageLinks(bot.public_url, bot.link_secret, days=bot.link_days, clock=clock)


class Term:
    """This process's term as leader: the lock, and the number that the timeline gave it."""

    def __init__(self, timeline: Timeline, lock: LeaderLock) -> None:
        self._timeline = timeline
        self._lock = lock
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """The term's number; 0 while this process does not lead."""
        return self._epoch

    async def lead(self) -> bool:
        """True where this process leads, from now or still; never waits for another's lock. Raises StoreError."""
        if self._epoch and self._lock.held():
            return True
        self._epoch = 0
        if not self._lock.try_acquire():
            return False
        self._epoch = await self._timeline.next_epoch()
        return True

    def release(self) -> None:
        """Let another process lead; harmless where this one does not."""
        self._epoch = 0
        self._lock.release()


@dataclass(frozen=True, slots=True)
class Engine:
    """What a composition root needs of mx itself; who asks and who shows comes on top."""

    settings: Settings
    clock: Clock
    scrub: Scrubber
    gateway: GatewayClient
    playbooks: Mapping[str, Playbook]
    steps: Mapping[str, Step]
    timeline: Timeline
    incidents: Incidents
    steering: Steering
    gaps: Gaps
    handover: Handover
    pagers: tuple[Pager, ...]
    """Who can be woken, in the order of escalation."""
    links: Links
    """Where people find an incident."""
    playbook_faults: tuple[str, ...]
    """What is wrong with the team's own playbooks that were left out."""
    triage: Triage
    runner: Runner
    term: Term
    probes: Mapping[str, tuple[Probe, ...]]
    samples: Samples
    """What the monitor's latest rounds saw."""
    lanes: Lanes
    """What the incidents' pictures need, for as long as the incidents are."""
    online: Online
    meter: Meter
    """What this process counts of its own work."""
    keys: Mapping[str, KeyInUse]
    drills: Mapping[str, Scenario]
    """What can be trained."""


def new_id() -> str:
    """Twelve random hexadecimal digits: the id of a request or a run, and of the run's lease at the gateway."""
    return secrets.token_hex(6)


def _drills(settings: Settings) -> Mapping[str, Scenario]:
    """What can be trained; a team's own file with a fault is left out, and the log says why."""
    found, faults = known(settings.bot.drills)
    for fault in faults:
        structlog.get_logger("mx.drills").warning("drill left out", because=fault)
    return found


@asynccontextmanager
async def open_engine(
    settings: Settings, *, clock: Clock, scrub: Scrubber | None = None, drill: bool = False
) -> AsyncIterator[Engine]:
    """Open everything that Slack and the terminal share; closed in reverse. Raises StoreError.

    ``scrub`` is one that others use too, such as the log, so that a key that comes later is hidden there as well. In a
    ``drill`` incidents are marked as such, and whatever is configured, the only pager is one that wakes nobody.
    """
    async with AsyncExitStack() as stack:
        scrub = scrub or Scrubber(settings.secrets)
        meter = Meter()
        gateway = await stack.enter_async_context(
            GatewayClient.open(settings.gateway_url, token=settings.gateway.token)
        )
        keys = {name: KeyInUse(source) for name, source in settings.keys.items()}
        pagers = (ExercisePager(),) if drill else pagers_of(settings.bot.pages, clock)
        links = Links(pages_of(settings.bot, clock))
        around = Surroundings(
            integrations=settings.integrations,
            keys=keys,
            pagers=pagers,
            link=links,
            served=settings.served,
        )
        steps = by_kind(step_kinds(gateway, clock, around))
        ours, faults = own(settings.bot.playbooks, steps)
        for fault in faults:
            structlog.get_logger("mx.playbooks").warning("playbook left out", because=fault)
        playbooks = {**shipped(steps), **ours}
        handover = Handover.beside(settings.bot.database)
        timeline = await stack.enter_async_context(
            Timeline.open(settings.bot.database, clock=clock, scrub=scrub)
        )
        samples = await stack.enter_async_context(
            Samples.open(settings.bot.database, clock=clock, keep_s=settings.bot.watching.samples_keep_s)
        )
        lanes = await stack.enter_async_context(Lanes.open(settings.bot.database))
        lock = LeaderLock(settings.bot.database)
        stack.callback(lock.release)
        term = Term(timeline, lock)
        outside = await stack.enter_async_context(
            Outside.open(clock=clock, scrub=scrub, gateway=gateway, meter=meter)
        )
        probes = {
            name: probes_for(
                integration,
                key=ToldKey(keys[name], scrub.learn),
                outside=outside,
                log=source_for(integration.log),
                served=name == settings.served,
            )
            for name, integration in settings.integrations.items()
        }
        zone = settings.bot.zone
        yield Engine(
            settings=settings,
            clock=clock,
            scrub=scrub,
            gateway=gateway,
            playbooks=playbooks,
            steps=steps,
            timeline=timeline,
            incidents=Incidents(
                timeline,
                clock,
                playbooks=playbooks,
                new_id=new_id,
                zone=zone,
                lapses=settings.bot.duty.lapses,
            ),
            triage=Triage(
                timeline,
                clock,
                probes_of=probes.__getitem__,
                integrations=settings.integrations,
                calendar=settings.bot.calendar,
                new_id=new_id,
                meter=meter,
                drill=drill,
            ),
            runner=Runner(
                timeline,
                clock,
                playbooks=playbooks,
                steps=steps,
                epoch=lambda: term.epoch,
                handover=handover,
                approval_s=settings.bot.people.approval_s,
            ),
            steering=Steering(timeline, clock, playbooks=playbooks, new_id=new_id, zone=zone),
            gaps=Gaps(
                timeline,
                clock,
                integrations=settings.integrations,
                served=settings.served,
                zone=zone,
            ),
            handover=handover,
            pagers=around.pagers,
            links=links,
            playbook_faults=faults,
            term=term,
            probes=probes,
            samples=samples,
            lanes=lanes,
            online=Online(settings.bot.watching.online_urls, outside.wire, clock),
            meter=meter,
            keys=keys,
            drills=_drills(settings),
        )
