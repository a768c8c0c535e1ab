"""The paging follower: asks for the pages that are due, and sends what waits, until it is sent or nobody needs it.

What is to be sent is a fact before it is sent, and what came of it is one after: a restart sends again only what it
does not know to have been taken, and the pager joins that by its dedup key. Slack is never waited for.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from bot.domain.assessment import Severity
from bot.domain.events import AnyFact, Draft
from bot.domain.incident import Incident
from bot.domain.oncall import PageFailed, PageRequested, PageSent
from bot.domain.oncall_state import PageState
from bot.domain.pages_due import Line, pages_due, rings_anew, unwanted
from bot.domain.response import quiet
from bot.errors import Conflict, MxError, OutsideError
from bot.meter import Meter
from bot.page_about import page_about
from bot.ports import Clock, Pager
from bot.timeline import Timeline

ACTOR = "mx"
AGAIN_S = (30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 1800.0)
"""After each failed call, until the next; about an hour in all, then a person has to be called by a person."""
AT_ONCE = 16
"""Calls to one pager side by side; PagerDuty takes about 120 a minute for each key."""
IDLE_S = 1.0

_Lane = tuple[str, int]
"""An incident and a level: within it pages are sent in order, beside it nothing waits."""


class Paging:
    """Follows pages. ``epoch`` tells this process's term as leader; a newer one elsewhere stops it."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        pagers: Sequence[Pager],
        line: Line,
        epoch: Callable[[], int],
        link: Callable[[Incident], str | None],
        meter: Meter | None = None,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._pagers = pagers
        self._line = line
        self._epoch = epoch
        self._link = link
        self._meter = meter or Meter()
        self._began = clock.now()
        self._seen = 0
        """Up to which fact every resolved incident was looked at: in one that has not moved since, nothing is due."""
        self._gates = [asyncio.Semaphore(AT_ONCE) for _ in pagers]
        self._log = structlog.get_logger("mx.paging")

    async def follow(self) -> None:
        """Page for ever; started by the composition root in the leader.

        Raises StoreError, and Conflict where another process leads now.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await self._follow(group)
        except* MxError as errors:
            raise errors.exceptions[0] from None

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        lanes: dict[_Lane, asyncio.Task[None]] = {}
        while True:
            head = (await self._timeline.book()).head.seq
            await self._ask()
            for lane in await self._ready():
                if lane not in lanes:
                    lanes[lane] = group.create_task(self._send(lane))
            lanes = {lane: task for lane, task in lanes.items() if not task.done()}
            await self._timeline.changed(head, timeout_s=IDLE_S)

    async def step(self) -> None:
        """One look: ask for what is due, and send all that can be sent, until there is no more."""
        while True:
            await self._ask()
            ready = await self._ready()
            if not ready:
                return
            async with asyncio.TaskGroup() as group:
                for lane in ready:
                    group.create_task(self._send(lane))

    async def _ask(self) -> None:
        """Write down every page that is due; each is decided on what stands there, so a newer fact decides anew."""
        again = True
        while again:
            again = False
            book = await self._timeline.book()
            now = self._clock.now()
            moved = (one for one in book.moved(self._seen) if not one.open)
            for incident in (*book.open_incidents(), *moved):
                due = pages_due(incident, self._line, now=now)
                if due:
                    again = True
                    await self._request(incident, due)
            self._seen = book.head.seq

    async def _request(self, incident: Incident, due: Sequence[PageRequested]) -> None:
        drafts = [
            Draft(
                stream=incident.id,
                actor=ACTOR,
                at=self._clock.now(),
                fact=page,
                key=page.page,
                expect=incident.version if number == 0 else None,
            )
            for number, page in enumerate(due)
        ]
        try:
            await self._timeline.append(*drafts)
        except Conflict:
            return  # another fact was first: the next look decides on it

    async def _ready(self) -> list[_Lane]:
        """Every lane whose oldest page can be sent now, or is not wanted any more."""
        now = self._clock.now()
        lanes: list[_Lane] = []
        for incident in (await self._timeline.book()).paging():
            firsts: dict[int, PageState] = {}
            for page in incident.oncall.waiting:
                firsts.setdefault(page.request.level, page)
            held = bool(quiet(incident, now))
            for level, page in firsts.items():
                later = (
                    page.failed is not None
                    and page.failed.again_at is not None
                    and page.failed.again_at > now
                )
                hushed = held and page.request.action == "trigger"
                if unwanted(incident, page) or not (later or hushed):
                    lanes.append((incident.id, level))
        return lanes

    async def _send(self, lane: _Lane) -> None:
        """Send the lane's oldest page, and write down what came of it."""
        stream, level = lane
        incident = (await self._timeline.book()).incident(stream)
        page = _oldest(incident, level) if incident else None
        if incident is None or page is None:
            return
        if await self._timeline.epoch() > self._epoch():
            raise Conflict("another process of mx leads now; this one has stopped paging")
        request, tries = page.request, page.failed.tries + 1 if page.failed else 1
        name = self._pagers[level - 1].name if level <= len(self._pagers) else f"pager {level}"
        if why := unwanted(incident, page):
            await self._append(incident, self._dropped(page, name, why), key=f"{request.page}:sent")
            return
        try:
            says = await self._call(incident, page)
        except OutsideError as error:
            self._meter.pages.add(str(level), request.action, "failed")
            fact = self._failed(page, name, error, tries)
            await self._append(incident, fact, key=f"{request.page}:failed:{tries}")
            self._log.warning("page not sent", incident=incident.id, page=request.page, because=fact.says)
            return
        self._meter.pages.add(str(level), request.action, "taken")
        await self._append(
            incident, PageSent(page=request.page, pager=name, says=says), key=f"{request.page}:sent"
        )

    async def _call(self, incident: Incident, page: PageState) -> str:
        request = page.request
        if request.level > len(self._pagers):
            raise OutsideError(
                f"pager {request.level} is not configured: set escalation_keys or page_url in mx.toml, "
                "and look at its alert by hand",
                permanent=True,
            )
        pager = self._pagers[request.level - 1]
        async with self._gates[request.level - 1]:
            match request.action:
                case "acknowledge":
                    return await pager.acknowledge(request.dedup)
                case "resolve":
                    return await pager.end(request.dedup)
                case "trigger":
                    if rings_anew(incident, page):
                        await pager.end(request.dedup)
                    about = page_about(incident, by="mx", link=self._link(incident), says=request.says)
                    return await pager.page(about)

    def _dropped(self, page: PageState, name: str, why: str) -> PageSent:
        """What was asked for before this process led may have been sent by the one before it."""
        perhaps = page.failed is not None or page.at < self._began
        return PageSent(
            page=page.request.page,
            pager=name,
            says=f"{name} is not told any more: {why}",
            outcome="perhaps" if perhaps else "not_wanted",
        )

    def _failed(self, page: PageState, name: str, error: OutsideError, tries: int) -> PageFailed:
        again_at = None
        if not error.permanent and tries <= len(AGAIN_S):
            again_at = self._clock.now() + timedelta(seconds=AGAIN_S[tries - 1])
        level, action = page.request.level, page.request.action
        then = ""
        if action == "trigger" and level < len(self._pagers):
            then += f"; {self._pagers[level].name}, the next in line, is paged as well"
        elif action == "trigger" and again_at is None:
            then += "; nobody else is in line: call somebody yourself"
        elif again_at is None:
            then += f"; close or acknowledge it at {name} by hand"
        return PageFailed(
            page=page.request.page, pager=name, tries=tries, again_at=again_at, says=f"{error}{then}"
        )

    async def _append(self, incident: Incident, fact: AnyFact, *, key: str) -> None:
        await self._timeline.append(
            Draft(stream=incident.id, actor=ACTOR, at=self._clock.now(), fact=fact, key=key)
        )


def _oldest(incident: Incident, level: int) -> PageState | None:
    return next((page for page in incident.oncall.waiting if page.request.level == level), None)


def line_of(pagers: Sequence[Pager], page_from: Severity) -> Line:
    """The line of these pagers."""
    return Line(tuple(pager.reports_as for pager in pagers), page_from)
