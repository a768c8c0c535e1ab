"""Leases: the strictest wins, each ends by itself, all of it on the disk and in the feed."""

from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.gateway.feed import Feed
from bot.gateway.leases import Effect, Leases, LeaseWish
from bot.gateway.schema import FIRST, UPGRADES
from bot.journal.sqlite import Database
from tests.clock import FakeClock


def wish(rate: float | None = None, *jobs: str, ttl_s: float = 60, owner: str = "cli:ann@host") -> LeaseWish:
    return LeaseWish(Effect(rate, jobs), owner, "mx-1", ttl_s)


async def test_the_strictest_wins_and_each_ends_alone(tmp_path: Path) -> None:
    clock, seen = FakeClock(), list[Effect]()
    async with Database.open(tmp_path / "g.db", schema=FIRST, upgrades=UPGRADES) as database:
        leases = Leases(database, clock, seen.append)
        await leases.load()
        await leases.put("a", wish(2.0, "asset-sync", ttl_s=10))
        await leases.put("b", wish(1.0, "nightly", ttl_s=20))
        await leases.put("c", wish(5.0, ttl_s=30))
        assert leases.effect == Effect(1.0, ("asset-sync", "nightly"))
        await leases.end("b", actor="bob", reason="undo")
        assert leases.effect == Effect(2.0, ("asset-sync",))
        clock.jump(11)
        await leases.expire()
        assert leases.effect == Effect(5.0)
        assert seen[-1] == Effect(5.0)
        assert await leases.end("b", actor="bob", reason="again") is None
        feed = await (await Feed.open(database)).page(0)
        assert isinstance(feed["events"], list)
        told = [(e["n"], e["actor"], e["what"], e["lease"]) for e in feed["events"] if isinstance(e, dict)]
        assert told == [
            (1, "cli:ann@host", "lease_started", "a"),
            (2, "cli:ann@host", "lease_started", "b"),
            (3, "cli:ann@host", "lease_started", "c"),
            (4, "bob", "lease_deleted", "b"),
            (5, "gateway", "lease_expired", "a"),
        ]
        assert feed["next"] == 5
        assert (await (await Feed.open(database)).page(5))["events"] == []


async def test_a_restart_keeps_what_is_on_and_ends_what_ran_out(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Database.open(tmp_path / "g.db", schema=FIRST, upgrades=UPGRADES) as database:
        leases = Leases(database, clock, lambda _: None)
        await leases.load()
        first = (await Feed.open(database)).instance
        await leases.put("short", wish(1.0, ttl_s=10))
        await leases.put("long", wish(2.0, ttl_s=100))
    clock.jump(50)
    seen = list[Effect]()
    async with Database.open(tmp_path / "g.db", schema=FIRST, upgrades=UPGRADES) as database:
        leases = Leases(database, clock, seen.append)
        await leases.load()
        assert [lease.id for lease in leases.all()] == ["long"]
        assert seen[-1] == Effect(2.0)
        assert (await Feed.open(database)).instance == first
        feed = await (await Feed.open(database)).page(2)
        assert isinstance(feed["events"], list)
        assert [e["what"] for e in feed["events"] if isinstance(e, dict)] == ["lease_expired"]


async def test_the_feed_cannot_be_changed(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "g.db", schema=FIRST, upgrades=UPGRADES) as database:
        leases = Leases(database, FakeClock(), lambda _: None)
        await leases.load()
        await leases.put("a", wish(1.0))
        for sql in ("UPDATE event SET actor = 'x'", "DELETE FROM event"):
            with pytest.raises(StoreError, match="append-only"):
                async with database.write() as tx:
                    await tx.execute(sql)


async def test_replacing_a_lease_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Database.open(tmp_path / "g.db", schema=FIRST, upgrades=UPGRADES) as database:
        leases = Leases(database, clock, lambda _: None)
        await leases.load()
        begun = (await leases.put("a", wish(1.0))).since
        clock.jump(5)
        renewed = await leases.put("a", wish(1.0))
        assert renewed.since == begun
        assert (renewed.expires_at - begun).total_seconds() == 65
        assert (await leases.put("a", wish(3.0))).since > begun
        assert leases.effect == Effect(3.0)
        feed = await (await Feed.open(database)).page(0)
        assert isinstance(feed["events"], list)
        assert [e["what"] for e in feed["events"] if isinstance(e, dict)] == [
            "lease_started",
            "lease_replaced",
            "lease_replaced",
        ]
