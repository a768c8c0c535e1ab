"""Buffered writes: durable before their 202, beside pass-through and the disk's own limit; memory and start with 100,000."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.gateway import _line, _measure, _resident_mb, _spawn, _upstream
from benchmarks.load import WRITE_BODY
from bot.gateway.schema import FIRST, UPGRADES
from bot.journal.groupcommit import GroupCommit
from bot.journal.sqlite import Database

CLIENTS = 64
ROUNDS = 3
SECONDS = 2.0
MANY = 100_000


def main() -> None:
    """Print the figures and the targets."""
    if not Path("/proc/self/stat").exists() or not hasattr(os, "sched_setaffinity"):
        print("needs Linux: memory is read from /proc")
        return
    cores = sorted(os.sched_getaffinity(0))
    ours, theirs = {cores[0]}, {cores[-1]}
    passed: list[float] = []
    buffered: list[float] = []
    syncs: list[float] = []
    commits: list[float] = []
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream(theirs))
        folder, other = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        passing, _ = stack.enter_context(_gateway(upstream, folder, ours))
        buffering, _ = stack.enter_context(_gateway(upstream, other, ours))
        lease = {"mode": "buffering", "owner": "bench", "reason": "bench", "ttl_s": 3600}
        _admin(buffering, "PUT", "policy", lease)
        for _ in range(ROUNDS):
            passed.append(_rate(passing, theirs))
            buffered.append(_rate(buffering, theirs))
            syncs.append(_fdatasyncs(folder))
            commits.append(asyncio.run(_group_commits(folder)))
    share = median(b / p for b, p in zip(buffered, passed, strict=True))
    print(
        f"{CLIENTS} clients, a work order of {len(WRITE_BODY)} bytes, medians of {ROUNDS} rounds of {SECONDS:g} s"
    )
    print(f"pass-through                      {median(passed):>9,.0f} requests/s")
    print(
        f"buffered, durable before the 202  {median(buffered):>9,.0f} requests/s   {share:.2f} of pass-through"
    )
    print(f"group commit, no gateway          {median(commits):>9,.0f} inserts/s")
    print(f"append and fdatasync              {median(syncs):>9,.0f} a second")
    _many(ours)
    print(
        "targets: at least 0.6 of pass-through; under 80 MB and started in under 2 s with 100,000 buffered writes"
    )


def _many(cores: set[int]) -> None:
    """Memory and start with a full buffer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _gateway(9, folder, cores):
            pass
        _fill(folder)
        size = (folder / "gateway.db").stat().st_size / 2**20
        started = time.perf_counter()
        with _gateway(9, folder, cores) as (port, pid):
            took = time.perf_counter() - started
            counts = _admin(port, "GET", "buffer?limit=1")["counts"]
            assert counts["waiting"] == MANY, counts
            print(
                f"{MANY:,} writes waiting ({size:.0f} MiB on the disk): started in {took:.2f} s, "
                f"{_resident_mb(pid):.0f} MB resident"
            )


def _fill(folder: Path) -> None:
    with sqlite3.connect(folder / "gateway.db") as connection:
        connection.executemany(
            "INSERT INTO buffered (id, entity, method, target, headers, body, size, sealed, organisation, caller, lane,"
            " received_at) VALUES (?, ?, 'POST', '/v1/workorders', '[]', ?, ?, 0, '', x'00', 'critical', ?)",
            (
                (
                    f"mxb_{n:016x}",
                    f"mxb_{n:016x}",
                    WRITE_BODY.encode(),
                    len(WRITE_BODY),
                    "2026-11-23T12:00:00+00:00",
                )
                for n in range(MANY)
            ),
        )
    connection.close()


def _fdatasyncs(folder: Path) -> float:
    """How often this disk appends and syncs in a second."""
    file = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    done, started = 0, time.perf_counter()
    try:
        while time.perf_counter() - started < 1.0:
            os.write(file, b"x" * 512)
            os.fdatasync(file)
            done += 1
    finally:
        os.close(file)
    return done


async def _group_commits(folder: Path) -> float:
    """The same rows by the same group commit, without HTTP."""
    path = folder / f"bare-{time.perf_counter_ns()}.db"
    async with Database.open(path, schema=FIRST, upgrades=UPGRADES) as database:
        done = 0

        async def commit(items: list[str]) -> list[Exception | None]:
            async with database.write() as tx:
                await tx.insert(
                    "INSERT INTO buffered (id, entity, method, target, headers, body, size, sealed, organisation,"
                    " caller, lane, received_at)",
                    [
                        (
                            name,
                            name,
                            "POST",
                            "/v1/workorders",
                            "[]",
                            WRITE_BODY.encode(),
                            len(WRITE_BODY),
                            0,
                            "",
                            b"",
                            "critical",
                            "2026-11-23T12:00:00+00:00",
                        )
                        for name in items
                    ],
                )
            return [None] * len(items)

        group = GroupCommit(commit)

        async def write(first: int) -> None:
            nonlocal done
            n = first
            while time.perf_counter() - started < SECONDS:
                await group.submit(f"{n:x}")
                n += CLIENTS
                done += 1

        started = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for first in range(CLIENTS):
                tasks.create_task(write(first))
        return done / (time.perf_counter() - started)


def _rate(port: int, cores: set[int]) -> float:
    requests, seconds = _measure(cores, "drive", str(port), str(CLIENTS), str(SECONDS), "write")
    return requests / seconds


@contextmanager
def _gateway(upstream: int, folder: Path, cores: set[int]) -> Iterator[tuple[int, int]]:
    url = f"http://127.0.0.1:{upstream}/v1"
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        process = _spawn(
            [sys.executable, "-m", "benchmarks.gateway_process", url, str(folder), "uvloop"], None
        )
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield int(_line(process).rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def _admin(port: int, method: str, route: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/-/{route}", data=data, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())


if __name__ == "__main__":
    main()
