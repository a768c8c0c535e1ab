"""What is asked of the gateway's buffer: the facts, and their fold (by whom, and what came of it). Pure."""

from datetime import datetime
from typing import NamedTuple

from bot.domain.backlog import Control, Decision
from bot.domain.fact import Address, Fact

DOING = {
    "start": "asked for the replay",
    "pause": "asked to hold the replay",
    "resume": "asked to go on with the replay",
    "cancel": "asked to give the replay up",
    "resend": "had it sent again",
    "arrived": "said that it arrived",
    "drop": "dropped it",
}


class ReplayAsked(Fact):
    """Somebody asked for the replay of buffered writes to be started, held, gone on with or given up."""

    kind = "replay_asked"
    request: str
    action: Control
    address: Address = Address()


class WriteDecided(Fact):
    """Somebody decided of a write of unknown fate: send it again, or it arrived."""

    kind = "write_decided"
    request: str
    buffer_id: str
    action: Decision
    reason: str = ""
    address: Address = Address()


class GatewayAnswered(Fact):
    """What came of a request to the gateway: it is in effect, or the sentence why not."""

    kind = "gateway_answered"
    request: str
    ok: bool
    says: str
    address: Address = Address()


class Order(NamedTuple):
    """One request; ``ok`` is None until the gateway has answered."""

    request: str
    action: Control | Decision
    buffer_id: str
    """The write that was decided; empty where it is about the replay."""
    reason: str
    actor: str
    at: datetime
    address: Address
    ok: bool | None = None

    @property
    def doing(self) -> str:
        """What the actor did: "had it sent again"."""
        return DOING[self.action]


def ordered(fact: ReplayAsked | WriteDecided, *, actor: str, at: datetime) -> Order:
    """The order that this fact gives."""
    write, reason = (fact.buffer_id, fact.reason) if isinstance(fact, WriteDecided) else ("", "")
    return Order(
        fact.request,
        fact.action,
        buffer_id=write,
        reason=reason,
        actor=actor,
        at=at,
        address=fact.address,
    )


def answered(orders: tuple[Order, ...], fact: GatewayAnswered) -> tuple[Order, ...]:
    """The orders once this one is answered."""
    return tuple(order._replace(ok=fact.ok) if order.request == fact.request else order for order in orders)
