"""Kill -9 at any moment: every write answered 202 is done exactly once, or waits for a person; order is kept."""

import asyncio
import itertools
import json
import random
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.maintainx import FakeMaintainX, Fault
from tests.gateway.child import KEY, Lives, lives
from tests.gateway.ledger import Client, Done, Op, faults

SETTINGS = """
replay_settle_s = 0.4
replay_share = 1.0
replay_concurrency = 4
down_after = 4
"""
CLIENTS = 6
SLOW_S = 0.1
"""How long the stand-in is at work on a slow write: less than the gateway waits before it looks for it."""
_GONE = (aiohttp.ClientError, OSError, TimeoutError)
_ANSWERS = {200, 201, 204, 202, 400, 401, 404, 429, 502, 503, 504}
"""What a write may be answered: by the stand-in, or by the gateway. A 500 would be a fault of the gateway's."""


@dataclass
class World:
    """Everything that outlives the gateway."""

    dice: random.Random
    maintainx: FakeMaintainX
    gateway: Lives
    ops: list[Op] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    done: Done = field(init=False)

    def __post_init__(self) -> None:
        self.done = Done(self.maintainx)
        numbers = itertools.count()
        rows = self.maintainx.workorders
        orders = self._orders()
        assert rows
        self.clients = [Client(self.dice, numbers, orders) for _ in range(CLIENTS)]

    def _orders(self) -> Any:
        yield from [(number, str(row["status"])) for number, row in self.maintainx.workorders.items()]
        while True:  # a long run uses them all up
            number = self.maintainx.rows.add("/workorders", {"title": "one more"})
            yield number, "OPEN"

    def break_something(self) -> None:
        """Other faults than before, each on a share of the requests."""
        chance, writes = self.dice.random, ("POST", "PATCH", "DELETE")
        self.maintainx.heal()
        kinds = [
            Fault("drop", methods=writes, share=0.12),
            Fault("reset", methods=writes, share=0.06),
            Fault("error", methods=writes, share=0.05, status=502, html=True, commits=True),
            Fault("error", methods=writes, share=0.05, status=503),
            Fault("slow", methods=writes, share=0.3, seconds=SLOW_S),
            Fault("hang", methods=writes, share=0.02),
            Fault("cut_body", share=0.05),
            Fault("limited", methods=writes, times=2),
            Fault("revoked", methods=writes, times=1),
            Fault("drop", methods=("GET",), share=0.05),
            Fault("error", methods=("GET",), share=0.03, status=500),
        ]
        odds = (0.7, 0.5, 0.5, 0.3, 0.7, 0.4, 0.3, 0.1, 0.05, 0.2, 0.1)
        for fault, odd in zip(kinds, odds, strict=True):
            if chance() < odd:
                self.maintainx.break_(fault)


@asynccontextmanager
async def session(url: str, *, total_s: float = 10) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {KEY}"}
    timeout = aiohttp.ClientTimeout(total=total_s)
    async with aiohttp.ClientSession(url, headers=headers, timeout=timeout) as opened:
        yield opened


async def write(world: World, client: Client, http: aiohttp.ClientSession) -> bool:
    """One write of this client's; False where the gateway is gone, and nobody knows what became of it."""
    op = client.next()
    world.ops.append(op)
    body = None if op.body is None else json.dumps(op.body)
    headers = {"User-Agent": op.name, "Content-Type": "application/json"}
    try:
        async with http.request(op.method, op.path, data=body, headers=headers) as answer:
            raw = await answer.read()
    except _GONE:
        return False
    op.status = answer.status
    world.seen[f"write {answer.status}"] += 1
    assert answer.status in _ANSWERS, (op, answer.status, raw)
    if answer.status == 202:
        op.buffer_id = json.loads(raw)["buffer_id"]
        assert answer.headers["X-MX-Buffered"] == op.buffer_id
    elif "X-MX-Limited" in answer.headers:
        world.seen[answer.headers["X-MX-Limited"]] += 1
        assert int(answer.headers["Retry-After"]) > 0
        op.status = None  # refused by the gateway: not MaintainX's word, and nothing may have been done
        assert op.name not in world.done.all()
    elif answer.status >= 500:
        op.status = None  # nobody knows
    return True


async def order(http: aiohttp.ClientSession, method: str, path: str, **body: Any) -> tuple[int, Any]:
    """Ask the gateway's admin routes."""
    wish = {"owner": "cli:ann@host", "reason": "chaos", **body} if method != "GET" else None
    async with http.request(method, f"/-/{path}", json=wish) as answer:
        return answer.status, await answer.json()


