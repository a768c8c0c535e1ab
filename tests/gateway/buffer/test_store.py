"""The rows: in order for each entity, found by their indexes, paged, written in groups."""

import asyncio
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.gateway.buffer import store
from bot.gateway.buffer.writes import State
from tests.clock import FakeClock
from tests.gateway.buffer.rig import ANN, NOON, Kept, kept, new


async def plan(mx: Kept, sql: str, *params: object) -> str:
    """How SQLite goes about a query."""
    return "\n".join(str(row[3]) for row in await mx.database.read(f"EXPLAIN QUERY PLAN {sql}", params))


async def filled(mx: Kept) -> None:
    """Many rows in every state, and SQLite's own statistics of them: a plan for a small table proves little."""
    states = ("waiting", "waiting", "delivered", "delivered", "delivered", "rejected", "unknown", "dropped")
    rows = [
        (f"mxb_{n}", states[n % len(states)], f"workorders/{n % 300}", "PATCH", "/v1/x", "[]", b"x", 1, 0)
        for n in range(2000)
    ]
    async with mx.database.write() as tx:
        await tx.executemany(
            "INSERT INTO buffered (id, state, entity, method, target, headers, body, size, sealed, organisation,"
            " caller, lane, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', x'', 'critical', '2026')",
            rows,
        )


@pytest.mark.parametrize("analysed", [False, True])
async def test_the_claim_goes_by_indexes_and_stops_at_the_first(tmp_path: Path, analysed: bool) -> None:
    async with kept(tmp_path) as mx:
        await filled(mx)
        if analysed:
            async with mx.database.write() as tx:
                await tx.execute("ANALYZE")
        found = await plan(mx, store._NEXT)
    assert "SEARCH w USING INDEX buffered_state (state=?)" in found
    assert "SEARCH e USING" in found
    assert "INDEX buffered_open (entity=? AND seq<?)" in found
    assert "SCAN" not in found
    assert "TEMP B-TREE" not in found, "ordered by the index, so that it stops at the first row"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT received_at FROM buffered WHERE state = 'waiting' ORDER BY seq LIMIT 1",
        "SELECT id FROM buffered WHERE state = 'unknown' AND parked = 0 AND look_at <= 1 ORDER BY seq LIMIT 64",
        "SELECT min(look_at) FROM buffered WHERE state = 'unknown' AND parked = 0",
        "SELECT seq FROM buffered WHERE state = 'sending' ORDER BY seq",
        "SELECT seq FROM buffered WHERE id = 'mxb_1'",
    ],
)
async def test_what_is_asked_all_the_time_goes_by_an_index(tmp_path: Path, sql: str) -> None:
    async with kept(tmp_path) as mx:
        await filled(mx)
        found = await plan(mx, sql)
    assert "SCAN" not in found
    assert "TEMP B-TREE" not in found


