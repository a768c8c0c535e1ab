"""The follower of leases' ends: asks the owner before one ends, and keeps on what its playbook says must not end by itself.

The gateway alone ends a lease; what is to stay is lengthened here in time, and somebody is woken, since a mitigation
that nobody takes back is one that nobody looks after.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, tzinfo

import structlog

from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.pages_due import kept_page
from bot.domain.steering import LeaseReminded
from bot.domain.telling import hour
from bot.errors import OutsideError
from bot.ports import Clock
from bot.timeline import Timeline

ASK_BEFORE = timedelta(minutes=10)
"""How long before its end the owner is asked."""
KEEP_BEFORE = timedelta(minutes=2)
"""How long before its end a lease that is to stay is lengthened."""
LOOK_S = 5.0
ACTOR = "mx"

Ask = Callable[[Incident, Lease, str], Awaitable[None]]
"""Tells the owner of a lease in Slack; raises OutsideError where Slack does not take it."""


class LeaseClock:
    """Looks at every lease that is on, each few seconds."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        pagers: int,
        new_id: Callable[[], str],
        ask: Ask,
        zone: tzinfo,
    ) -> None:
        """``pagers``: how many can be woken; with none, nobody is asked to be."""
        self._timeline = timeline
        self._clock = clock
        self._pagers = pagers
        self._new_id = new_id
        self._ask = ask
        self._zone = zone
        self._log = structlog.get_logger("mx.leases")

    async def follow(self) -> None:
        """Look for ever; started by the composition root in the leader. Raises StoreError."""
        while True:
            await self.step()
            await self._clock.sleep(LOOK_S)

    async def step(self) -> None:
        """Ask and keep what is due."""
        now = self._clock.now()
        for incident in (await self._timeline.book()).leased():
            for lease in incident.leases:
                if lease.expires_at is None or lease.expires_at <= now:
                    continue
                left = lease.expires_at - now
                # A short lease is asked about in its last third, not at its very beginning.
                ask_before = min(ASK_BEFORE, (lease.expires_at - lease.since) / 3)
                told = (lease.id, lease.expires_at) in incident.reminded
                if left <= ask_before and not told:
                    await self._remind(incident, lease, lease.expires_at)
                keep_before = min(KEEP_BEFORE, (lease.expires_at - lease.since) / 4)
                if incident.open and lease.at_expiry == "keep" and left <= keep_before:
                    await self._keep(incident, lease, lease.expires_at)

    async def _remind(self, incident: Incident, lease: Lease, expires_at: datetime) -> None:
        at = hour(expires_at, self._zone)
        then = (
            "mx then keeps it on and wakes somebody"
            if lease.at_expiry == "keep"
            else "it is then taken back by itself"
        )
        says = (
            f"{lease.playbook} ({lease.says}) ends at {at}; {then}. To keep it on, press Keep on at the card of "
            f"{incident.id}; to end it now: /mx undo {lease.playbook}"
        )
        try:
            await self._ask(incident, lease, says)
        except OutsideError as error:
            self._log.warning("owner not asked", incident=incident.id, lease=lease.id, because=str(error))
            return  # asked again at the next look
        await self._append(
            incident,
            LeaseReminded(lease=lease.id, expires_at=expires_at, says=says),
            key=f"reminded:{lease.id}:{expires_at.isoformat()}",
        )

    async def _keep(self, incident: Incident, lease: Lease, expires_at: datetime) -> None:
        going = any(run.undoes == lease.run for run in incident.live_runs)
        if going:
            return
        ref = f"{lease.id}:{expires_at.isoformat()}"
        fact = e.RunRequested(run=self._new_id(), playbook=lease.playbook, mode="extend", undoes=lease.run)
        drafts = [self._draft(incident, fact, key=f"kept:{ref}")]
        if self._pagers and not incident.drill:
            says = (
                f"{lease.playbook} is kept on past {hour(expires_at, self._zone)} in {incident.id}: {lease.says}. "
                f"{lease.owner} owns it; when it is over: /mx undo {lease.playbook}"
            )
            page = kept_page(incident, ref=ref, says=says)
            drafts.append(self._draft(incident, page, key=page.page))
        await self._timeline.append(*drafts)

    async def _append(self, incident: Incident, fact: e.AnyFact, *, key: str) -> None:
        await self._timeline.append(self._draft(incident, fact, key=key))

    def _draft(self, incident: Incident, fact: e.AnyFact, *, key: str) -> e.Draft:
        return e.Draft(stream=incident.id, actor=ACTOR, at=self._clock.now(), fact=fact, key=key)
