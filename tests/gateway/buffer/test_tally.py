"""The counts in memory: along with every change, and of whom the next request must know."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.gateway.buffer.tally import Place, Tally
from tests.gateway.buffer.rig import ANN, NOON, Kept, kept, new

ONE: dict[str, Any] = {"entity": "workorders/1", "size": 10}
LATER = NOON + timedelta(minutes=5)


def test_a_write_is_counted_where_it_is() -> None:
    tally = Tally()
    tally.added(at=NOON, **ONE)
    assert tally.json() == {"waiting": 1, "sending": 0, "delivered": 0, "rejected": 0, "unknown": 0}
    tally.moved("waiting", "sending", **ONE)
    tally.moved("sending", "delivered", **ONE)
    assert tally.json() == {"waiting": 0, "sending": 0, "delivered": 1, "rejected": 0, "unknown": 0}
    tally.forgotten("delivered", 1)
    assert not any(tally.json().values())


def test_bytes_are_held_until_a_write_is_settled() -> None:
    held: list[Place] = ["waiting", "sending", "unknown", "parked"]
    settled: list[Place] = ["delivered", "rejected", "dropped"]
    for place in held:
        assert Tally().held_bytes == 0
        tally = Tally()
        tally.added(at=NOON, **ONE)
        tally.moved("waiting", place, **ONE)
        assert tally.held_bytes == 10
        for end in settled:
            tally.moved(place, end, **ONE)
            assert tally.held_bytes == 0
            tally.moved(end, place, **ONE)
            assert tally.held_bytes == 10


def test_the_contract_counts_parked_ones_as_unknown_and_a_replay_does_not() -> None:
    tally = Tally({"unknown": 1, "parked": 2})
    assert tally.json()["unknown"] == 3
    assert tally.moving
    tally.moved("unknown", "delivered", **ONE)
    assert not tally.moving


def test_what_is_just_being_written_down_is_moving_already() -> None:
    tally = Tally(arriving=1)
    assert tally.moving


def test_parked_ones_block_their_entity_until_the_last_is_decided() -> None:
    tally = Tally()
    for _ in range(2):
        tally.added(at=NOON, **ONE)
        tally.moved("waiting", "parked", **ONE)
    assert tally.blocked == {"workorders/1": 2}
    tally.moved("parked", "delivered", **ONE)
    assert tally.blocked == {"workorders/1": 1}
    tally.moved("parked", "waiting", **ONE)
    assert tally.blocked == {}


def test_what_stands_behind_a_parked_one_is_not_moving_until_it_is_decided() -> None:
    tally = Tally({"waiting": 1, "parked": 1}, stuck=True, blocked={"workorders/1": 1})
    moving = [tally.moving]
    tally.added(at=NOON, **ONE)  # one more of the same entity stands behind it too
    moving.append(tally.moving)
    tally.added(entity="workorders/2", size=1, at=NOON)
    moving.append(tally.moving)
    tally.stuck = True
    tally.moved("parked", "dropped", **ONE)
    assert [*moving, tally.moving] == [False, False, True, True]


def test_the_oldest_is_the_first_that_came() -> None:
    tally = Tally()
    tally.added(at=NOON, **ONE)
    tally.added(at=LATER, **ONE)
    assert tally.oldest == NOON


async def oldest(mx: Kept) -> tuple[object, object]:
    """The oldest as it is known in memory, and as the disk says it."""
    return mx.buffer.tally.oldest, await mx.buffer.rows.oldest(mx.database)


async def test_the_oldest_is_known_again_when_it_goes_back(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("DELETE", "/v1/workorders/1", at=NOON))
        write = await mx.claimed()
        assert await oldest(mx) == (None, None)
        await mx.buffer.waits_again(write, "MaintainX answered 429")
        assert await oldest(mx) == (NOON, NOON)
        await mx.accept(new("DELETE", "/v1/workorders/2", at=LATER))
        await mx.buffer.settled(await mx.claimed(), "rejected", status=400, answer=b"", says="")
        assert await oldest(mx) == (LATER, LATER)
        await mx.buffer.decide(write.id, "resend", actor=ANN, reason="")
        assert await oldest(mx) == (NOON, NOON)


async def test_dropping_the_oldest_makes_the_next_one_the_oldest(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        first = new("DELETE", "/v1/workorders/1", at=NOON)
        await mx.accept(first, new("DELETE", "/v1/workorders/2", at=LATER))
        await mx.buffer.decide(first.id, "drop", actor=ANN, reason="not needed")
        assert await oldest(mx) == (LATER, LATER)


async def test_a_new_count_is_the_count_that_was_kept_along_the_way(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        made = [new("DELETE", f"/v1/workorders/{number}", b"x" * number) for number in range(1, 8)]
        await mx.accept(*made)
        sending = [await mx.claimed() for _ in range(6)]
        await mx.buffer.settled(sending[0], "delivered", status=200, answer=b"ok", says="")
        await mx.buffer.settled(sending[1], "rejected", status=400, answer=b"no", says="refused")
        await mx.buffer.unknown(sending[2], "it broke off")
        await mx.buffer.park(sending[3], "nobody knows")
        await mx.buffer.park(sending[4], "nobody knows")
        await mx.buffer.decide(sending[4].id, "drop", actor=ANN, reason="not needed")
        along = mx.buffer.tally
        await mx.buffer.rows.count()
        anew = mx.buffer.tally
        assert {place: n for place, n in along.places.items() if n} == {
            place: n for place, n in anew.places.items() if n
        }
        assert along.held_bytes == anew.held_bytes == sum(made[n - 1].size for n in (7, 6, 3, 4))
        assert along.blocked == anew.blocked == {"workorders/4": 1}
        assert along.oldest == anew.oldest == NOON
