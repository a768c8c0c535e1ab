"""The inbox keeps each delivery once and until somebody has it, within its bounds."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.errors import Conflict, Refused, StoreError
from bot.gateway.webhooks.deliveries import ROW_BYTES, Delivery
from bot.gateway.webhooks.inbox import Inbox
from tests.clock import FakeClock
from tests.gateway.webhooks.rig import ANN, body, new, opened


async def only(inbox: Inbox) -> Delivery:
    [found] = await inbox.page(states=("waiting", "delivered", "kept", "dropped"), before=2**53, limit=9)
    return found


def holds(folder: Path, words: bytes) -> bool:
    return any(words in file.read_bytes() for file in folder.iterdir())


async def test_duplicates_are_one_within_a_batch_and_after_a_restart(tmp_path: Path) -> None:
    content = body(1)
    async with opened(tmp_path, clock=FakeClock()) as (inbox, _):
        taken = await asyncio.gather(*(inbox.take(new(content)) for _ in range(20)))
        assert [one.duplicate for one in taken].count(False) == 1
        assert len({one.id for one in taken}) == 1
        assert inbox.counts == {"waiting": 1}
    async with opened(tmp_path, clock=FakeClock()) as (inbox, _):
        again = await inbox.take(new(content))
        assert (again.id, again.duplicate) == (taken[0].id, True)
        assert inbox.counts == {"waiting": 1}
        assert inbox.held_bytes == len(content) + ROW_BYTES


async def test_a_delivered_one_is_still_known_but_its_body_is_gone(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock, keep_s=3600) as (inbox, _):
        content = body(1)
        await inbox.take(new(content, at=clock.now()))
        await inbox.settled(await only(inbox), "delivered", status=200, answer=b"", says="")
        assert (await only(inbox)).body == b""
        assert inbox.held_bytes == 0
        assert (await inbox.take(new(content))).duplicate
        clock.jump(3601)
        await inbox.forget()
        assert inbox.counts["delivered"] == 0
        assert not (await inbox.take(new(content))).duplicate


async def test_what_waits_or_is_kept_is_never_forgotten_and_fills_the_inbox(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock, keep_s=60, max_bytes=2**16) as (inbox, database):
        await inbox.take(new(body(1, text="x" * 40_000), at=clock.now()))
        await inbox.settled(await only(inbox), "kept", status=404, answer=b"no such hook", says="refused")
        clock.jump(3600)
        await inbox.forget()
        fullness = [inbox.full]
        await inbox.take(new(body(2, text="x" * 30_000)))
        fullness.append(inbox.full)
        for _ in range(2):
            await inbox.tell_full()
        kept = (await inbox.page(states=("kept",), before=2**53, limit=1))[0]
        assert await inbox.decide(kept.id, "drop", actor=ANN, reason="not wanted") == 1
        fullness.append(inbox.full)
        assert fullness == [False, True, False]
        await inbox.tell_full()
        rows = await database.read("SELECT what FROM event ORDER BY n")
        assert [row[0] for row in rows] == ["inbox_full", "webhooks_dropped", "inbox_has_room"]
    async with opened(tmp_path, clock=clock, max_bytes=2**16) as (inbox, _):
        assert inbox.counts == {"waiting": 1, "dropped": 1}
        assert 30_000 < inbox.held_bytes < 31_000


async def test_a_person_decides_about_one_or_all_that_are_kept(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock=clock) as (inbox, _):
        names = [(await inbox.take(new(at=clock.now()))).id for _ in range(3)]
        for one in await inbox.page(states=("waiting",), before=2**53, limit=9):
            await inbox.settled(one, "kept", status=404, answer=b"", says="refused")
        clock.jump(90_000)
        assert await inbox.decide(names[0], "resend", actor=ANN, reason="mended") == 1
        first = await inbox.next(())
        assert first is not None
        assert first.id == names[0]
        assert first.waits_since == clock.now(), "its time begins anew"
        assert first.says == "sent again, says cli:ann@host: mended"
        with pytest.raises(Conflict, match="is waiting, and resend is for what is kept"):
            await inbox.decide(names[0], "resend", actor=ANN, reason="")
        assert await inbox.decide("kept", "resend", actor=ANN, reason="") == 2
        assert inbox.counts == {"waiting": 3, "kept": 0}
        with pytest.raises(Refused, match="no delivery 'kept'"):
            await inbox.decide("kept", "resend", actor=ANN, reason="")
        with pytest.raises(Refused, match="no delivery 'mxd_x'"):
            await inbox.decide("mxd_x", "drop", actor=ANN, reason="r")


async def test_the_next_is_the_first_of_an_entity_that_is_not_held_up(tmp_path: Path) -> None:
    async with opened(tmp_path, clock=FakeClock()) as (inbox, _):
        names = [(await inbox.take(new(body(order)))).id for order in (1, 2, 1, 3, 2)]

        async def next_but(*entities: str) -> int | None:
            found = await inbox.next(entities)
            return None if found is None else names.index(found.id)

        assert await next_but() == 0
        assert await next_but("workorder/1") == 1
        assert await next_but("workorder/1", "workorder/2") == 3
        assert await next_but("workorder/1", "workorder/2", "workorder/3") is None


async def test_bodies_and_answers_are_sealed_with_the_buffers_key(tmp_path: Path) -> None:
    async with opened(tmp_path, clock=FakeClock(), key="k") as (inbox, _):
        content = body(1, title="Leak under Boiler 1")
        await inbox.take(new(content))
        assert (await only(inbox)).body == content
        answer = b'{"error": "Leak under Boiler 1 is unknown"}'
        await inbox.settled(await only(inbox), "kept", status=404, answer=answer, says="refused")
        assert (await only(inbox)).answer == answer
    assert not holds(tmp_path, b"Boiler")
    async with opened(tmp_path, clock=FakeClock(), key="another") as (inbox, _):
        found = await only(inbox)
        assert (found.body, found.answer) == (None, None)


async def test_what_the_disk_does_not_take_is_not_acknowledged_and_not_counted(tmp_path: Path) -> None:
    async with opened(tmp_path, clock=FakeClock()) as (inbox, _):
        other = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has held its lock"):
            await inbox.take(new())
        other.execute("ROLLBACK")
        other.close()
        assert inbox.counts == {}
        assert inbox.last_received is None
        assert not (await inbox.take(new())).duplicate