async def test_counting_at_the_start_reads_no_body(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await filled(mx)
        found = await plan(mx, "SELECT state, count(*), sum(size) FROM buffered GROUP BY state")
    assert "COVERING INDEX buffered_state" in found


async def test_writes_are_claimed_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        news = [new("DELETE", f"/v1/workorders/{number}") for number in (3, 1, 2)]
        await mx.accept(*news)
        assert [(await mx.claimed()).id for _ in range(3)] == [write.id for write in news]
        assert await mx.buffer.claim() is None


async def test_a_write_waits_for_those_before_it_of_its_entity_and_for_no_others(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        first, behind, last = (new("PATCH", "/v1/workorders/1", {"title": t}) for t in "abc")
        other = new("PATCH", "/v1/workorders/2", {"title": "a"})
        await mx.accept(first, behind, other, last)
        sending = await mx.claimed()
        assert sending.id == first.id
        assert (await mx.claimed()).id == other.id
        assert await mx.buffer.claim() is None, "the second of work order 1 waits for the first"
        await mx.buffer.unknown(sending, "it broke off")
        assert await mx.buffer.claim() is None, "of unknown fate: it may still be sent again"
        await mx.buffer.park(await mx.one(first.id), "nobody knows")
        assert await mx.buffer.claim() is None, "and a parked one holds it up too"
        await mx.buffer.decide(first.id, "arrived", actor=ANN, reason="")
        assert (await mx.claimed()).id == behind.id
        assert await mx.buffer.claim() is None


@pytest.mark.parametrize("end", ["delivered", "rejected", "dropped"])
async def test_what_is_settled_holds_nobody_up(tmp_path: Path, end: str) -> None:
    async with kept(tmp_path) as mx:
        first, behind = (new("PATCH", "/v1/workorders/1", {"title": t}) for t in "ab")
        await mx.accept(first, behind)
        if end == "dropped":
            await mx.buffer.decide(first.id, "drop", actor=ANN, reason="not needed")
        else:
            write = await mx.claimed()
            await mx.buffer.settled(write, end, status=200, answer=b"", says="")  # type: ignore[arg-type] # one of them
        assert (await mx.claimed()).id == behind.id


async def test_creations_are_alone_and_go_side_by_side(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(*(new("POST", "/v1/workorders", {"title": "A"}) for _ in range(3)))
        found = [await mx.claimed() for _ in range(3)]
        assert [write.entity for write in found] == [write.id for write in found]


async def test_a_write_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    made = new(
        "PATCH",
        "/v1/workorders/12?a[b]=%2F&c=caf\u00e9",
        b"\x00\xff body",
        headers=(("User-Agent", "caf\udce9"), ("Accept", "*/*")),
        organisation="12",
        lane="nightly",
    )
    async with kept(tmp_path) as mx:
        await mx.accept(made)
        found = await mx.one(made.id)
    for name in ("id", "method", "target", "headers", "body", "organisation", "lane", "received_at"):
        assert getattr(found, name) == getattr(made, name), name
    assert (found.state, found.parked, found.attempts, found.size) == ("waiting", False, 0, made.size)
    assert (found.sent_at, found.answer, found.answer_status) == (None, None, None)


async def test_pages_follow_each_other_without_gap_or_double(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(*(new("DELETE", f"/v1/workorders/{n}") for n in range(25)))
        await mx.buffer.settled(await mx.claimed(), "delivered", status=204, answer=b"", says="")
        waiting: tuple[State, ...] = ("waiting",)
        seen: list[int] = []
        after = 0
        while page := await mx.buffer.rows.page(states=waiting, after=after, limit=7):
            assert len(page) <= 7
            seen += [write.seq for write in page]
            after = seen[-1]
        assert seen == list(range(2, 26))
        both = await mx.buffer.rows.page(states=("waiting", "delivered"), after=0, limit=2)
        assert [(write.seq, write.state) for write in both] == [(1, "delivered"), (2, "waiting")]


async def test_the_answer_before_is_the_last_one_of_the_same_entity(tmp_path: Path) -> None:
    async with kept(tmp_path, key="sealed") as mx:
        await mx.accept(*(new("PATCH", f"/v1/workorders/{n}", {"title": "a"}) for n in (1, 1, 2, 1)))
        for place, answer in (("delivered", b"first"), ("delivered", b"second"), ("rejected", b"no")):
            await mx.buffer.settled(await mx.claimed(), place, status=200, answer=answer, says="")  # type: ignore[arg-type] # one of them
        before = {n: await mx.buffer.rows.last_answer("workorders/1", before=n) for n in (1, 2, 4)}
        assert before == {1: None, 2: b"first", 4: b"second"}
        assert await mx.buffer.rows.last_answer("workorders/2", before=4) is None, "a refusal tells nothing"


async def test_what_is_looked_for_is_due_not_parked_and_not_in_hand(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with kept(tmp_path, clock=clock, settle_s=15) as mx:
        await mx.accept(*(new("DELETE", f"/v1/workorders/{n}") for n in range(3)))
        first, second, parked = [await mx.claimed() for _ in range(3)]
        await mx.buffer.unknown(second, "it broke off")
        await mx.buffer.unknown(first, "it broke off")
        await mx.buffer.park(parked, "nobody knows")
        due = (NOON.timestamp()) + 15
        rows = mx.buffer.rows
        assert await rows.next_look_at() == due
        assert await rows.next_to_look_for(due - 0.1, ()) is None
        found = await rows.next_to_look_for(due, ())
        assert found is not None
        assert found.id == first.id
        found = await rows.next_to_look_for(due, {first.id})
        assert found is not None
        assert found.id == second.id
        assert await rows.next_to_look_for(due, {first.id, second.id}) is None


async def test_writers_who_come_together_share_a_commit_and_keep_their_order(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        news = [new("POST", "/v1/workorders", {"title": str(n)}) for n in range(1200)]
        before = await mx.database.data_version()
        commits = 0

        async def watch() -> None:
            nonlocal commits, before
            while True:
                now = await mx.database.data_version()
                commits += now != before
                before = now

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch())
            async with asyncio.TaskGroup() as writers:
                for write in news:
                    writers.create_task(mx.buffer.accept(write))
            watching.cancel()
        assert [write.id for write in await mx.all()] == [write.id for write in news[:1000]]
        assert mx.buffer.tally.of("waiting") == 1200
        assert commits <= 5


async def test_a_write_of_which_the_disk_wants_nothing_is_not_counted(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        twice = new("DELETE", "/v1/workorders/1")
        await mx.accept(twice)
        with pytest.raises(StoreError):
            await mx.accept(twice)
        assert mx.buffer.tally.of("waiting") == 1
        assert mx.buffer.tally.arriving == 0
        assert len(await mx.all()) == 1