async def listed(http: aiohttp.ClientSession, *states: str) -> list[dict[str, Any]]:
    """Every write of the buffer in these states, all pages."""
    found: list[dict[str, Any]] = []
    for state in states:
        cursor: str | None = "0"
        while cursor is not None:
            _, page = await order(http, "GET", f"buffer?state={state}&limit=500&cursor={cursor}")
            found += page["items"]
            cursor = page["next"]
    return found


async def decide(world: World, http: aiohttp.ClientSession, *, most: int) -> None:
    """Be the person who looks into MaintainX and says what became of a write that nobody knows about."""
    now = time.time()  # noqa: TID251 - the age of what another process wrote down
    parked = [w for w in await listed(http, "unknown") if w["parked"] and age(w, now) > 2 * SLOW_S + 0.2]
    for item in parked[:most]:
        _, whole = await order(http, "GET", f"buffer/{item['buffer_id']}")
        action = "arrived" if dict(whole["headers"])["User-Agent"] in world.done.all() else "resend"
        status, _ = await order(http, "POST", f"buffer/{item['buffer_id']}", action=action)
        world.seen[f"{action} {status}"] += 1


def age(item: dict[str, Any], now: float) -> float:
    """Seconds since it was sent."""
    return now - datetime.fromisoformat(item["sent_at"]).timestamp()


async def operate(world: World, http: aiohttp.ClientSession) -> None:
    """What people do meanwhile: leases on and off, the replay driven, writes decided about."""
    dice = world.dice
    # In most lives the replay gets to work at once, in some everything is buffered.
    if dice.random() < 0.75:
        await order(http, "DELETE", "leases/chaos")
        await order(http, "DELETE", "leases/auto")
        with suppress(aiohttp.ContentTypeError):
            await (await http.get("/v1/users?limit=1")).read()  # it hears of the stand-in's limits by this
        for action in ("start", "resume"):
            await order(http, "POST", "replay", action=action)
    while True:
        await asyncio.sleep(dice.uniform(0.0, 0.12))
        what = dice.choices(
            ("on", "off", "auto", "start", "resume", "pause", "cancel", "decide", "drop", "look"),
            (3, 3, 1, 4, 4, 1, 1, 3, 0.3, 1),
        )[0]
        match what:
            case "on" | "auto":
                name = "chaos" if what == "on" else "auto"
                await order(http, "PUT", f"leases/{name}", buffer=what, ttl_s=600)
            case "off":
                await order(http, "DELETE", "leases/chaos")
                await order(http, "DELETE", "leases/auto")
            case "decide":
                await decide(world, http, most=4)
            case "drop":
                _, page = await order(http, "GET", "buffer?state=waiting&limit=20")
                for item in page["items"][-1:]:
                    await order(http, "POST", f"buffer/{item['buffer_id']}", action="drop")
            case "look":
                await order(http, "GET", "status")
                await order(http, "GET", "buffer?limit=3")
            case _:
                await order(http, "POST", "replay", action=what)


async def trouble(world: World) -> None:
    """Now and then the disk takes nothing for a while, or another process holds the file's lock."""
    kind = world.dice.random()
    path = world.gateway.database
    await asyncio.sleep(world.dice.uniform(0, 0.1))
    if kind < 0.06:
        world.seen["disk full"] += 1
        limits = resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
        await asyncio.sleep(world.dice.uniform(0.1, 0.4))
        with suppress(ProcessLookupError):
            resource.prlimit(world.gateway.pid, resource.RLIMIT_FSIZE, limits)
    elif kind < 0.09:
        other = sqlite3.connect(path, timeout=0.2, isolation_level=None)
        try:
            with suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
                world.seen["locked"] += 1
                await asyncio.sleep(world.dice.uniform(0.3, 2.2))
        finally:
            other.close()


async def live(world: World) -> None:
    """One life: all at once, until it is killed."""
    dice = world.dice
    await world.gateway.begin()
    if dice.random() < 0.12:  # right at the start, perhaps while it takes up what was being sent
        await asyncio.sleep(dice.uniform(0.0, 0.15))
        world.seen["killed while starting"] += 1
        await world.gateway.kill()
        return
    url = await world.gateway.listen()
    assert url, "it did not start"
    await asyncio.sleep(0.02)

    dead = asyncio.Event()

    async def writer(http: aiohttp.ClientSession, client: Client) -> None:
        while not dead.is_set() and await write(world, client, http):
            with suppress(TimeoutError):
                async with asyncio.timeout(dice.expovariate(6)):
                    await dead.wait()

    async def operator(http: aiohttp.ClientSession) -> None:
        with suppress(*_GONE):
            await operate(world, http)

    async with session(url) as http, asyncio.TaskGroup() as group:
        for client in world.clients:
            group.create_task(writer(http, client))
        operating = group.create_task(operator(http))
        disturbing = group.create_task(trouble(world))
        await asyncio.sleep(dice.uniform(0.05, 0.6))
        if dice.random() < 0.5:
            await disturbing
        await world.gateway.kill()
        dead.set()
        operating.cancel()
        disturbing.cancel()


