"""The database: what is acknowledged stays, what is refused leaves no trace, and the sentence says what to do."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.journal.sqlite import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS said (n INTEGER PRIMARY KEY, word TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS said_word ON said (word);
"""


async def words(database: Database) -> list[str]:
    return [word for (word,) in await database.read("SELECT word FROM said ORDER BY n")]


async def say(database: Database, word: str) -> None:
    async with database.write() as tx:
        await tx.execute("INSERT INTO said (word) VALUES (?)", (word,))


@contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_what_was_written_is_there_after_it_was_closed(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        async with database.write() as tx:
            await tx.executemany("INSERT INTO said (word) VALUES (?)", [("one",), ("two",)])
            assert await tx.read("SELECT count(*) FROM said") == [(2,)]
            assert await database.read("SELECT count(*) FROM said") == [(0,)], "not before it is committed"
            assert await tx.execute("UPDATE said SET word = 'deux' WHERE word = 'two'") == 1
        assert await words(database) == ["one", "deux"]

    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        assert await words(database) == ["one", "deux"]
        assert await database.read("PRAGMA journal_mode") == [("wal",)]


async def test_each_commit_waits_for_the_disk(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database, database.write() as tx:
        assert await tx.read("PRAGMA synchronous") == [(2,)], "FULL"
        assert await tx.read("PRAGMA foreign_keys") == [(1,)]
        assert await tx.read("PRAGMA busy_timeout") == [(1500,)]


async def test_an_error_in_the_block_takes_everything_back(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:

        async def hesitate() -> None:
            async with database.write() as tx:
                await tx.execute("INSERT INTO said (word) VALUES ('no')")
                raise ValueError("changed my mind")

        with pytest.raises(ValueError, match="changed my mind"):
            await hesitate()
        await say(database, "yes")
        assert await words(database) == ["yes"]


async def test_cancelling_a_writer_takes_back_its_rows_and_nobody_elses(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        acknowledged: list[str] = []

        async def write(word: str) -> None:
            async with database.write() as tx:
                await tx.execute("INSERT INTO said (word) VALUES (?)", (f"{word} 1",))
                await tx.execute("INSERT INTO said (word) VALUES (?)", (f"{word} 2",))
            acknowledged.append(word)

        async with asyncio.TaskGroup() as tasks:
            writers = [tasks.create_task(write(str(i))) for i in range(60)]
            for turn in range(40):
                await asyncio.sleep(0.0005)
                writers[(turn * 7) % 60].cancel()

        kept = await words(database)
        assert len(acknowledged) >= 20
        assert {f"{w} {n}" for w in acknowledged for n in (1, 2)} <= set(kept)
        assert all(kept[i][:-2] == kept[i + 1][:-2] for i in range(0, len(kept), 2)), "whole or not at all"


async def test_a_lock_held_by_another_process_is_said_and_later_writes_work(tmp_path: Path) -> None:
    path = tmp_path / "mx.db"
    async with Database.open(path, schema=SCHEMA) as database:
        with locked_by_another(path):
            with pytest.raises(
                StoreError, match=r"held its lock for more than 1.5 s; nothing was written"
            ) as caught:
                await say(database, "locked out")
            assert str(path) in str(caught.value)
            assert await words(database) == [], "reading goes on meanwhile"
        await say(database, "again")
        assert await words(database) == ["again"]


async def test_a_read_only_database_is_said_and_later_writes_work(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        await database._writer.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="the database is read-only; nothing was written"):
            await say(database, "refused")
        await database._writer.execute("PRAGMA query_only = OFF")
        await say(database, "again")
        assert await words(database) == ["again"]


async def test_a_full_database_is_said_nothing_is_half_written_and_later_writes_work(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        [(pages,)] = await database._writer.execute_fetchall("PRAGMA page_count")
        await database._writer.execute_fetchall(f"PRAGMA max_page_count = {pages + 3}")

        async def say_a_lot() -> None:
            async with database.write() as tx:
                for i in range(200):
                    await tx.execute("INSERT INTO said (word) VALUES (?)", (f"{i} " * 100,))

        with pytest.raises(StoreError, match="no space is left for it; nothing was written"):
            await say_a_lot()
        assert await words(database) == []
        await say(database, "small enough")
        assert await words(database) == ["small enough"]


async def test_the_reader_cannot_write(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        with pytest.raises(StoreError, match="read-only"):
            await database.read("DELETE FROM said")


async def test_a_constraint_is_told_from_a_mistake_in_our_own_sql(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "mx.db", schema=SCHEMA) as database:
        with pytest.raises(StoreError, match="refused it by its own rules"):
            async with database.write() as tx:
                await tx.execute("INSERT INTO said (n, word) VALUES (1, 'a'), (1, 'b')")
        with pytest.raises(sqlite3.ProgrammingError):
            await database.read("SELECT ?", ())


async def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "mx.db").write_text("this is my shopping list, " * 100)

    with pytest.raises(StoreError, match="is damaged or is no SQLite database"):
        async with Database.open(tmp_path / "mx.db", schema=SCHEMA):
            raise AssertionError

    assert (tmp_path / "mx.db").read_text().startswith("this is my shopping list")


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"Check that the folder .*nowhere exists"):
        async with Database.open(tmp_path / "nowhere" / "mx.db", schema=SCHEMA):
            raise AssertionError


async def test_the_data_version_tells_of_others_commits_and_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "mx.db"
    async with Database.open(path, schema=SCHEMA) as database:
        before = await database.data_version()
        assert await database.data_version() == before
        await say(database, "ours")
        ours = await database.data_version()
        with closing(sqlite3.connect(path)) as other:
            other.execute("INSERT INTO said (word) VALUES ('theirs')")
            other.commit()
        assert len({before, ours, await database.data_version()}) == 3


async def test_many_processes_may_make_the_same_new_file_at_once(tmp_path: Path) -> None:
    child = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom bot.journal.sqlite import Database\n"
        "async def main():\n"
        "    async with Database.open(Path(sys.argv[1]), schema=sys.argv[2]) as database:\n"
        "        async with database.write() as tx:\n"
        "            await tx.execute(\"INSERT INTO said (word) VALUES ('here')\")\n"
        "asyncio.run(main())\n"
    )
    async with asyncio.timeout(60):
        children = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", child, str(tmp_path / "new.db"), SCHEMA, stderr=asyncio.subprocess.PIPE
            )
            for _ in range(5)
        ]
        for process in children:
            _, complaint = await process.communicate()
            assert process.returncode == 0, complaint.decode()

    async with Database.open(tmp_path / "new.db", schema=SCHEMA) as database:
        assert await words(database) == ["here"] * 5
