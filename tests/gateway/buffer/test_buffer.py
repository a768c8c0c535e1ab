"""The buffer: bounded, honest about what it does not know, and moved on by people where nobody can know."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Conflict, Refused
from bot.gateway.buffer.buffer import Decision, new_id
from bot.gateway.buffer.tally import Place
from bot.gateway.buffer.writes import Write
from tests.clock import FakeClock
from tests.gateway.buffer.rig import ANN, NOON, Kept, kept, new

SMALL: dict[str, Any] = {"max_bytes": 2**16}


async def placed(mx: Kept, place: Place, *, entity: str = "workorders/1", body: bytes = b"x") -> Write:
    """A write that stands there."""
    made = new("DELETE", f"/v1/{entity}", body)
    await mx.accept(made)
    if place == "waiting":
        return await mx.one(made.id)
    if place == "dropped":
        return await mx.buffer.decide(made.id, "drop", actor=ANN, reason="not needed")
    write = await mx.claimed()
    assert write.id == made.id
    match place:
        case "delivered" | "rejected":
            await mx.buffer.settled(write, place, status=204, answer=b"", says="")
        case "unknown":
            await mx.buffer.unknown(write, "it broke off")
        case "parked":
            await mx.buffer.park(write, "nobody knows")
        case _:
            pass
    return await mx.one(made.id)


def test_a_name_is_like_no_other() -> None:
    names = {new_id() for _ in range(1000)}
    assert len(names) == 1000
    assert all(name.startswith("mxb_") and len(name) == 20 for name in names)


# Bounds.


async def test_a_write_that_does_not_fit_any_more_is_too_much_and_the_last_byte_fits(tmp_path: Path) -> None:
    async with kept(tmp_path, **SMALL) as mx:
        await placed(mx, "waiting", body=b"x" * (2**16 - 1000))
        left = 2**16 - mx.buffer.tally.held_bytes
        assert left > 0
        assert mx.buffer.full(left) is None
        assert mx.buffer.full(left + 1) == "size"
        assert mx.buffer.json()["full"] is None


@pytest.mark.parametrize(
    ("place", "full"),
    [
        ("waiting", "size"),
        ("sending", "size"),
        ("unknown", "size"),
        ("parked", "size"),
        ("delivered", None),
        ("rejected", None),
        ("dropped", None),
    ],
)
async def test_room_is_what_is_not_settled_also_after_a_restart(
    tmp_path: Path, place: Place, full: str | None
) -> None:
    async with kept(tmp_path, **SMALL) as mx:
        await placed(mx, place, body=b"x" * 2**16)
        assert mx.buffer.full(1) == full
    async with kept(tmp_path, **SMALL) as mx:
        assert mx.buffer.full(1) == full


async def test_a_write_that_waits_for_longer_than_allowed_keeps_new_ones_out(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with kept(tmp_path, clock=clock, max_age_s=60) as mx:
        await placed(mx, "waiting")
        clock.jump(60)
        assert mx.buffer.full() is None
        clock.jump(0.1)
        assert mx.buffer.full() == "age"
        await mx.claimed()
        assert mx.buffer.full() is None, "it is on its way"


async def test_that_it_is_full_is_told_once_and_that_there_is_room_again_too(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        for full in ("size", "size", "age", None, None, "age"):
            await mx.buffer.tell_full(full)
        assert [what for _, what, _ in await mx.told()] == ["buffer_full", "buffer_has_room", "buffer_full"]


# Who must queue.


async def test_new_writes_queue_while_anything_moves(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        assert not mx.buffer.holds_up("POST", "/v1/assets")
        write = await placed(mx, "waiting")
        assert mx.buffer.holds_up("POST", "/v1/assets")
        write = await mx.claimed()
        assert mx.buffer.holds_up("POST", "/v1/assets")
        await mx.buffer.unknown(write, "it broke off")
        assert mx.buffer.holds_up("POST", "/v1/assets")
        await mx.buffer.settled(await mx.one(write.id), "delivered", status=None, answer=b"", says="")
        assert not mx.buffer.holds_up("POST", "/v1/assets")


async def test_a_write_that_is_just_being_written_down_holds_up_those_behind_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx, asyncio.TaskGroup() as group:
        accepting = group.create_task(mx.buffer.accept(new("DELETE", "/v1/workorders/1")))
        await asyncio.sleep(0)
        assert not accepting.done()
        assert mx.buffer.holds_up("POST", "/v1/assets")


async def test_a_parked_write_holds_up_its_own_entity_and_no_other(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        parked = await placed(mx, "parked")
        assert mx.buffer.holds_up("PATCH", "/v1/workorders/1/status")
        assert not mx.buffer.holds_up("PATCH", "/v1/workorders/2/status")
        assert not mx.buffer.holds_up("POST", "/v1/workorders")
        await mx.accept(new("PATCH", "/v1/workorders/1", {"title": "a"}))
        assert await mx.buffer.peek() is None
        assert not mx.buffer.holds_up("PATCH", "/v1/workorders/2"), "what waits behind it moves not by itself"
        await mx.buffer.decide(parked.id, "arrived", actor=ANN, reason="")
        assert mx.buffer.holds_up("PATCH", "/v1/workorders/2"), "now it does"
        assert (await mx.buffer.peek()) is not None


async def test_a_parked_creation_holds_up_nobody(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", "/v1/assets", {"name": "Pump"}))
        await mx.buffer.park(await mx.claimed(), "nobody knows")
        assert not mx.buffer.holds_up("POST", "/v1/assets")


# What nobody knows.


async def test_what_can_be_looked_for_is_looked_for_when_maintainx_had_time_to_settle(tmp_path: Path) -> None:
    async with kept(tmp_path, settle_s=15) as mx:
        write = await placed(mx, "unknown")
        assert (write.state, write.parked) == ("unknown", False)
        assert await mx.buffer.rows.next_look_at() == (NOON + timedelta(seconds=15)).timestamp()
        assert await mx.told() == []


async def test_what_cannot_be_looked_for_is_parked_and_told(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", "/v1/workorders/1/comments", {"content": "secret words"}))
        write = await mx.claimed()
        await mx.buffer.unknown(write, "it broke off")
        parked = await mx.one(write.id)
        assert (parked.state, parked.parked) == ("unknown", True)
        assert parked.says == "it broke off, and MaintainX cannot be asked whether it arrived"
        assert await mx.told() == [("gateway", "write_parked", write.id)]
        assert await mx.buffer.rows.next_look_at() is None
        assert "secret" not in str(await mx.database.read("SELECT says FROM event"))


@pytest.mark.parametrize(
    ("target", "parked"),
    [("/v1/workorders", False), ("/v1/assets", True), ("/v1/workorders/1/comments", True)],
)
async def test_what_was_being_sent_when_the_process_died_is_of_unknown_fate(
    tmp_path: Path, target: str, parked: bool
) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", target, {"title": "A", "name": "A", "content": "A"}))
        write = await mx.claimed()
        assert (await mx.one(write.id)).state == "sending", "on the disk before any byte of it is sent"
    async with kept(tmp_path) as mx:
        found = await mx.one(write.id)
        assert (found.state, found.parked, found.attempts) == ("unknown", parked, 1)
        assert "stopped while this was being sent" in found.says
        assert mx.buffer.tally.of("sending") == 0


async def test_a_poisoned_write_does_not_keep_the_gateway_from_starting(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", "/v1/workorders", b"[" * 200_000))
        write = await mx.claimed()
    async with kept(tmp_path) as mx:
        assert (await mx.one(write.id)).parked


async def test_what_is_said_of_an_earlier_sending_changes_nothing(tmp_path: Path) -> None:
    """A look that began before the write was sent again tells nothing of what became of it then."""
    async with kept(tmp_path) as mx:
        looked_for = await placed(mx, "unknown")
        await mx.buffer.decide(looked_for.id, "resend", actor=ANN, reason="")
        again = await mx.claimed()
        assert again.id == looked_for.id
        await mx.buffer.unknown(again, "it broke off again")
        await mx.buffer.waits_again(looked_for, "MaintainX has no such work order")
        assert not await mx.buffer.settled(looked_for, "delivered", status=None, answer=b"", says="")
        found = await mx.one(looked_for.id)
        assert (found.state, found.attempts, found.says) == ("unknown", 2, "it broke off again")
        await mx.buffer.waits_again(found, "MaintainX has no such work order")
        assert (await mx.one(found.id)).state == "waiting"


# A person's word.

PLACES: tuple[Place, ...] = ("waiting", "sending", "delivered", "rejected", "unknown", "parked", "dropped")
GOES: dict[tuple[Decision, Place], Place] = {
    ("resend", "unknown"): "waiting",
    ("resend", "parked"): "waiting",
    ("resend", "rejected"): "waiting",
    ("arrived", "unknown"): "delivered",
    ("arrived", "parked"): "delivered",
    ("drop", "waiting"): "dropped",
    ("drop", "unknown"): "dropped",
    ("drop", "parked"): "dropped",
    ("drop", "rejected"): "dropped",
}
TOLD: dict[Decision, str] = {"resend": "write_resent", "arrived": "write_arrived", "drop": "write_dropped"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("decision", ["resend", "arrived", "drop"])
async def test_a_persons_word_in_each_state(tmp_path: Path, decision: Decision, place: Place) -> None:
    async with kept(tmp_path) as mx:
        write = await placed(mx, place)
        told = await mx.told()
        if (to := GOES.get((decision, place))) is None:
            with pytest.raises(Conflict, match=f"{write.id} is {write.state}, and {decision} is for"):
                await mx.buffer.decide(write.id, decision, actor=ANN, reason="because")
            assert (await mx.one(write.id)) == write
            assert await mx.told() == told
            return
        found = await mx.buffer.decide(write.id, decision, actor=ANN, reason="because")
        assert found.place == to
        assert found.says.endswith(f"says {ANN}: because")
        assert await mx.told() == [*told, (ANN, TOLD[decision], write.id)]
        assert mx.buffer.tally.of(to) == 1
    async with kept(tmp_path) as mx:
        assert (await mx.one(write.id)).place == to


async def test_a_word_about_no_write_is_refused(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        with pytest.raises(Refused, match="mxb_none"):
            await mx.buffer.decide("mxb_none", "drop", actor=ANN, reason="because")


async def test_two_people_decide_at_once_and_the_first_one_counts(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        write = await placed(mx, "parked")
        words = [mx.buffer.decide(write.id, d, actor=ANN, reason="r") for d in ("resend", "arrived")]
        first, second = await asyncio.gather(*words, return_exceptions=True)
        assert isinstance(first, Write)
        assert isinstance(second, Conflict)
        assert (await mx.one(write.id)).state == "waiting"
        assert mx.buffer.tally.json() == {
            "waiting": 1,
            "sending": 0,
            "delivered": 0,
            "rejected": 0,
            "unknown": 0,
        }


async def test_what_is_sent_again_keeps_its_place_and_forgets_its_answer(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(*(new("PATCH", "/v1/workorders/1", {"title": t}) for t in "ab"))
        first = await mx.claimed()
        await mx.buffer.settled(first, "rejected", status=400, answer=b"no", says="refused")
        await mx.buffer.decide(first.id, "resend", actor=ANN, reason="")
        found = await mx.claimed()
        assert (found.id, found.attempts) == (first.id, 2)
        assert (found.answer, found.answer_status) == (None, None)


# What is kept for how long.


async def test_what_was_delivered_or_dropped_is_forgotten_after_its_time_and_nothing_else(
    tmp_path: Path,
) -> None:
    clock = FakeClock(NOON)
    async with kept(tmp_path, clock=clock, keep_s=60) as mx:
        old = {
            place: await placed(mx, place, entity=f"workorders/{n}") for n, place in enumerate(PLACES[1:], 1)
        }
        old["waiting"] = await placed(mx, "waiting", entity="workorders/9")
        clock.jump(30)
        young = await placed(mx, "dropped", entity="workorders/8")
        clock.jump(30.5)
        await mx.buffer.forget()
        left = {write.id for write in await mx.all()}
        assert left == {w.id for p, w in old.items() if p not in ("delivered", "dropped")} | {young.id}
        counted = mx.buffer.tally.places
        await mx.buffer.rows.count()
        assert {p: n for p, n in counted.items() if n} == {
            p: n for p, n in mx.buffer.tally.places.items() if n
        }


async def test_a_name_is_never_used_again_after_it_was_forgotten(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with kept(tmp_path, clock=clock, keep_s=60) as mx:
        last = await placed(mx, "delivered")
        clock.jump(61)
        await mx.buffer.forget()
        assert (await placed(mx, "waiting")).seq > last.seq, "numbers tell the order of arrival"
