"""A request on its way: what the gateway knows of it once its head was read."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from bot.gateway.backoff import Backoff
from bot.gateway.budget import Caller
from bot.gateway.fates import SAFE
from bot.gateway.limiter import Verdict
from bot.gateway.retrying import Retries
from bot.gateway.turn import Turn
from bot.gateway.wire import Incoming


@dataclass(slots=True)
class Passing:
    """A request that was let through: the head as it goes out, whose it is, and its body where it was read already."""

    request: web.BaseRequest
    incoming: Incoming
    head: bytes
    lane: str
    caller: Caller
    fingerprint: bytes
    arrived: float
    """When it came, in monotonic seconds."""
    body: bytes | None = None
    turn: Turn | None = None
    """Its place in the budget; each further try has a new one."""
    tries: int = 1
    """How often it has been sent, this time included."""
    waits: Backoff | None = None

    def backoff(self, retries: Retries) -> Backoff:
        """Its waits between tries; most requests need none."""
        if self.waits is None:
            self.waits = retries.backoff()
        return self.waits

    @property
    def bodiless(self) -> bool:
        """A safe method without a body: sending it twice changes nothing."""
        return self.request.method in SAFE and not self.body


class Held(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A further try was not let through; ``verdict`` says why, ``buffering`` that nothing is to pass just now."""

    def __init__(self, verdict: Verdict | Literal["buffering"]) -> None:
        super().__init__(verdict)
        self.verdict: Verdict | Literal["buffering"] = verdict
