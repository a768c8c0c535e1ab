"""The auditor of pages: proves each round, by its own reading of the timeline, that each page that was due was sent.

Its rules are not those by which pages are asked for: a fault there would be found here. Only while every page was sent,
and the loops that see to it run, is the dead man's switch pinged: whoever watches that is told of the silence.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar
from bot.domain.events import Draft
from bot.domain.incident import Incident
from bot.domain.oncall import PageOverdue, PageRequested
from bot.domain.oncall_state import PageState
from bot.domain.paged import triggers
from bot.domain.pages_due import overdue_page
from bot.domain.response import due, quiet
from bot.errors import Conflict, OutsideError
from bot.meter import Meter
from bot.outgoing import ask
from bot.ports import Clock
from bot.timeline import Timeline

ACTOR = "mx"
ROUND_S = 60.0
GRACE = timedelta(minutes=2)
"""How long a page may be on its way; also after this process began to lead, since its followers have to catch up."""
PING_S = 10.0


class Overdue(NamedTuple):
    """A page that was due and is not sent: since when, under which name it is told once, and why it was due."""

    since: datetime
    ref: str
    why: str


class PageAuditor:
    """Looks at every open incident each minute. ``healthy``: whether the loops that watch and page run."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        calendar: Calendar,
        page_from: Severity,
        pagers: int,
        switch_url: str | None,
        healthy: Callable[[], bool],
        meter: Meter | None = None,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._calendar = calendar
        self._page_from = page_from
        self._pagers = pagers
        self._switch_url = switch_url
        self._healthy = healthy
        self._pings = (meter or Meter()).pings
        self._began = clock.now()
        self._hushed: dict[str, datetime] = {}
        """When each incident was last seen in quiet."""
        self._log = structlog.get_logger("mx.auditor")

    async def follow(self) -> None:
        """Audit for ever; started by the composition root in the leader. Raises StoreError."""
        while True:
            await self._clock.sleep(ROUND_S)
            await self.step()

    async def step(self) -> None:
        """One round: tell what is overdue, and ping the switch where nothing is."""
        well = True
        now = self._clock.now()
        open_ = (await self._timeline.book()).open_incidents() if self._pagers else ()
        incidents = tuple(one for one in open_ if not one.drill)
        for incident in incidents:
            for found in self._overdue(incident, now):
                well = False
                await self._tell(incident, found)
        self._hushed = {one.id: self._hushed[one.id] for one in incidents if one.id in self._hushed}
        if not self._healthy():
            self._log.warning("dead-man's switch not pinged", because="a loop that pages is down")
        elif not well:
            self._log.warning("dead-man's switch not pinged", because="a page is overdue")
        elif now - self._began >= GRACE:
            await self._ping()

    def _overdue(self, incident: Incident, now: datetime) -> Iterator[Overdue]:
        """What should have woken somebody by now, and did not."""
        if quiet(incident, now):
            self._hushed[incident.id] = now
            return
        oncall = incident.oncall
        awake_from = max(
            self._began,
            self._hushed.get(incident.id, self._began),
            oncall.quiet_ended_at or self._began,
        )
        taken = [
            page for page in oncall.pages if page.request.action == "trigger" and page.sent_at is not None
        ]
        if incident.acknowledged_by is None:
            found = tuple(self._nobody_has_it(incident, taken, awake_from, now))
            yield from found
            if found:
                return  # whatever waits is for the same need
        for page in oncall.waiting + tuple(p for p in oncall.pages if p.failed and not p.waits):
            if not _wanted(incident, page) or any(other.version >= page.version for other in taken):
                continue
            if max(page.at, awake_from) + GRACE <= now:
                yield Overdue(page.at, page.request.page, f"it was asked for: {page.request.says}")

    def _nobody_has_it(
        self, incident: Incident, taken: list[PageState], awake_from: datetime, now: datetime
    ) -> Iterator[Overdue]:
        oncall, severity = incident.oncall, incident.severity
        by_hand = [one for one in triggers(incident) if one.page is None]
        grave_from = _since(incident, severity)
        if severity is not None and grave_from is not None and severity.number <= self._page_from.number:
            since = max(oncall.clock_from, grave_from, awake_from)
            sent = any(
                one.version > oncall.clock_version
                and one.request.severity is not None
                and one.request.severity.number <= severity.number
                for one in taken
            ) or any(one.at >= oncall.clock_from for one in by_hand)
            if not sent and since + GRACE <= now:
                ref = f"{oncall.clock_version}:{severity}"
                yield Overdue(max(oncall.clock_from, grave_from), ref, f"{severity}, and nobody has it")
        deadline = due(incident, self._calendar)
        if deadline is None or max(deadline, awake_from) + GRACE > now:
            return
        woken = [one.at for one in taken] + [one.at for one in by_hand]
        if not any(at >= deadline for at in woken):
            why = f"nobody had answered by {deadline:%H:%M} UTC"
            yield Overdue(deadline, f"missed:{deadline.isoformat()}", why)

    async def _tell(self, incident: Incident, found: Overdue) -> None:
        """Write it down once; where nobody asked for such a page, it is asked for in the same breath."""
        says = f"the page that was due at {found.since:%H:%M} UTC is not sent ({found.why})"
        fact = PageOverdue(due=found.since, says=says)
        drafts = [self._draft(incident, fact, key=f"overdue:{incident.id}:{found.ref}")]
        if not any(page.at >= found.since for page in incident.oncall.waiting):
            page = overdue_page(incident, ref=found.ref, pagers=self._pagers)
            drafts.append(self._draft(incident, page, key=page.page))
        try:
            first, *_ = await self._timeline.append(*drafts)
        except Conflict:
            return  # something happened meanwhile: the next round looks again
        if first.at == drafts[0].at:
            self._log.error(
                "page overdue", incident=incident.id, integration=incident.integration, because=found.why
            )

    def _draft(self, incident: Incident, fact: PageOverdue | PageRequested, *, key: str) -> Draft:
        expect = incident.version if isinstance(fact, PageOverdue) else None
        return Draft(stream=incident.id, actor=ACTOR, at=self._clock.now(), fact=fact, key=key, expect=expect)

    async def _ping(self) -> None:
        if self._switch_url is None:
            return
        try:
            answer = await ask(
                "GET", self._switch_url, doing="pinging the dead man's switch", deadline_s=PING_S
            )
            trouble = "" if answer.good else f"it answered {answer.status}"
        except OutsideError as error:
            trouble = str(error)
        self._pings.add("failed" if trouble else "ok")
        if trouble:
            self._log.warning("dead-man's switch not reached", because=trouble)


def _since(incident: Incident, severity: Severity | None) -> datetime | None:
    """Since when it is as grave as it is now."""
    found: datetime | None = None
    for one in reversed(incident.oncall.graded):
        if severity is None or one.severity.number > severity.number:
            break
        found = one.at
    return found


def _wanted(incident: Incident, page: PageState) -> bool:
    """Somebody is still to be woken by it."""
    oncall = incident.oncall
    if (
        page.request.action != "trigger"
        or page.sent_at
        or page.dropped
        or page.version < oncall.begun_version
    ):
        return False
    return incident.acknowledged_by is None or oncall.signed_version < page.version
