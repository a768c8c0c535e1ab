"""What is written stays: the schema refuses a change, and where the schema was taken away, the chain names the row."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.chain import Head
from bot.domain.events import NoteAdded
from bot.errors import StoreError
from bot.scrub import Scrubber
from bot.timeline import Timeline, Verification
from tests.clock import FakeClock
from tests.facts import draft, opening

LAST = 9
COLUMNS = ("seq", "stream", "version", "kind", "actor", "at", "recorded_at", "key", "data", "hash")


async def written(path: Path) -> Head:
    """A timeline of nine facts; its head as it would be printed."""
    async with Timeline.open(path, clock=FakeClock(), scrub=Scrubber()) as timeline:
        await timeline.append(opening())
        for n in range(2, LAST + 1):
            await timeline.append(draft(NoteAdded(text=f"note {n}"), key=f"k-{n}"))
        return (await timeline.book()).head


def tamper(path: Path, *statements: str | tuple[str, Sequence[object]]) -> None:
    """What somebody does who owns the file: away with the triggers, then by hand."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            file.execute(*((statement, ()) if isinstance(statement, str) else statement))


async def verify(path: Path, *, printed: Head | None = None) -> Verification:
    async with Timeline.open(path, clock=FakeClock(), scrub=Scrubber()) as timeline:
        return await timeline.verify(printed=printed)


async def test_an_untouched_timeline_holds(tmp_path: Path) -> None:
    head = await written(tmp_path / "mx.db")

    found = await verify(tmp_path / "mx.db", printed=head)

    assert found == Verification(ok=True, head_seq=LAST, head_hash=head.hash)


async def test_an_empty_timeline_holds(tmp_path: Path) -> None:
    assert (await verify(tmp_path / "mx.db")).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facts SET actor = 'slack:U666' WHERE seq = 3",
        "UPDATE facts SET actor = actor",
        "DELETE FROM facts WHERE seq = 9",
        "DELETE FROM facts",
        "REPLACE INTO facts SELECT seq, stream, version, kind, 'x', at, recorded_at, key, data, hash FROM facts",
        "REPLACE INTO facts SELECT 10, stream, version, kind, actor, at, at, 'k', data, hash FROM facts WHERE seq = 9",
        "REPLACE INTO facts SELECT 10, stream, 10, kind, 'x', at, recorded_at, key, data, hash FROM facts WHERE seq = 9",
        "INSERT INTO facts SELECT 11, stream, 10, kind, 'x', at, recorded_at, 'k', data, hash FROM facts WHERE seq = 9",
    ],
)
async def test_the_schema_refuses_to_change_what_is_written(tmp_path: Path, statement: str) -> None:
    await written(tmp_path / "mx.db")

    with (
        closing(sqlite3.connect(tmp_path / "mx.db", isolation_level=None)) as file,
        pytest.raises(sqlite3.IntegrityError, match="the timeline is append-only"),
    ):
        file.execute(statement)

    assert (await verify(tmp_path / "mx.db")).ok


@pytest.mark.parametrize("seq", [1, 5, LAST])
@pytest.mark.parametrize("column", COLUMNS)
async def test_a_change_of_any_column_names_the_row(tmp_path: Path, column: str, seq: int) -> None:
    path = tmp_path / "mx.db"
    await written(path)
    other: object = {"seq": 1000, "version": 77, "hash": "f" * 64}.get(column, "changed")

    tamper(path, (f"UPDATE facts SET {column} = ? WHERE seq = ?", (other, seq)))

    found = await verify(path)
    assert (found.ok, found.seq, found.head_seq) == (False, seq, seq - 1)
    assert found.fault is not None
    assert f"fact {seq}" in found.fault
    assert ("renumbered" if column == "seq" else "changed") in found.fault


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET actor = actor || ' ' WHERE seq = 5",
        "UPDATE facts SET data = replace(data, ':', ': ') WHERE seq = 5",
        "UPDATE facts SET key = NULL WHERE seq = 5",
        "UPDATE facts SET key = '' WHERE seq = 5",
        "UPDATE facts SET data = CAST(data AS BLOB) WHERE seq = 5",
        "UPDATE facts SET actor = actor || stream, stream = '' WHERE seq = 5",
    ],
)
async def test_a_change_that_hardly_shows_names_the_row(tmp_path: Path, change: str) -> None:
    await written(tmp_path / "mx.db")

    tamper(tmp_path / "mx.db", change)

    found = await verify(tmp_path / "mx.db")
    assert (found.ok, found.seq) == (False, 5)


@pytest.mark.parametrize(("one", "two"), [(1, 9), (4, 5), (3, 7)])
async def test_swapped_rows_are_named(tmp_path: Path, one: int, two: int) -> None:
    await written(tmp_path / "mx.db")

    tamper(
        tmp_path / "mx.db",
        f"UPDATE facts SET seq = 1000 WHERE seq = {one}",
        f"UPDATE facts SET seq = {one} WHERE seq = {two}",
        f"UPDATE facts SET seq = {two} WHERE seq = 1000",
    )

    found = await verify(tmp_path / "mx.db")
    assert (found.seq, found.fault) == (one, f"fact {one} and fact {two} were swapped")


@pytest.mark.parametrize("seq", [1, 5])
async def test_a_deleted_row_is_named(tmp_path: Path, seq: int) -> None:
    await written(tmp_path / "mx.db")

    tamper(tmp_path / "mx.db", f"DELETE FROM facts WHERE seq = {seq}")

    found = await verify(tmp_path / "mx.db")
    assert (found.seq, found.fault) == (seq, f"fact {seq} is missing: deleted")


