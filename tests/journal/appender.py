"""A child process that appends through group commit and says when each item arrived and when it was acknowledged.

``python -m tests.journal.appender FILE SYNCHRONOUS WRITERS``: the second argument is set on the connection by
this file, for the test that shows that the check can fail; the code that ships has no such switch.
"""

import asyncio
import os
import sys
from pathlib import Path

from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS items (n INTEGER PRIMARY KEY)"
EACH = 5


async def main(path: Path, synchronous: str, writers: int) -> None:
    async with Database.open(path, schema=SCHEMA) as database:
        await database._writer.execute_fetchall(f"PRAGMA synchronous = {synchronous}")

        async def commit(items: list[int]) -> list[int | Exception]:
            async with database.write() as tx:
                await tx.executemany("INSERT INTO items (n) VALUES (?)", [(i,) for i in items])
            return list(items)

        group = GroupCommit(commit)

        async def write(first: int) -> None:
            for n in range(first, first + EACH):
                os.write(1, f"arrived {n}\n".encode())
                await group.submit(n)
                os.write(1, f"acknowledged {n}\n".encode())

        async with asyncio.TaskGroup() as tasks:
            for writer in range(writers):
                tasks.create_task(write(writer * EACH))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
