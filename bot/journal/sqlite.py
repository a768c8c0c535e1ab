"""A SQLite file that keeps what it was given: WAL, one writer, one reader, each commit on the disk before it counts."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import aiosqlite

from bot.errors import StoreError
from bot.journal.ending import to_the_end

BUSY_TIMEOUT_MS = 1500
"""How long another process's write lock is waited for: half of the 3 seconds in which Slack wants its answer."""

_WAL_TRIES = 20
_ROWS_AT_ONCE = 500

Rows = list[tuple[Any, ...]]


class RuleError(StoreError):
    """A constraint or trigger of the schema refused a row."""


class Transaction:
    """Statements that are committed together, or not at all."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    async def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run one statement; the number of rows that it changed."""
        with _translated("writing", self._path):
            async with self._connection.execute(sql, params) as cursor:
                return cursor.rowcount

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        with _translated("writing", self._path):
            async with self._connection.executemany(sql, rows):
                pass

    async def insert(self, into: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows by as few statements as SQLite's limit of parameters allows; ``into`` ends before VALUES."""
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[first : first + _ROWS_AT_ONCE]
            one = f"({', '.join('?' * len(some[0]))})"
            await self.read(f"{into} VALUES {', '.join([one] * len(some))}", [*chain.from_iterable(some)])

    async def read(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """What is there now, inside this transaction."""
        with _translated("reading", self._path):
            return list(await self._connection.execute_fetchall(sql, params))  # type: ignore[arg-type] # rows are tuples


class Database:
    """One file, with a connection that writes and a connection that reads.

    A shared connection is one transaction for all coroutines, so ``write`` holds a lock: without it one
    coroutine's rollback takes back another's acknowledged row.
    """

    def __init__(self, path: Path, *, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._lock = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, schema: str, upgrades: Sequence[str] = ()
    ) -> "AsyncIterator[Database]":
        """The database at ``path``, made with ``schema`` (``CREATE ... IF NOT EXISTS``) where it is new.

        ``upgrades`` are scripts that are applied once each, in order; SQLite's ``user_version`` counts them. Raises
        StoreError where it cannot be opened, or was written by a version of mx that knows more upgrades than this.
        """
        async with _connected(path) as writer:
            await _prepare(writer, path, schema, upgrades)
            async with _connected(path) as reader:
                with _translated("opening", path):
                    await reader.execute_fetchall("PRAGMA query_only = ON")
                yield cls(path, writer=writer, reader=reader)

    async def read(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """Every row of a query over what is committed. Raises StoreError."""
        with _translated("reading", self.path):
            return list(await self._reader.execute_fetchall(sql, params))  # type: ignore[arg-type] # rows are tuples

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """A transaction: on the disk when the block has ended well, without trace when it has not.

        Cancelling the block takes it back; once the commit has begun it is waited for. Raises StoreError.
        """
        async with self._lock:
            try:
                with _translated("writing", self.path):
                    await self._writer.execute_fetchall("BEGIN IMMEDIATE")
                yield Transaction(self._writer, self.path)
            except BaseException:
                await to_the_end(self._rollback())
                raise
            await to_the_end(self._commit())

    async def data_version(self) -> int:
        """A number that changes when any connection, of this process or another, has committed."""
        with _translated("reading", self.path):
            [(version,)] = await self._reader.execute_fetchall("PRAGMA data_version")
        return int(version)

    async def _commit(self) -> None:
        try:
            with _translated("writing", self.path):
                await self._writer.commit()
        except StoreError:
            await self._rollback()
            raise

    async def _rollback(self) -> None:
        # The connection's thread works its queue in order, so this comes after a statement whose waiter was cancelled.
        with _translated("taking back a write to", self.path):
            await self._writer.rollback()


@asynccontextmanager
async def _connected(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    fault: list[sqlite3.Error] = []

    def connect() -> sqlite3.Connection:
        try:
            return sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        except sqlite3.Error as error:
            # aiosqlite does not wait for its thread after a connect that raised, and the thread may then outlive
            # the event loop; so it is given something to close.
            fault.append(error)
            return sqlite3.connect(":memory:")

    connection = aiosqlite.Connection(connect, iter_chunk_size=64)
    try:
        await to_the_end(connection)
        with _translated("opening", path):
            for error in fault:
                raise error
        yield connection
    finally:
        await to_the_end(connection.close())


async def _prepare(writer: aiosqlite.Connection, path: Path, schema: str, upgrades: Sequence[str]) -> None:
    with _translated("opening", path):
        for attempt in range(_WAL_TRIES):
            try:
                await writer.execute_fetchall("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # SQLite does not wait for the switch to WAL while another process opens the same new file, so we
                # do, by asking for the write lock, for which it does wait.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _WAL_TRIES - 1:
                    raise
                await writer.execute_fetchall("BEGIN IMMEDIATE")
                await writer.rollback()
        await writer.execute_fetchall("PRAGMA synchronous = FULL")
        await writer.execute_fetchall("PRAGMA foreign_keys = ON")
        try:
            known = await _known(
                writer, path, upgrades
            )  # before the schema: a newer form may have dropped a table
            await writer.executescript(f"BEGIN IMMEDIATE;\n{schema}\n;COMMIT;")
            await _upgrade(writer, known, upgrades)
        except sqlite3.Error:
            await writer.rollback()
            raise


async def _known(writer: aiosqlite.Connection, path: Path, upgrades: Sequence[str]) -> int:
    """How many upgrades this file has seen. Raises StoreError where they are more than there are."""
    [(known,)] = await writer.execute_fetchall("PRAGMA user_version")
    if known > len(upgrades):
        raise StoreError(
            f"opening {path}: a newer version of mx wrote it (its form is {known}, this one knows {len(upgrades)}). "
            "Start that newer version; nothing was changed"
        )
    return int(known)


async def _upgrade(writer: aiosqlite.Connection, known: int, upgrades: Sequence[str]) -> None:
    """Apply what this file has not seen yet, each script together with its number or not at all."""
    for number in range(known + 1, len(upgrades) + 1):
        await writer.executescript(
            f"BEGIN IMMEDIATE;\n{upgrades[number - 1]}\n;PRAGMA user_version = {number};\nCOMMIT;"
        )


@contextmanager
def _translated(doing: str, path: Path) -> Iterator[None]:
    """SQLite's errors as ours; a mistake in our own SQL stays what it is."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.IntegrityError as error:
        raise RuleError(f"{doing} {path}: the database refused it by its own rules ({error})") from error
    except sqlite3.Error as error:
        raise StoreError(f"{doing} {path}: {_sentence(error, path)}") from error


def _sentence(error: sqlite3.Error, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0)
    match code & 0xFF:  # the low byte is the kind, the rest says more of it
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            says = (
                f"another process has held its lock for more than {BUSY_TIMEOUT_MS / 1000:g} s; nothing was written. "
                f"Try again; if it stays so, look who has it open: fuser {path}"
            )
        case sqlite3.SQLITE_READONLY:
            says = "the database is read-only; nothing was written. Check the file's and its folder's permissions"
        case sqlite3.SQLITE_FULL:
            says = "no space is left for it; nothing was written. Free some space on its disk and try again"
        case sqlite3.SQLITE_CANTOPEN if path.is_dir():
            says = "it is a folder. Point the setting at a file in it"
        case sqlite3.SQLITE_CANTOPEN:
            says = (
                f"the file cannot be opened. Check that the folder {path.parent} exists and may be written to"
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            says = (
                f"the file is damaged or is no SQLite database ({error}). Keep a copy of it, then put back a backup "
                "or point the setting at another file"
            )
        case sqlite3.SQLITE_IOERR:
            says = (
                f"the disk answered with an error ({error}); nothing was written. "
                f"Look whether it is full (df -h {path.parent}) or broken (dmesg), and try again"
            )
        case _:
            says = f"SQLite says: {error}; nothing was written"
    return says
