"""Leases: mitigations that are on, kept over restarts; the strictest wins, and only the gateway ends them."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import JsonValue

from bot.errors import StoreError
from bot.gateway.feed import GATEWAY, report
from bot.gateway.pausing import until
from bot.journal.sqlite import Database
from bot.ports import Clock

Buffering = Literal["on", "auto"]
Forwarding = Literal["paused"]

MANUAL = "manual"
"""The lease that ``PUT /-/policy`` is shorthand for."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a lease, or all of them, does to traffic."""

    rate_per_s: float | None = None
    paused_jobs: tuple[str, ...] = ()
    buffer: Buffering | None = None
    """``on``: writes wait on the disk; ``auto``: as soon as the gateway judges MaintainX down."""
    retry: bool = False
    """Safe requests are tried again."""
    poll: bool = False
    """What changed is asked for instead of waiting for webhooks."""
    forward: Forwarding | None = None
    """``paused``: webhooks are taken and kept, and not sent on."""

    @property
    def says(self) -> str:
        """In words: "1 request per second; asset-sync and report-generator paused"."""
        parts = []
        if self.rate_per_s is not None:
            parts.append(f"{self.rate_per_s:g} request{'' if self.rate_per_s == 1 else 's'} per second")
        if self.paused_jobs:
            parts.append(f"{' and '.join(self.paused_jobs)} paused")
        if self.buffer is not None:
            parts.append("writes buffered" + (" once MaintainX is down" if self.buffer == "auto" else ""))
        if self.retry:
            parts.append("safe requests retried")
        if self.poll:
            parts.append("webhooks polled, without comments and deletes")
        if self.forward is not None:
            parts.append("webhooks kept, not sent on")
        return "; ".join(parts) or "no limit"

    @property
    def limited(self) -> bool:
        """Whether requests are held back."""
        return self.rate_per_s is not None or bool(self.paused_jobs)

    def json(self) -> dict[str, JsonValue]:
        """As the contract shows it, and as it is kept."""
        return {
            "rate_per_s": self.rate_per_s,
            "paused_jobs": list(self.paused_jobs),
            "buffer": self.buffer,
            "retry": self.retry,
            "poll": self.poll,
            "forward": self.forward,
        }


