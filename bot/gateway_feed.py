"""Follows the gateway's event feed: what the gateway did by itself, or by somebody's hand, becomes a fact, once."""

from datetime import datetime, timedelta

from bot.domain import events as e
from bot.domain.book import Book
from bot.domain.change import RECENT
from bot.domain.gateway import Feed, GatewayEvent, Policy
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.run import Run
from bot.domain.watching import VendorReported
from bot.errors import OutsideError
from bot.meter import Meter
from bot.ports import Clock, Gateway
from bot.timeline import Timeline

ACTOR = "gateway"
EVERY_S = 2.0
AWAY_S = 5.0
"""How long a gateway that did not answer is left alone."""
LASTING = ("write_", "buffer_", "replay_", "forwarding_")
"""News of data that was accepted: they belong on a timeline even when no incident is open."""
AFTERWARDS = timedelta(days=1)
"""How long such news still belongs to the incident that is over."""
GRACE = timedelta(seconds=10)
"""How long after a lease's end its expiry is waited for before the gateway's list is looked at."""

VENDOR_CHANGE = "vendor_change"
"""What somebody changed at MaintainX, as its audit webhooks tell."""

_ORDERED = {
    "replay_started": "start",
    "replay_paused": "pause",
    "replay_resumed": "resume",
    "replay_cancelled": "cancel",
    "write_resent": "resend",
    "write_arrived": "arrived",
}
"""What an order brings about at the gateway."""


class GatewayFeed:
    """Reads one gateway's feed. The place in it is kept in memory: facts are keyed, so reading anew adds none."""

    def __init__(
        self,
        timeline: Timeline,
        gateway: Gateway,
        *,
        clock: Clock,
        integration: str = "default",
        meter: Meter | None = None,
    ) -> None:
        self._timeline = timeline
        self._gateway = gateway
        self._clock = clock
        self._integration = integration
        self._meter = meter or Meter()
        self._instance = ""
        self._after = 0
        self._compared = False

    async def run(self) -> None:
        """Follow for ever; a gateway that is away is asked again. Raises StoreError."""
        while True:
            try:
                more = await self.read()
            except OutsideError:
                self._meter.gateway_up.set(0)
                await self._clock.sleep(AWAY_S)
                continue
            self._meter.gateway_up.set(1)
            self._meter.gateway_seen.set(self._clock.now().timestamp())
            if not more:
                await self._clock.sleep(EVERY_S)

    async def read(self) -> bool:
        """Read one page and write down what is news; True where more may wait. Raises OutsideError, StoreError."""
        feed = Feed.from_json(await self._gateway.events(self._after))
        if feed.instance != self._instance:
            known, self._instance, self._after, self._compared = self._instance, feed.instance, 0, False
            if known:
                return True  # another numbering than the one just asked for: read it from its start
        for event in feed.events:
            await self._write(event)
        self._after = max(self._after, feed.next)
        if not feed.events:
            await self._compare()
        return bool(feed.events)

    async def _write(self, event: GatewayEvent) -> None:
        book = await self._timeline.book()
        if event.what == VENDOR_CHANGE:
            await self._vendor(book, event)
            return
        incident = book.of_run(event.lease or "")
        run = incident.run(event.lease or "") if incident else None
        if incident is not None and run is not None:
            if _by_the_runner(event, incident, run):
                return
            stream, fact = incident.id, _of_a_run(event)
        else:
            there = self._stream(book, event)
            if there is None or _by_an_order(event, book.incident(there)):
                return  # nobody's timeline, or told there already by the order and its answer
            stream, fact = there, None
        draft = e.Draft(
            stream=stream,
            actor=event.actor,
            at=event.at,
            fact=fact or e.GatewayReported(what=event.what, says=_told(event)),
            key=f"gateway:{self._instance}:{event.n}",
        )
        await self._timeline.append(draft)

    async def _vendor(self, book: Book, event: GatewayEvent) -> None:
        """A change at MaintainX: on the desk, where a later incident looks for it, and on the incident that is open."""
        fact = VendorReported(event=event.event, delivery=event.delivery, says=event.says)
        there = book.open_incident(self._integration)
        streams = {e.desk(self._integration): f"vendor:{self._integration}:{event.delivery}"}
        if there is not None and there.opened_at - event.at <= RECENT:
            streams[there.id] = f"vendor:{there.id}:{event.delivery}"
        for stream, key in streams.items():
            # One by one: an append whose key is known writes nothing at all.
            draft = e.Draft(stream=stream, actor=event.actor, at=event.at, fact=fact, key=key)
            await self._timeline.append(draft)

    async def _compare(self) -> None:
        """End what counts as on but is not at the gateway: its file was replaced, or it never took the lease."""
        now = self._clock.now()
        book = await self._timeline.book()
        doubtful = [
            (incident, lease)
            for incident in book.leased()
            for lease in incident.leases
            if _at_the_gateway(incident, lease)
            and (not self._compared or (lease.expires_at is not None and lease.expires_at + GRACE < now))
        ]
        policy = Policy.from_json(await self._gateway.policy()) if doubtful else None
        for incident, lease in doubtful:
            if policy is None or policy.lease(lease.id) is not None:
                continue
            over = lease.expires_at is not None and lease.expires_at <= now
            draft = e.Draft(
                stream=incident.id,
                actor=ACTOR,
                at=now,
                fact=e.LeaseEnded(
                    lease=lease.id,
                    cause="expired" if over else "deleted",
                    says=f"{lease.playbook}: the gateway does not have this lease (any more): {lease.says} is off",
                ),
                key=f"gateway:{self._instance}:gone:{lease.id}",
            )
            await self._timeline.append(draft)
        self._compared = True

    def _stream(self, book: Book, event: GatewayEvent) -> str | None:
        """Whose timeline it belongs to: the incident that was open; for lasting news the latest one, else the desk."""
        before = [one for one in book.of(self._integration) if one.opened_at <= event.at]
        if there := next((one for one in before if _over_for(one, event.at) is None), None):
            return there.id
        if not event.what.startswith(LASTING):
            return None
        fresh = [one for one in before if (_over_for(one, event.at) or timedelta()) <= AFTERWARDS]
        latest = max(fresh, key=lambda one: (one.opened_at, one.id), default=None)
        return latest.id if latest else e.desk(self._integration)


