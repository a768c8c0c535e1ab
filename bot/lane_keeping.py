"""The follower that keeps what an incident's picture needs: each minute's traffic and how the probes fared, while it lasts."""

from datetime import datetime, timedelta

from bot.domain.gateway import GatewayStatus, Traffic
from bot.domain.incident import Incident
from bot.domain.swimlane import (
    SILENT,
    Counted,
    Look,
    Swimlane,
    assessed,
    began,
    joined,
    stretches,
    with_counted,
)
from bot.errors import OutsideError
from bot.lanes import Kept, Lanes
from bot.ports import Clock, Gateway
from bot.samples import Round, Samples
from bot.timeline import Timeline

EVERY_S = 60.0
LONGEST = timedelta(hours=24)
"""So far back the gateway knows what passed it."""
_SELDOM = 10
"""The lanes of an integration whose requests do not pass the gateway are added to once in so many looks."""
_BACK = 2000
"""So many facts back a started process looks for incidents that ended meanwhile."""
_LEAST = timedelta(seconds=1)


class LaneKeeper:
    """Adds to the lanes of the incidents that are open, and once more when one is over."""

    def __init__(
        self,
        timeline: Timeline,
        lanes: Lanes,
        samples: Samples,
        gateway: Gateway | None,
        *,
        clock: Clock,
        served: str,
    ) -> None:
        self._timeline = timeline
        self._lanes = lanes
        self._samples = samples
        self._gateway = gateway
        self._clock = clock
        self._served = served
        self._seen: int | None = None
        self._steps = 0

    async def follow(self) -> None:
        """Keep for ever; started by the composition root in the leader."""
        while True:
            await self.step()
            await self._clock.sleep(EVERY_S)

    async def step(self) -> None:
        """Look once at what is open, or moved since the last look. Raises StoreError."""
        book = await self._timeline.book()
        moved = book.moved(max(0, book.head.seq - _BACK) if self._seen is None else self._seen)
        for found in {one.id: one for one in (*moved, *book.open_incidents())}.values():
            # Without traffic to count there is no hurry: the rounds are kept for hours.
            if not found.open or found.integration == self._served or self._steps % _SELDOM == 0:
                await self.keep(found)
        self._seen = book.head.seq
        self._steps += 1

    async def keep(self, incident: Incident) -> Swimlane:
        """The lanes of an incident until now, or until it was over; kept, and given back."""
        kept = await self._lanes.of(incident.id)
        if kept is not None and kept.closed and not incident.open:
            return kept.lane
        now = self._clock.now()
        until = min(now, incident.resolved_at or now)
        known = kept.lane if kept else Swimlane()
        since = kept.looked_at if kept else began(incident)
        # Once more what was looked at last: a look holds until the next one.
        looks = [_look(one) for one in await self._samples.since(incident.integration, since - SILENT)]
        if kept is None:
            # What the timeline itself holds, where there are no rounds of that time.
            looks += assessed(await self._timeline.history(incident.id))
        inside = [look for look in looks if look.at <= until]
        fresh = joined(known.stretches, stretches(inside, until=until)) if inside else known.stretches
        traffic = known.traffic
        if incident.integration == self._served:
            traffic = await self._with_traffic(traffic, began(incident), until=until, now=now)
        lane = Swimlane(fresh, traffic)
        await self._lanes.keep(incident.id, Kept(lane, until, closed=not incident.open))
        return lane

    async def _with_traffic(
        self, known: tuple[Counted, ...], since: datetime, *, until: datetime, now: datetime
    ) -> tuple[Counted, ...]:
        """What passed the gateway since then; where it does not say, or no longer, nothing is added."""
        if self._gateway is None or now - until > timedelta(seconds=EVERY_S * 2):
            return (
                known  # it is over for longer than a look: a window that ends now would tell of other times
            )
        begins = max(known[-1].until if known else since, now - LONGEST)
        if until - begins < _LEAST:
            return known
        window_s = (now - begins).total_seconds()
        try:
            status = GatewayStatus.from_json(await self._gateway.status(window_s=window_s))
        except OutsideError:
            return known
        return with_counted(known, counted(status.traffic, begins, until))


def counted(traffic: Traffic, since: datetime, until: datetime) -> Counted:
    """What passed the gateway, by what became of it."""
    by = traffic.by_status
    limited = traffic.rate_limited
    return Counted(
        since,
        until,
        ok=sum(count for status, count in by.items() if status < "400"),
        client=sum(count for status, count in by.items() if "400" <= status < "500") - limited,
        limited=limited,
        server=sum(count for status, count in by.items() if status >= "500"),
        lost=traffic.unanswered,
        buffered=traffic.fates.get("buffered", 0),
        held=traffic.fates.get("limited", 0) + traffic.fates.get("refused", 0),
    )


def _look(taken: Round) -> Look:
    return Look(taken.at, {(one.probe, one.target): one.status for one in taken.probes})
