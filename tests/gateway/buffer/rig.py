"""A buffer on a real file, its replay, and a MaintainX that is asked without a network: for the tests of this folder."""

import itertools
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from multidict import CIMultiDict

from bot.demo.maintainx.answers import Asked, answer
from bot.demo.maintainx.rows import Row, Rows
from bot.gateway.asking import Answered
from bot.gateway.buffer.buffer import Buffer
from bot.gateway.buffer.control import Control
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.buffer.writes import NewWrite, State, Write
from bot.gateway.feed import Feed
from bot.gateway.schema import FIRST, UPGRADES
from bot.journal.sqlite import Database
from bot.ports import Clock
from tests.clock import FakeClock

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANN = "cli:ann@host"
_NUMBERS = itertools.count(1)


def new(method: str, target: str, body: Any = b"", *, at: datetime = NOON, **given: Any) -> NewWrite:
    """A write as it comes in; ``body`` is bytes, or what becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    whole: dict[str, Any] = {
        "id": f"mxb_{next(_NUMBERS):016x}",
        "method": method,
        "target": target,
        "headers": (("Content-Type", "application/json"),),
        "body": raw,
        "organisation": "",
        "caller": b"somebody",
        "lane": "critical",
        "received_at": at,
    }
    return NewWrite(**{**whole, **given})


def sent(
    method: str, target: str, body: Any = b"", *, at: datetime = NOON, state: State = "unknown"
) -> Write:
    """A write that went out at that time, and stands so; no file holds it."""
    made = new(method, target, body, at=at)
    return Write(
        seq=1,
        id=made.id,
        state=state,
        parked=False,
        entity="",
        method=method,
        target=target,
        headers=made.headers,
        body=made.body,
        size=len(made.body),
        organisation="",
        lane=made.lane,
        received_at=at,
        attempts=1,
        sent_at=at,
        answer_status=None,
        answer=None,
        says="",
    )


@dataclass
class Vendor:
    """The stand-in's rows, asked in this process: its answers at this clock's time, and what was asked."""

    clock: Clock
    asked: list[str] = field(default_factory=list)
    instead: list[Answered] = field(default_factory=list)
    """Answers to give first, before the rows are asked."""
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Rows(now=self.clock.now, organisation=4711, seed=7, workorders=0)

    @property
    def workorders(self) -> dict[int, Row]:
        """Rows by id."""
        return self.rows.tables["/workorders"]

    def write(self, method: str, target: str, body: Any = None) -> Any:
        """What somebody else does there meanwhile: its answer's body."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        found = self.answer(method, target, raw)
        assert found.status < 300, found
        return json.loads(found.body or b"null")

    def answer(self, method: str, target: str, body: bytes = b"") -> Answered:
        """Do what the request says."""
        parts = urlsplit(target)
        asked = Asked(
            method, parts.path.removeprefix("/v1"), parse_qs(parts.query), body, (4711,), 1, "http://mx/v1"
        )
        found = answer(self.rows, asked)
        raw = b"" if found.body is None else json.dumps(found.body).encode()
        return Answered(found.status, self.headers(), raw)

    def headers(self) -> CIMultiDict[str]:
        """The headers of an answer now: its clock counts whole seconds."""
        return CIMultiDict({"Date": format_datetime(self.clock.now().replace(microsecond=0), usegmt=True)})

    async def ask(self, target: str) -> Answered:
        """The port that looking asks by."""
        self.asked.append(target)
        return self.instead.pop(0) if self.instead else self.answer("GET", target)

    def fails(self, *statuses: int) -> None:
        """Answer so for the next questions."""
        self.instead += [Answered(status, self.headers(), b'{"error": "no"}') for status in statuses]


@dataclass(frozen=True)
class Kept:
    """A buffer that is open on a file."""

    database: Database
    buffer: Buffer
    control: Control

    async def accept(self, *news: NewWrite) -> None:
        """Keep these, in this order."""
        for write in news:
            await self.buffer.accept(write)

    async def one(self, name: str) -> Write:
        """The write of that id as it stands on the disk."""
        found = await self.buffer.rows.one(name)
        assert found is not None
        return found

    async def all(self) -> tuple[Write, ...]:
        """Every write, in the order of arrival."""
        states: Iterable[State] = ("waiting", "sending", "delivered", "rejected", "unknown", "dropped")
        page = await self.buffer.rows.page(states=tuple(states), after=0, limit=1000)
        return tuple([await self.one(write.id) for write in page])  # a page has no bodies

    async def claimed(self) -> Write:
        """The next write, being sent."""
        found = await self.buffer.claim()
        assert found is not None
        return found

    async def told(self) -> list[tuple[str, str, str]]:
        """Actor, what and write of each line of the feed."""
        page = (await (await Feed.open(self.database)).page(0))["events"]
        assert isinstance(page, list)
        return [
            (str(event["actor"]), str(event["what"]), str(event["buffer_id"]))
            for event in page
            if isinstance(event, dict)
        ]


@asynccontextmanager
async def kept(folder: Path, *, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Kept]:
    """Open the file in this folder as the gateway does at its start."""
    clock = clock or FakeClock(NOON)
    made = BufferSettings(**settings)
    async with Database.open(folder / "gateway.db", schema=FIRST, upgrades=UPGRADES) as database:
        buffer = await Buffer.open(database, settings=made, clock=clock)
        yield Kept(database, buffer, await Control.open(database, buffer, clock=clock))