def _over_for(incident: Incident, at: datetime) -> timedelta | None:
    """How long it had been over then; None where it was open."""
    resolved = incident.resolved_at
    return at - resolved if resolved is not None and resolved < at else None


def _by_the_runner(event: GatewayEvent, incident: Incident, run: Run) -> bool:
    """Whether the runner did it, and its own facts tell of it."""
    if event.what in ("lease_started", "lease_replaced"):
        return event.actor == run.requested_by
    if event.what == "lease_deleted":
        return any(undo.undoes == run.id and undo.requested_by == event.actor for undo in incident.runs)
    return False


def _by_an_order(event: GatewayEvent, incident: Incident | None) -> bool:
    """Whether it is what somebody asked of mx, whose own facts tell of it."""
    return incident is not None and any(
        (order.actor, order.buffer_id) == (event.actor, event.buffer_id)
        and _ORDERED.get(event.what) == order.action
        and order.ok is not False
        and order.at <= event.at + GRACE
        for order in incident.orders
    )


def _of_a_run(event: GatewayEvent) -> e.AnyFact | None:
    """The end of a run's lease; None where it is something else."""
    lease = event.lease or ""
    match event.what:
        case "lease_expired":
            return e.LeaseEnded(lease=lease, cause="expired", says=_told(event))
        case "lease_deleted":
            return e.LeaseEnded(lease=lease, cause="deleted", says=_told(event))
        case "lease_replaced":
            return e.LeaseEnded(lease=lease, cause="replaced", says=_told(event))
        case _:
            return None


def _told(event: GatewayEvent) -> str:
    words = event.what.replace("_", " ")
    about = f" ({event.lease or event.buffer_id})" if event.lease or event.buffer_id else ""
    return f"At the gateway: {words}{about} by {event.actor}" + (f": {event.says}" if event.says else "")


def _at_the_gateway(incident: Incident, lease: Lease) -> bool:
    """Whether the gateway holds it: there a lease has the id of its run."""
    return lease.id == lease.run and incident.run(lease.run) is not None
