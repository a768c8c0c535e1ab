"""A gateway's buffer, control and replay over a MaintainX that does what each step says; and what must always hold."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.errors import Conflict
from bot.gateway.admission import Admission
from bot.gateway.asking import Answered, Asking, Lines
from bot.gateway.budget import Budget
from bot.gateway.buffer.buffer import Decision
from bot.gateway.buffer.control import Action
from bot.gateway.buffer.replay import Replay
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.buffer.store import Rows
from bot.gateway.buffer.writes import Write
from bot.gateway.keyring import Callers, CurrentKey
from bot.gateway.limiter import Limiter
from bot.gateway.outage import Outage
from bot.gateway.settings import GatewaySettings
from bot.gateway.upstream import Lost, Upstream
from tests.clock import FakeClock
from tests.gateway.buffer.rig import ANN, NOON, Kept, Vendor, kept, new
from tests.keys import HeldKey

ENTITIES = 3
"""Work orders that share their order; all else that is written is alone."""
SETTINGS = BufferSettings(replay_share=1.0, concurrency=3, settle_s=15.0, down_after=1000)
WIDE = 10**9

Kind = Literal["change", "comment", "create", "twin", "own", "asset", "delete"]
Outcome = Literal[
    "ok", "refused", "401", "429", "500", "500 after", "lost before", "lost after", "not connected", "cut"
]


@dataclass(frozen=True)
class Accept:
    """The integration writes: through the buffer where it must queue, else live."""

    kind: Kind
    entity: int


@dataclass(frozen=True)
class Answer:
    """MaintainX does this with one of the requests that it has."""

    which: int
    outcome: Outcome


@dataclass(frozen=True)
class Pass:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Buffering begins or ends."""

    on: bool


@dataclass(frozen=True)
class Act:
    """A person drives the replay."""

    action: Action


@dataclass(frozen=True)
class Decide:
    """A person says what is to become of a write."""

    which: int
    decision: Decision


@dataclass(frozen=True)
class Disk:
    """The disk takes no change any more, or takes them again."""

    bad: bool


@dataclass(frozen=True)
class Crash:
    """The process is killed; ``arrives``: what it was sending is done all the same."""

    arrives: bool


Step = Accept | Answer | Pass | Hold | Act | Decide | Disk | Crash


@dataclass(eq=False)
class Request:
    """What the gateway has sent, and waits for."""

    method: str
    target: str
    body: bytes
    name: str
    """Of the integration's write; empty where the gateway itself asks."""
    answer: asyncio.Future[Answered] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Wire(Asking):
    """The gateway's own requests, with its turns and its budget, less the network."""

    def __init__(
        self,
        pending: list[Request],
        *,
        admission: Admission,
        budget: Budget,
        clock: FakeClock,
        upstream: Upstream,
        callers: Callers,
    ) -> None:
        super().__init__(
            upstream,
            admission=admission,
            budget=budget,
            key=CurrentKey(HeldKey("k")),
            callers=callers,
            clock=clock,
        )
        self._pending = pending

    async def _exchange(
        self, method: str, target: str, *, body: bytes, headers: Lines, organisation: str
    ) -> Answered:
        request = Request(method, target, body, dict(headers).get("User-Agent", ""))
        self._pending.append(request)
        try:
            return await request.answer
        finally:
            self._pending.remove(request)


@dataclass
class Written:
    """One write of the integration's, and what people said of it."""

    name: str
    entity: str
    live: bool
    buffer_id: str = ""
    resent: int = 0
    resent_late: bool = False
    """Sent again after others behind it had gone: its order was given up."""
    said: set[str] = field(default_factory=set)


