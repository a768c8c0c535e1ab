"""Bodies at rest: sealed, bound to their write, and never opened by another key."""

from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.gateway.buffer.sealing import Seal
from tests.gateway.buffer.rig import ANN, kept, new

SECRET = b"the tenant in room 12 reports a smell of gas"


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_what_is_closed_is_opened_by_the_same_key_alone() -> None:
    closed = Seal("one").close(SECRET, "mxb_1")

    assert Seal("one").open(closed, "mxb_1", sealed=True) == SECRET
    assert Seal("another").open(closed, "mxb_1", sealed=True) is None
    assert Seal(None).open(closed, "mxb_1", sealed=True) is None


def test_what_is_closed_shows_nothing_and_never_looks_the_same() -> None:
    seal = Seal("one")
    first, second = (seal.close(SECRET, "mxb_1") for _ in range(2))

    assert first != second
    assert not any(SECRET[i : i + 4] in closed for closed in (first, second) for i in range(len(SECRET) - 3))


def test_it_is_bound_to_its_write_and_to_its_place_in_it() -> None:
    seal = Seal("one")
    closed = seal.close(SECRET, "mxb_1")

    assert seal.open(closed, "mxb_2", sealed=True) is None
    assert seal.open(closed, "mxb_1/answer", sealed=True) is None


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_one_changed_bit_shows(place: int) -> None:
    closed = bytearray(Seal("one").close(SECRET, "mxb_1"))
    closed[place] ^= 1

    assert Seal("one").open(bytes(closed), "mxb_1", sealed=True) is None


@pytest.mark.parametrize("kept", [b"", b"short", b"x" * 12])
def test_what_was_cut_off_is_not_opened(kept: bytes) -> None:
    assert Seal("one").open(kept, "mxb_1", sealed=True) is None


def test_without_a_key_things_stand_as_they_came() -> None:
    seal = Seal(None)

    assert not seal.on
    assert seal.close(SECRET, "mxb_1") == SECRET
    assert Seal("set later").open(SECRET, "mxb_1", sealed=False) == SECRET


async def test_neither_body_nor_answer_is_on_the_disk(tmp_path: Path) -> None:
    async with kept(tmp_path, key="one") as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET))
        await mx.buffer.settled(
            await mx.claimed(), "delivered", status=200, answer=SECRET[::-1], says="arrived"
        )
        [write] = await mx.all()
        assert (write.body, write.answer) == (SECRET, SECRET[::-1])
    found = on_disk(tmp_path)
    assert write.id.encode() in found, "this is where it would stand"
    assert SECRET not in found
    assert SECRET[::-1] not in found


async def test_the_check_can_fail(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET))
    assert SECRET in on_disk(tmp_path)


@pytest.mark.parametrize(("key", "says"), [("two", "is another one"), (None, "is not set")])
async def test_another_key_does_not_start_while_writes_wait_for_the_first(
    tmp_path: Path, key: str | None, says: str
) -> None:
    async with kept(tmp_path, key="one") as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET))
    before = on_disk(tmp_path)

    with pytest.raises(ConfigError, match=says) as refused:
        async with kept(tmp_path, key=key):
            pass

    assert "MX_BUFFER_KEY" in str(refused.value)
    assert "gateway.db" in str(refused.value)
    assert on_disk(tmp_path) == before
    async with kept(tmp_path, key="one") as mx:
        assert (await mx.claimed()).body == SECRET


async def test_with_nothing_waiting_the_key_may_change_and_the_old_rows_are_closed_for_good(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path, key="one") as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET))
        write = await mx.claimed()
        await mx.buffer.settled(write, "rejected", status=400, answer=b"no", says="refused")
    async with kept(tmp_path, key="two") as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET[::-1]))
        old, young = await mx.all()
        assert (old.body, old.answer, old.answer_status) == (None, None, 400)
        assert young.body == SECRET[::-1]
        assert (await mx.buffer.decide(write.id, "resend", actor=ANN, reason="")).body is None


async def test_what_was_kept_before_a_key_was_set_is_still_readable(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET))
    async with kept(tmp_path, key="one") as mx:
        await mx.accept(new("POST", "/v1/workorders", SECRET[::-1]))
        assert [write.body for write in await mx.all()] == [SECRET, SECRET[::-1]]
