"""An inbox on a real file, and an integration on a real socket that answers what it is told: for this folder's tests."""

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy

from bot.clock import SystemClock
from bot.demo.door import Door, beside
from bot.gateway.buffer.sealing import Seal
from bot.gateway.feed import Feed
from bot.gateway.schema import FIRST, UPGRADES
from bot.gateway.webhooks import events
from bot.gateway.webhooks.deliveries import Delivery, NewDelivery, State, new_id
from bot.gateway.webhooks.forwarder import Forwarder
from bot.gateway.webhooks.inbox import Inbox
from bot.gateway.webhooks.settings import WebhookSettings
from bot.journal.sqlite import Database
from bot.ports import Clock

SECRET = "webhook-secret-0123456789"
ANN = "cli:ann@host"
_MOMENTS = itertools.count()


def body(order: int = 1, *, at: str | None = None, **fields: Any) -> bytes:
    """A payload about a work order, of a moment of its own unless one is given."""
    moment = next(_MOMENTS)
    at = at or f"2026-11-23T{moment // 3600:02d}:{moment // 60 % 60:02d}:{moment % 60:02d}.000Z"
    return json.dumps({"workOrderId": order, "orgId": 1, "occurredAt": at, **fields}).encode()


def new(
    content: bytes | None = None,
    *,
    event: str = "WORK_ORDER_CHANGE",
    at: datetime | None = None,
    **given: Any,
) -> NewDelivery:
    """A delivery as the routes make it, now unless a time is given."""
    content = body() if content is None else content
    told, name = events.read(event, content), new_id()
    whole: dict[str, Any] = {
        "id": name,
        "same": told.same,
        "event": event,
        "entity": told.entity or name,
        "at": told.at,
        "polled": False,
        "body": content,
        "received_at": at or SystemClock().now(),
    }
    return NewDelivery(**{**whole, **given})


@dataclass(frozen=True)
class Call:
    """One request that came to the integration."""

    path: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def order(self) -> int:
        found: int = json.loads(self.body)["workOrderId"]
        return found


@dataclass
class Integration:
    """Answers each call with what ``answer`` says; None breaks the connection off."""

    answer: Callable[[Call], web.Response | None] = lambda _: web.Response()
    calls: list[Call] = field(default_factory=list)
    door: Door | None = None
    hold: asyncio.Event | None = None
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        assert self.door is not None
        return f"{self.door.url}/hooks/{{event}}?from=maintainx"

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            call = Call(request.path_qs, request.headers, await request.read())
            self.calls.append(call)
            if self.hold is not None:
                await self.hold.wait()
            answer = self.answer(call)
            if answer is None and request.transport is not None:
                request.transport.abort()
            return answer or web.Response(status=500)
        finally:
            self.at_once -= 1


@asynccontextmanager
async def integration() -> AsyncIterator[Integration]:
    made = Integration()
    async with Door.open(made.serve) as made.door:
        yield made


@dataclass
class Rig:
    """An inbox, its forwarder running, and the integration that it forwards to."""

    inbox: Inbox
    forwarder: Forwarder
    there: Integration
    database: Database

    async def settled(self, count: int, *, state: State = "delivered") -> None:
        """Wait until so many are in this state."""
        await until(lambda: self.inbox.counts.get(state, 0) == count)

    async def all(self) -> tuple[Delivery, ...]:
        """Every delivery, oldest first."""
        states: tuple[State, ...] = ("waiting", "delivered", "kept", "dropped")
        return tuple(reversed(await self.inbox.page(states=states, before=2**53, limit=500)))

    async def feed(self) -> list[tuple[str, str]]:
        """What the feed tells: what, and in which words."""
        found = (await (await Feed.open(self.database)).page(0))["events"]
        assert isinstance(found, list)
        return [(str(e["what"]), str(e["says"])) for e in found if isinstance(e, dict)]


async def until(true: Callable[[], bool], *, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110 - the condition is over a real socket
            await asyncio.sleep(0.005)


@asynccontextmanager
async def opened(
    folder: Path, *, clock: Clock, key: str | None = None, **settings: Any
) -> AsyncIterator[tuple[Inbox, Database]]:
    """An inbox alone."""
    async with Database.open(folder / "g.db", schema=FIRST, upgrades=UPGRADES) as database:
        made = WebhookSettings(**{"secret": SECRET, **settings})
        yield await Inbox.open(database, made, seal=Seal(key), clock=clock), database


@asynccontextmanager
async def running(
    folder: Path, *, clock: Clock | None = None, key: str | None = None, **settings: Any
) -> AsyncIterator[Rig]:
    """An inbox whose deliveries are forwarded, with short waits."""
    clock = clock or SystemClock()
    async with integration() as there, opened(folder, clock=clock, key=key, **settings) as (inbox, database):
        quick = {"first_wait_s": 0.01, "longest_wait_s": 0.05, "answer_s": 2.0}
        made = WebhookSettings(**{"secret": SECRET, "forward_to": there.url, **quick, **settings})
        forwarder = Forwarder(inbox, made, clock=clock, log=logging.getLogger("test"))
        async with beside(forwarder.run()):
            yield Rig(inbox, forwarder, there, database)