class Model:
    """The world outside the gateway, and one life of the gateway after the other."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(NOON)
        self.vendor = Vendor(self.clock)
        self.orders = [self.vendor.rows.add("/workorders", {"title": "Pump"}) for _ in range(ENTITIES)]
        self.clock.jump(600)
        self.written: dict[str, Written] = {}
        self.done: list[str] = []
        """Names of writes in the order in which MaintainX did them."""
        self.pending: list[Request] = []
        self.buffering = False
        self.bad_disk = False
        self._folder = folder
        self.mx: Kept
        self.budget: Budget

    async def play(self, steps: list[Step]) -> None:
        """Go through the steps, checking after each, and to a good end."""
        left = iter(steps)
        while True:
            async with self._life():
                for step in left:
                    if isinstance(step, Crash):
                        self._crash(arrives=step.arrives)
                        await self._disk(bad=False)  # with a bad disk the next process would not start
                        break
                    await self._do(step)
                    await self.settle()
                    await self.check()
                else:
                    await self._end()
                    await self.check()
                    await self._check_end()
                    return

    async def left_over(self, steps: list[Step], *, failing: int) -> set[str]:
        """Entities with anything unsettled after a long replay in which nothing about this one ever goes well."""
        async with self._life():
            for step in steps:
                await self._do(step)
                await self.settle()
            await self._end(failing=f"workorders/{self.orders[failing]}", rounds=30)
            return {w.entity for w in await self.mx.all() if w.state not in ("delivered", "rejected")}

    @asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        budget = self.budget = Budget(user_limit=WIDE, organisation_limit=WIDE)
        admission = Admission(Limiter(budget, max_wait_s=1, room=10), budget, self.clock)
        upstream = Upstream(GatewaySettings(upstream="http://127.0.0.1:9/v1", database=self._folder / "x"))
        try:
            async with kept(self._folder, clock=self.clock, **SETTINGS.model_dump()) as self.mx:
                database = self.mx.database
                await database._writer.execute_fetchall(
                    "PRAGMA synchronous = OFF"
                )  # it is not the power that fails
                await self._disk(bad=False)
                wire = Wire(
                    self.pending,
                    admission=admission,
                    budget=budget,
                    clock=self.clock,
                    upstream=upstream,
                    callers=await Callers.open(database, self.clock),
                )
                replay = Replay(
                    self.mx.buffer,
                    self.mx.control,
                    wire,
                    settings=SETTINGS,
                    limit=lambda: WIDE,
                    settled=lambda _write, _what: None,
                    outage=Outage(database, settings=SETTINGS, on_change=lambda: None, clock=self.clock),
                    clock=self.clock,
                    log=logging.getLogger("tests.nobody-reads-it"),
                )
                self.mx.control.hold(buffering=self.buffering)
                async with asyncio.TaskGroup() as group:
                    loops = [
                        group.create_task(admission.run()),
                        group.create_task(replay.run()),
                        group.create_task(
                            self.mx.control.run(has_key=lambda: True, on_trouble=lambda _: None)
                        ),
                    ]
                    await self.settle()
                    await self.check()
                    yield
                    for loop in loops:
                        loop.cancel()
        finally:
            await upstream.close()

    async def settle(self) -> None:
        """Until the gateway has done all that it does without an answer and without time."""
        same = 0
        while same < 4:
            before = self._mark()
            await self.mx.database.read("SELECT 1")
            async with self.mx.database.write():
                pass
            for _ in range(5):
                await asyncio.sleep(0)
            same = same + 1 if self._mark() == before else 0

    def _mark(self) -> tuple[object, ...]:
        tally, control = self.mx.buffer.tally, self.mx.control
        places = tuple(sorted(tally.places.items()))
        return (places, tally.stuck, len(self.pending), self.clock.parked, control.state, control.trouble)

    # Steps.

    async def _do(self, step: Step) -> None:
        match step:
            case Accept(kind, entity):
                await self._accept(kind, entity)
            case Answer(which, outcome):
                if self.pending:
                    self._answer(self.pending[which % len(self.pending)], outcome)
            case Pass(seconds):
                await self.clock.advance(seconds)
            case Hold(on):
                self.buffering = on
                self.mx.control.hold(buffering=on)
            case Act(action):
                with suppress(Conflict, *([Exception] if self.bad_disk else [])):
                    await self.mx.control.act(action, actor=ANN, reason="", has_key=True)
            case Decide(which, decision):
                await self._decide(which, decision)
            case Disk(bad):
                await self._disk(bad=bad)
            case Crash():
                raise AssertionError

    async def _accept(self, kind: Kind, entity: int) -> None:
        name = f"w{len(self.written)}"
        number = self.orders[entity]
        order, collection = f"/v1/workorders/{number}", "/v1/workorders"
        shared = f"workorders/{number}"
        if kind == "delete":  # of a work order that nobody else writes to
            number = self.vendor.rows.add("/workorders", {"title": name})
        method, target, body, of = {
            "change": ("PATCH", order, {"description": name}, shared),
            "comment": ("POST", f"{order}/comments", {"content": name}, shared),
            "create": ("POST", collection, {"title": name}, name),
            "twin": ("POST", collection, {"title": "Twin", "description": name}, name),
            "own": ("POST", collection, {"title": "Own", "externalData": name}, name),
            "asset": ("POST", "/v1/assets", {"name": name}, name),
            "delete": ("DELETE", f"/v1/workorders/{number}", None, name),
        }[kind]
        made = Written(name, str(of), live=False)
        if not (self.buffering or self.mx.buffer.holds_up(str(method), str(target))):
            made.live = True
            self.written[name] = made
            assert self.vendor.answer(str(method), str(target), json.dumps(body).encode()).status < 300
            self.done.append(name)
            return
        raw = b"" if body is None else json.dumps(body).encode()
        write = new(str(method), str(target), raw, at=self.clock.now(), headers=(("User-Agent", name),))
        made.buffer_id = write.id
        await self.mx.buffer.accept(write)
        self.written[name] = made

    def _answer(self, request: Request, outcome: Outcome) -> None:
        match outcome:
            case "401" | "429" | "500":
                self._give(request, Answered(int(outcome), self.vendor.headers(), b'{"error": "no"}'))
            case "refused":
                status = 400 if request.name else 500
                self._give(request, Answered(status, self.vendor.headers(), b'{"error": "no"}'))
            case "lost before":
                request.answer.set_exception(Lost("lost", "it broke off", sent=True))
            case "not connected":
                request.answer.set_exception(Lost("connect", "nobody there", sent=False))
            case "ok":
                self._give(request, self._apply(request))
            case "cut":
                found = self._apply(request)
                self._give(request, Answered(found.status, found.headers, found.body[:3], whole=False))
            case "500 after":
                self._apply(request)
                self._give(request, Answered(502, self.vendor.headers(), b"<html>"))
            case "lost after":
                self._apply(request)
                request.answer.set_exception(Lost("answer_timeout", "no answer", sent=True))

    @staticmethod
    def _give(request: Request, answered: Answered) -> None:
        request.answer.set_result(answered)

    def _apply(self, request: Request) -> Answered:
        found = self.vendor.answer(request.method, request.target, request.body)
        if request.name and found.status < 300:
            self.done.append(request.name)
        return found

    async def _decide(self, which: int, decision: Decision) -> None:
        able = [w for w in await self.mx.all() if w.state in ("waiting", "rejected", "unknown")]
        if not able:
            return
        write = able[which % len(able)]
        try:
            await self.mx.buffer.decide(write.id, decision, actor=ANN, reason="")
        except Conflict:
            return
        except Exception:
            if not self.bad_disk:
                raise
            return
        made = self._of(write)
        made.said.add(decision)
        if decision == "resend":
            made.resent += 1
            made.resent_late |= write.state == "rejected"

    async def _disk(self, *, bad: bool) -> None:
        self.bad_disk = bad
        async with self.mx.database.write() as tx:
            await tx.execute("DROP TRIGGER IF EXISTS bad_disk")
            if bad:
                await tx.execute(
                    "CREATE TRIGGER bad_disk BEFORE UPDATE ON buffered BEGIN SELECT RAISE(ABORT, 'bad'); END"
                )

    def _crash(self, *, arrives: bool) -> None:
        for request in self.pending:
            if arrives and request.method != "GET":
                self._apply(request)

    async def _end(self, *, failing: str = "", rounds: int = 150) -> None:
        """MaintainX is well and people go on until nothing is left to send; ``failing``: all but this entity."""
        await self._disk(bad=False)
        self.buffering = False
        self.mx.control.hold(buffering=False)
        for _ in range(rounds):
            await self.settle()
            for request in tuple(self.pending):
                about = (
                    self.written[request.name].entity if request.name else request.target.removeprefix("/v1/")
                )
                self._answer(request, "500" if failing and about.startswith(failing) else "ok")
            await self.settle()
            await self.check()
            state = self.mx.control.state
            if state == "paused":
                await self.mx.control.act("resume", actor=ANN, reason="", has_key=True)
            elif state in ("idle", "done"):
                if not self.mx.buffer.tally.moving:
                    return  # what waits stands behind parked ones
                await self.mx.control.act("start", actor=ANN, reason="", has_key=True)
            await self.clock.advance(61)
        assert failing, "the replay comes to its end"

    # What must hold.

    def _of(self, write: Write) -> Written:
        return self.written[dict(write.headers)["User-Agent"]]

    async def check(self) -> None:
        """What holds at every moment."""
        writes = await self.mx.all()
        times = Counter(self.done)
        assert [w.id for w in writes] == [w.buffer_id for w in self.written.values() if not w.live], "lost"
        for write in writes:
            made = self._of(write)
            self._check_one(write, made, times[made.name])
        self._check_order()
        self._check_flight(writes)
        self._check_queue(writes)
        await self._check_counts()

    @staticmethod
    def _check_one(write: Write, made: Written, times: int) -> None:
        about = (write.id, write.state, write.says, made, times)
        assert times <= 1 + made.resent, ("done twice", about)
        if made.said:
            return  # a person knew better
        match write.state:
            case "delivered":
                assert times == 1, ("told as delivered", about)
            case "waiting" | "rejected":
                assert times == 0, ("would be done again", about)
            case "sending" | "unknown":
                pass
            case "dropped":
                raise AssertionError(about)

    def _check_order(self) -> None:
        place: dict[str, int] = {}
        for index, name in enumerate(self.done):
            place.setdefault(name, index)
        for entity in {made.entity for made in self.written.values()}:
            names = [
                m.name
                for m in self.written.values()
                if m.entity == entity and m.name in place and not m.resent_late
            ]
            assert names == sorted(names, key=place.__getitem__), ("out of order", entity, names, self.done)

    def _check_flight(self, writes: tuple[Write, ...]) -> None:
        """Nothing is sent past an earlier write of its entity that is not settled."""
        names = [request.name for request in self.pending if request.name]
        for write in writes:
            made = self._of(write)
            if made.name not in names:
                continue
            earlier = [w for w in writes if w.entity == write.entity and w.seq < write.seq]
            opened = [w.id for w in earlier if w.state in ("waiting", "sending", "unknown")]
            late = {w.id for w in earlier if self._of(w).resent_late}
            assert not set(opened) - late, ("sent past", opened, write.id)
        assert len(names) == len(set(names)), "one request at a time for each write"

    def _check_queue(self, writes: tuple[Write, ...]) -> None:
        """A live write passes none of its entity that waits; where nothing is open none has to wait."""
        opened = {w.entity for w in writes if w.state in ("waiting", "sending", "unknown")}
        for number in self.orders:
            if f"workorders/{number}" in opened:
                assert self.mx.buffer.holds_up("PATCH", f"/v1/workorders/{number}")
        if not opened:
            assert not self.mx.buffer.holds_up("PATCH", f"/v1/workorders/{self.orders[0]}")

    async def _check_counts(self) -> None:
        """What is counted in memory is what the file holds."""
        anew = Rows(self.mx.database, self.mx.buffer.rows.seal)
        await anew.count()
        known, found = self.mx.buffer.tally, anew.tally
        assert {p: n for p, n in known.places.items() if n} == {p: n for p, n in found.places.items() if n}
        assert (known.held_bytes, known.blocked, known.arriving) == (found.held_bytes, found.blocked, 0)
        if found.of("waiting"):
            assert known.oldest == found.oldest
        in_flight = {window.in_flight for window in self.budget._users.values()}
        assert in_flight <= {len(self.pending)}, "each place in the budget is given back"

    async def _check_end(self) -> None:
        writes = await self.mx.all()
        parked = {w.entity for w in writes if w.parked}
        for write in writes:
            if write.state == "waiting":
                assert write.entity in parked, ("waits for nothing", write)
            else:
                assert write.state != "sending", write
                assert write.state != "unknown" or write.parked, write