@dataclass(frozen=True, slots=True)
class Lease:
    """One mitigation that is on: what it changes, whose it is, since and until when."""

    id: str
    effect: Effect
    owner: str
    reason: str
    since: datetime
    expires_at: datetime

    def json(self) -> dict[str, JsonValue]:
        """The lease as the contract shows it."""
        return {
            "id": self.id,
            **self.effect.json(),
            "owner": self.owner,
            "reason": self.reason,
            "since": self.since.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class LeaseWish:
    """A lease as it is asked for."""

    effect: Effect
    owner: str
    reason: str
    ttl_s: float


def strictest(leases: Mapping[str, Lease]) -> Effect:
    """The effect of all leases: the lowest rate, every job that any of them pauses, ``on`` before ``auto``."""
    effects = [lease.effect for lease in leases.values()]
    rates = [effect.rate_per_s for effect in effects if effect.rate_per_s is not None]
    paused = {job for effect in effects for job in effect.paused_jobs}
    buffers = [effect.buffer for effect in effects if effect.buffer is not None]
    return Effect(
        min(rates, default=None),
        tuple(sorted(paused)),
        max(buffers, default=None),  # "on" stands behind "auto" in the alphabet too
        any(effect.retry for effect in effects),
        any(effect.poll for effect in effects),
        next((effect.forward for effect in effects if effect.forward is not None), None),
    )


class Leases:
    """The leases of this gateway and the feed of their changes. Every change is on the disk before it is in force."""

    def __init__(self, database: Database, clock: Clock, on_change: Callable[[Effect], None]) -> None:
        self._database = database
        self._clock = clock
        self._on_change = on_change
        self._held: dict[str, Lease] = {}
        self._lock = asyncio.Lock()
        self._changed = asyncio.Event()
        self._closed = False

    async def load(self) -> None:
        """Take up what was on before the restart; what ran out meanwhile is ended now. Raises StoreError."""
        rows = await self._database.read(
            "SELECT id, effect, owner, reason, since, expires_at FROM lease ORDER BY since"
        )
        self._held = {str(row[0]): _lease(*row) for row in rows}
        await self.expire()
        self._on_change(self.effect)

    def close(self) -> None:
        """Take no change any more: the process that follows reads what is on from the disk."""
        self._closed = True

    @property
    def effect(self) -> Effect:
        """What all leases do together. One that ran out has none, even while the disk cannot take its end."""
        now = self._clock.now()
        return strictest({name: lease for name, lease in self._held.items() if lease.expires_at > now})

    def all(self) -> tuple[Lease, ...]:
        """Every lease that is on, oldest first."""
        return tuple(self._held.values())

    def paused_for_s(self, job: str) -> int:
        """Whole seconds until every lease that pauses this job has ended by itself; 1 at least."""
        ends = [lease.expires_at for lease in self._held.values() if job in lease.effect.paused_jobs]
        left = (max(ends) - self._clock.now()).total_seconds() if ends else 1.0
        return max(1, math.ceil(left))

    async def put(self, name: str, wish: LeaseWish) -> Lease:
        """Put a lease on, or replace the one of that name. Raises StoreError."""
        async with self._lock:
            self._check_open()
            now = self._clock.now()
            old = self._held.get(name)
            lease = Lease(
                name,
                wish.effect,
                wish.owner,
                wish.reason,
                old.since if old is not None and old.effect == wish.effect else now,
                now + timedelta(seconds=wish.ttl_s),
            )
            what = "lease_started" if old is None else "lease_replaced"
            says = f"{wish.effect.says} until {_clock_time(lease.expires_at)}: {wish.reason}"
            async with self._database.write() as tx:
                await tx.execute(
                    "INSERT OR REPLACE INTO lease (id, effect, owner, reason, since, expires_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        name,
                        json.dumps(wish.effect.json()),
                        lease.owner,
                        lease.reason,
                        lease.since.isoformat(),
                        lease.expires_at.isoformat(),
                    ),
                )
                await report(tx, now, actor=wish.owner, what=what, lease=name, says=says)
            self._now_held({**self._held, name: lease})
            return lease

    async def end(self, name: str, *, actor: str, reason: str) -> Lease | None:
        """End a lease by somebody's hand; None where it is not on. Raises StoreError."""
        async with self._lock:
            self._check_open()
            lease = self._held.get(name)
            if lease is not None:
                says = f"{lease.effect.says} is over" + (f": {reason}" if reason else "")
                await self._drop((lease,), actor=actor, what="lease_deleted", says=lambda _: says)
            return lease

    async def expire(self) -> None:
        """End whatever has run out. Raises StoreError."""
        async with self._lock:
            now = self._clock.now()
            over = tuple(lease for lease in self._held.values() if lease.expires_at <= now)
            if over:
                await self._drop(
                    over,
                    actor=GATEWAY,
                    what="lease_expired",
                    says=lambda lease: f"{lease.effect.says} ran out at {_clock_time(lease.expires_at)}",
                )

    async def run_expiry(self, *, on_trouble: Callable[[Exception], None]) -> None:
        """End leases when they run out, for ever; trouble with the disk is told and tried again a second later."""
        while True:
            self._changed.clear()
            due = min((lease.expires_at for lease in self._held.values()), default=None)
            if due is None:
                await self._changed.wait()
                continue
            wait_s = (due - self._clock.now()).total_seconds()
            if wait_s > 0:
                await until(self._clock, min(wait_s, 3600.0), self._changed)
                continue
            try:
                await self.expire()
            except StoreError as error:
                on_trouble(error)
                self._on_change(self.effect)
                await self._clock.sleep(1.0)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(
                "this gateway is stopping and takes no change any more; ask the one that follows it"
            )

    async def _drop(
        self, over: tuple[Lease, ...], *, actor: str, what: str, says: Callable[[Lease], str]
    ) -> None:
        now = self._clock.now()
        async with self._database.write() as tx:
            for lease in over:
                await tx.execute("DELETE FROM lease WHERE id = ?", (lease.id,))
                await report(tx, now, actor=actor, what=what, lease=lease.id, says=says(lease))
        gone = {lease.id for lease in over}
        self._now_held({name: lease for name, lease in self._held.items() if name not in gone})

    def _now_held(self, held: dict[str, Lease]) -> None:
        self._held = held
        self._changed.set()
        self._on_change(self.effect)


def _lease(name: str, effect: str, owner: str, reason: str, since: str, expires_at: str) -> Lease:
    read = json.loads(effect)
    return Lease(
        name,
        Effect(
            read.get("rate_per_s"),
            tuple(read.get("paused_jobs", ())),
            read.get("buffer"),
            bool(read.get("retry")),
            bool(read.get("poll")),
            read.get("forward"),
        ),
        owner,
        reason,
        datetime.fromisoformat(since),
        datetime.fromisoformat(expires_at),
    )


def _clock_time(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"
