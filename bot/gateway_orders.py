"""The follower that carries out what people asked of the gateway's buffer: once, after a look, and answered with a fact."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, timedelta, tzinfo

from bot.domain.backlog import BufferedWrite, Control, Decision, ReplayProgress, State
from bot.domain.events import Draft
from bot.domain.incident import Incident
from bot.domain.look import refused
from bot.domain.order import GatewayAnswered, Order
from bot.domain.telling import hour
from bot.errors import Conflict, OutsideError
from bot.ports import Clock, Gateway
from bot.timeline import Timeline

ACTOR = "mx"
IDLE_S = 5.0
TRIES = 3
"""How often a gateway that does not answer is asked before the person is told."""
AGAIN_S = 1.0
LATE = timedelta(minutes=1)
"""An order that mx finds this old was given to a process that is gone: nothing is begun for it unasked."""

_DONE: Mapping[Control, str] = {
    "start": "The replay is running",
    "pause": "The replay is held",
    "resume": "The replay goes on",
    "cancel": "The replay is given up",
}
_IN_EFFECT: Mapping[Control, str] = {
    "start": "running",
    "pause": "paused",
    "resume": "running",
    "cancel": "idle",
}
_DECIDED: Mapping[Decision, tuple[State, ...]] = {
    "resend": ("waiting", "sending", "delivered"),
    "arrived": ("delivered",),
    "drop": (),
}


class Orders:
    """Follows orders, oldest first. ``epoch`` tells this process's term as leader; a newer one elsewhere stops it."""

    def __init__(
        self,
        timeline: Timeline,
        gateway: Gateway,
        *,
        clock: Clock,
        epoch: Callable[[], int],
        after: Callable[[], Awaitable[object]],
        zone: tzinfo = UTC,
    ) -> None:
        self._timeline = timeline
        self._gateway = gateway
        self._clock = clock
        self._epoch = epoch
        self._after = after
        """Awaited once something has changed at the gateway, so that what is shown of it is anew."""
        self._zone = zone

    async def follow(self) -> None:
        """Carry out, for ever. Ends only by an error: Conflict where another process leads now, StoreError."""
        while True:
            head = (await self._timeline.book()).head.seq
            while await self.advance():
                pass
            await self._timeline.changed(head, timeout_s=IDLE_S)

    async def advance(self) -> bool:
        """Carry out the next order and write down what came of it; False where none is due."""
        due = [
            (order.at, incident, order)
            for incident in (await self._timeline.book()).ordering()
            for order in incident.orders
            if order.ok is None
        ]
        if not due:
            return False
        if await self._timeline.epoch() > self._epoch():
            raise Conflict("another process of mx leads now; this one has stopped acting")
        _, incident, order = min(due, key=lambda one: one[0])
        ok, says = await self._carried_out(incident, order)
        fact = GatewayAnswered(request=order.request, ok=ok, says=says, address=order.address)
        await self._timeline.append(
            Draft(
                stream=incident.id,
                actor=ACTOR,
                at=self._clock.now(),
                fact=fact,
                key=f"gateway:answered:{order.request}",
            )
        )
        await self._after()
        return True

    async def _carried_out(self, incident: Incident, order: Order) -> tuple[bool, str]:
        """Whether it is in effect now, and what to tell. Every try looks first, so that nothing is done twice."""
        for attempt in range(1, TRIES + 1):
            try:
                if order.buffer_id:
                    return await self._decide(incident, order)
                return await self._replay(incident, order)
            except OutsideError as error:
                if error.permanent or attempt == TRIES:
                    return False, str(error)
                await self._clock.sleep(AGAIN_S)
        raise AssertionError("the last try returns")

    async def _replay(self, incident: Incident, order: Order) -> tuple[bool, str]:
        action: Control = order.action  # type: ignore[assignment] # an order without a write is about the replay
        now = ReplayProgress.from_json(await self._gateway.replay())
        if why := refused(action, now):
            return now.state == _IN_EFFECT[action], why
        if late := self._late(order):
            return False, late
        after = ReplayProgress.from_json(
            await self._gateway.control_replay(action, owner=order.actor, reason=f"asked in {incident.id}")
        )
        return True, f"{_DONE[action]}: {after.line}."

    async def _decide(self, incident: Incident, order: Order) -> tuple[bool, str]:
        action: Decision = order.action  # type: ignore[assignment] # an order about a write is a decision
        name = order.buffer_id
        write = BufferedWrite.from_json(await self._gateway.buffered(name))
        what = f"{name} ({write.label(self._zone)})"
        if not write.parked:
            return write.state in _DECIDED[
                action
            ], f"{what} is {write.state} already{self._first(incident, order)}."
        if write.sent_at is not None and write.sent_at > order.at:
            return (
                True,
                f"{what} was sent again at {hour(write.sent_at, self._zone)}; its fate is unknown again.",
            )
        if late := self._late(order):
            return False, late
        reason = order.reason or f"decided in {incident.id}"
        after = BufferedWrite.from_json(
            await self._gateway.decide(name, action, owner=order.actor, reason=reason)
        )
        told = (
            "is sent again in its turn" if action == "resend" else "counts as delivered and is not sent again"
        )
        return True, f"{what} {told}" + (f": {after.says}" if after.says else ".")

    def _late(self, order: Order) -> str:
        if self._clock.now() - order.at <= LATE:
            return ""
        return (
            f"mx was away when this was asked for at {hour(order.at, self._zone)}, and has not done it. "
            "If it is still wanted, click again."
        )

    def _first(self, incident: Incident, order: Order) -> str:
        """Who decided of the same write before, where it was done here."""
        earlier = [one for one in incident.orders if one.buffer_id == order.buffer_id and one.ok]
        return (
            f": {earlier[-1].actor} {earlier[-1].doing} at {hour(earlier[-1].at, self._zone)}"
            if earlier
            else ""
        )
