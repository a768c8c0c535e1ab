"""``mx gateway`` on a file whose commits do not wait for the disk: for the test that shows that the check can fail.

``python -m tests.gateway.careless gateway``: the pragma is set by this file; the code that ships has no such switch.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.cli import main
from bot.gateway import serve
from bot.journal.sqlite import Database


class Careless(Database):
    """Says that it is done as soon as the system has the bytes."""

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, schema: str, upgrades: Sequence[str] = ()) -> AsyncIterator[Database]:
        async with Database.open(path, schema=schema, upgrades=upgrades) as database:
            await database._writer.execute_fetchall("PRAGMA synchronous = OFF")
            yield database


if __name__ == "__main__":
    setattr(serve, "Database", Careless)  # noqa: B010 - in this process alone
    main()
