"""PagerDuty's v3 webhooks: made, signed, delivered, and kept, so that one can be sent again or late."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from bot.demo.door import wall_clock

WEBHOOK_SECRET = "whsec-0123456789abcdef"
"""What signs its news."""


@dataclass
class Delivery:
    """A webhook as it was sent."""

    body: bytes
    headers: dict[str, str]
    status: int | None = None
    """What it was answered; None where nobody answered."""

    @property
    def event(self) -> dict[str, Any]:
        """The event in it."""
        found: dict[str, Any] = json.loads(self.body)["event"]
        return found


class Webhooks:
    """One subscription: ``url`` is where it posts to; None: nobody has subscribed, and news is only made."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.url: str | None = None
        self.secrets = [WEBHOOK_SECRET]
        """Each signs every delivery: two while one is exchanged."""
        self.now = wall_clock
        """The time of what happens there."""
        self.hold = False
        """News is made and not sent, until ``deliver``."""
        self.deliveries: list[Delivery] = []
        """All that were made, oldest first."""
        self._http = http
        self._going: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Deliver until the block ends, and what is on its way then."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            made = cls(http)
            yield made
            await made.settled()

    def make(self, event: str, *, agent: dict[str, str] | None, data: dict[str, Any]) -> Delivery:
        """An event's webhook, on its way where somebody subscribed."""
        body = json.dumps(
            {
                "event": {
                    "id": f"01EVENT{len(self.deliveries):04}",
                    "event_type": event,
                    "resource_type": event.partition(".")[0],
                    "occurred_at": self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "agent": agent,
                    "client": None,
                    "data": data,
                }
            }
        ).encode()
        signatures = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in self.secrets]
        headers = {
            "Content-Type": "application/json",
            "X-Webhook-Id": f"w-{len(self.deliveries)}",
            "X-PagerDuty-Signature": ",".join(f"v1={one}" for one in signatures),
        }
        made = Delivery(body, headers)
        self.deliveries.append(made)
        if self.url is not None and not self.hold:
            task = asyncio.get_running_loop().create_task(self._quietly(made))
            self._going.add(task)
            task.add_done_callback(self._going.discard)
        return made

    async def deliver(self, delivery: Delivery) -> int:
        """Send a webhook (again); what it was answered. Raises aiohttp.ClientError."""
        assert self.url is not None, "nobody has subscribed"
        async with self._http.post(self.url, data=delivery.body, headers=delivery.headers) as answer:
            delivery.status = answer.status
            return answer.status

    async def settled(self) -> None:
        """Wait until everything is delivered, or was not answered."""
        while self._going:
            await asyncio.wait(self._going)

    async def _quietly(self, delivery: Delivery) -> None:
        try:
            await self.deliver(delivery)
        except (aiohttp.ClientError, TimeoutError):
            delivery.status = None