async def drain(world: World) -> dict[str, dict[str, Any]]:
    """MaintainX is well again: replay to the end; every write of the buffer by its id."""
    world.maintainx.heal()
    async with asyncio.timeout(90):
        while True:
            async with world.gateway.alive() as url, session(url) as http:
                if await drained(http):
                    return await everything(http)
            world.seen["killed while draining"] += 1


async def drained(http: aiohttp.ClientSession) -> bool:
    """Replay until nothing is left that could be sent; False where this life has spent the organisation's limit."""
    for name in ("chaos", "auto"):
        await order(http, "DELETE", f"leases/{name}")
    await (await http.get("/v1/users?limit=1")).read()
    while True:
        _, found = await order(http, "GET", "status")
        match found["replay"]["state"]:
            case "idle" | "done":
                if found["mode"] != "draining":
                    return True  # what still waits stands behind parked ones
                await order(http, "POST", "replay", action="start")
            case "paused":
                await order(http, "POST", "replay", action="resume")
            case _ if not found["budget"]["organisation_left"]:
                return False
            case _:
                await asyncio.sleep(0.1)


async def everything(http: aiohttp.ClientSession) -> dict[str, dict[str, Any]]:
    """Every write of the buffer by its id; the counts in memory are those."""
    found = await listed(http, "waiting", "sending", "delivered", "rejected", "unknown", "dropped")
    _, page = await order(http, "GET", "buffer")
    counted = Counter(write["state"] for write in found if write["state"] != "dropped")
    assert {state: n for state, n in page["counts"].items() if n} == counted
    return {write["buffer_id"]: write for write in found}


def on_the_disk(database: Path) -> dict[str, str]:
    """Names of the integration's writes that are in the buffer, also of those whose 202 never arrived; their ids."""
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT id, headers FROM buffered").fetchall()
    finally:
        connection.close()
    return {dict(json.loads(headers))["User-Agent"]: name for name, headers in rows}


def being_sent(database: Path) -> int:
    """How many writes were being sent when the gateway was killed."""
    connection = sqlite3.connect(database)
    try:
        [(count,)] = connection.execute("SELECT count(*) FROM buffered WHERE state = 'sending'").fetchall()
    except sqlite3.OperationalError:
        return 0  # killed before there was a table
    finally:
        connection.close()
    return int(count)


async def test_nothing_is_lost_or_doubled_however_often_it_is_killed(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills: int = request.config.getoption("--kills")
    given: int | None = request.config.getoption("--seed")
    seed = random.randrange(2**32) if given is None else given  # noqa: S311 - no secret
    request.node.add_report_section("call", "chance", f"repeat with --kills {kills} --seed {seed}")
    async with (
        FakeMaintainX.start(key=KEY, user_limit=10**6, organisation_limit=10**6) as maintainx,
        lives(tmp_path, maintainx.base_url, SETTINGS) as gateway,
    ):
        world = World(random.Random(seed), maintainx, gateway)  # noqa: S311 - repeatable, no secret
        for _ in range(kills):
            world.break_something()
            await live(world)
            # What it was sending may still be done: only then is the integration's next write a later one.
            await asyncio.sleep(SLOW_S + 0.05)
            world.seen["killed while sending"] += being_sent(gateway.database) > 0
        kept = await drain(world)
        done = world.done.all()

    told = [op for op in world.ops if op.status == 202]
    ids = on_the_disk(gateway.database)
    unheard = [op for op in world.ops if op.status is None and op.name in ids]
    for op in unheard:
        op.buffer_id = ids[op.name]
    states = Counter(f"{item['state']}{' parked' * item['parked']}" for item in kept.values())
    summary = (
        f"{len(world.ops)} writes, {len(told)} kept, {len(unheard)} of them unheard, {len(done)} done\n"
        f"{dict(world.seen)}\n{dict(states)}"
    )
    request.node.add_report_section("call", "what happened", summary)
    assert faults(world.ops, done, kept) == []
    assert len(told) > kills, "each life took something in"
    assert states["delivered"] > kills / 2, "and much was delivered"
    assert world.seen["killed while sending"] > kills / 20