async def test_several_deleted_rows_are_named(tmp_path: Path) -> None:
    await written(tmp_path / "mx.db")

    tamper(tmp_path / "mx.db", "DELETE FROM facts WHERE seq BETWEEN 4 AND 6")

    assert (await verify(tmp_path / "mx.db")).fault == "facts 4 to 6 are missing: deleted"


async def test_a_deleted_row_whose_gap_was_closed_is_named(tmp_path: Path) -> None:
    await written(tmp_path / "mx.db")

    tamper(
        tmp_path / "mx.db",
        "DELETE FROM facts WHERE seq = 4",
        *(f"UPDATE facts SET seq = {n - 1} WHERE seq = {n}" for n in range(5, LAST + 1)),
    )

    found = await verify(tmp_path / "mx.db")
    assert (found.seq, found.fault) == (4, "fact 4 was deleted, and the later facts were renumbered")


FORGED = (
    "INSERT INTO facts VALUES (?, 'mx-20261123-7f3a', 50, 'note_added', 'slack:U666', "
    "'2026-11-23T09:00:00.000000+00:00', '2026-11-23T09:00:00.000000+00:00', NULL, '{\"text\":\"forged\"}', ?)"
)


async def test_an_inserted_row_is_named(tmp_path: Path) -> None:
    await written(tmp_path / "mx.db")

    tamper(
        tmp_path / "mx.db",
        *(f"UPDATE facts SET seq = {n + 1} WHERE seq = {n}" for n in range(LAST, 3, -1)),
        (FORGED, (4, "f" * 64)),
    )

    found = await verify(tmp_path / "mx.db")
    assert (found.seq, found.fault) == (4, "fact 4 was inserted, and the later facts were renumbered")


@pytest.mark.parametrize("seq", [0, -5])
async def test_a_row_before_the_first_is_named(tmp_path: Path, seq: int) -> None:
    await written(tmp_path / "mx.db")

    tamper(tmp_path / "mx.db", (FORGED, (seq, "f" * 64)))

    found = await verify(tmp_path / "mx.db")
    assert (found.seq, found.fault) == (seq, f"a row numbered {seq} was inserted")


async def test_a_row_added_at_the_end_is_named(tmp_path: Path) -> None:
    head = await written(tmp_path / "mx.db")

    tamper(tmp_path / "mx.db", (FORGED, (LAST + 1, "f" * 64)))

    found = await verify(tmp_path / "mx.db")
    assert (found.seq, found.head_seq, found.head_hash) == (LAST + 1, LAST, head.hash)
    assert found.fault == "fact 10, the last one, was changed, or was added by something that is not mx"


async def test_a_cut_tail_shows_against_the_head_that_was_printed(tmp_path: Path) -> None:
    head = await written(tmp_path / "mx.db")

    tamper(tmp_path / "mx.db", "DELETE FROM facts WHERE seq > 6")

    assert (await verify(tmp_path / "mx.db")).ok, "the chain alone cannot tell"
    found = await verify(tmp_path / "mx.db", printed=Head(head.seq, head.hash[:12]))
    assert (found.ok, found.seq) == (False, 7)
    assert found.fault == "the facts after fact 6 were cut off: the head was fact 9"


async def test_a_timeline_that_was_written_anew_shows_against_the_head_that_was_printed(
    tmp_path: Path,
) -> None:
    head = await written(tmp_path / "mx.db")
    async with Timeline.open(tmp_path / "other.db", clock=FakeClock(), scrub=Scrubber()) as timeline:
        await timeline.append(opening())
        for n in range(2, LAST + 1):
            await timeline.append(draft(NoteAdded(text=f"another note {n}")))

        found = await timeline.verify(printed=head)

    assert (found.ok, found.seq) == (False, LAST)
    assert found.fault is not None
    assert "is not the one whose hash was printed" in found.fault


async def test_a_process_remembers_its_head(tmp_path: Path) -> None:
    await written(tmp_path / "mx.db")
    async with Timeline.open(tmp_path / "mx.db", clock=FakeClock(), scrub=Scrubber()) as timeline:
        await timeline.book()
        tamper(tmp_path / "mx.db", "DELETE FROM facts WHERE seq > 6")

        assert (await timeline.verify()).fault == "the facts after fact 6 were cut off: the head was fact 9"


async def test_a_long_timeline_is_verified_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "mx.db"
    async with Timeline.open(path, clock=FakeClock(), scrub=Scrubber()) as timeline:
        await timeline.append(opening(), *(draft(NoteAdded(text=f"{n}")) for n in range(2, 4501)))
        assert (await timeline.verify()).head_seq == 4500
    tamper(path, "UPDATE facts SET data = replace(data, '4100', '4101') WHERE seq = 4100")

    found = await verify(path)

    assert (found.seq, found.fault) == (4100, "fact 4100 was changed")


async def test_a_fact_that_cannot_be_read_stops_the_book_and_not_the_check(tmp_path: Path) -> None:
    await written(tmp_path / "mx.db")
    tamper(tmp_path / "mx.db", "UPDATE facts SET data = '{' WHERE seq = 5")

    async with Timeline.open(tmp_path / "mx.db", clock=FakeClock(), scrub=Scrubber()) as timeline:
        assert (await timeline.verify()).seq == 5
        with pytest.raises(
            StoreError, match="reading fact 5 of the timeline: what is stored is no note_added"
        ):
            await timeline.book()
