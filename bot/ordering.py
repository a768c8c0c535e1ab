"""What people may ask of the gateway's buffer: each request ends in one append, or in a refusal that says who was first."""

from collections.abc import Callable
from datetime import UTC, tzinfo

from bot.deciding import Deciding, Done, Move, on, open_in
from bot.domain.backlog import Control, Decision
from bot.domain.book import Book
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.look import Look, refused
from bot.domain.order import ReplayAsked, WriteDecided
from bot.domain.telling import hour
from bot.errors import Refused
from bot.ports import Clock
from bot.timeline import Timeline


class Ordering:
    """Asks; ``bot.gateway_orders`` carries out. All methods raise Refused, Conflict or StoreError.

    ``key`` is the id of the delivery that asks: asked twice with one key, it happens once.
    """

    def __init__(
        self, timeline: Timeline, clock: Clock, *, new_id: Callable[[], str], zone: tzinfo = UTC
    ) -> None:
        self._deciding = Deciding(timeline, clock)
        self._new_id = new_id
        self._zone = zone

    async def replay(
        self,
        integration: str,
        action: Control,
        *,
        actor: str,
        look: Look | None = None,
        address: Address | None = None,
        key: str | None = None,
    ) -> Done:
        """Ask for the replay to be started, held, gone on with, or given up; ``look`` is a recent one, if any."""
        fact = ReplayAsked(request=self._new_id(), action=action, address=address or Address())

        def decide(book: Book) -> Move:
            found = open_in(book, integration)
            self._refuse_pending(found, "")
            if look is not None and (why := refused(action, look.replay)):
                raise Refused(why)
            return on(found, fact, says="The gateway is asked; the card shows what comes of it.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def decide(
        self,
        integration: str,
        buffer_id: str,
        action: Decision,
        *,
        actor: str,
        reason: str = "",
        address: Address | None = None,
        key: str | None = None,
    ) -> Done:
        """Decide of a write of unknown fate."""
        fact = WriteDecided(
            request=self._new_id(),
            buffer_id=buffer_id,
            action=action,
            reason=reason,
            address=address or Address(),
        )

        def decide(book: Book) -> Move:
            found = open_in(book, integration)
            self._refuse_pending(found, buffer_id)
            return on(found, fact, says="The gateway is told; the card shows what comes of it.")

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    def _refuse_pending(self, found: Incident, buffer_id: str) -> None:
        """Raises Refused while something else that was asked of the same is not answered."""
        for order in found.orders:
            if order.ok is None and order.buffer_id == buffer_id:
                about = f"{buffer_id}: " if buffer_id else ""
                raise Refused(
                    f"{about}{order.actor} {order.doing} at {hour(order.at, self._zone)}, and the gateway has not "
                    "answered yet. The card shows what comes of it."
                )
