"""The rounds' samples: kept across a restart, bounded by age and by number, written together."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.assessment import Severity
from bot.domain.readings import Status
from bot.errors import StoreError
from bot.samples import PRUNE_EVERY, Round, Sampled, Samples, sampled
from bot.timeline import Timeline
from tests.domain import made
from tests.wound_clock import START, WoundClock

KEEP_S = 3600.0
ROWS = 20


def taken(second: float, integration: str = "default", *, bad: bool = False) -> Round:
    """A round that was so many seconds after the start."""
    return Round(
        integration,
        START + timedelta(seconds=second),
        "bad" if bad else "well",
        Severity.SEV2 if bad else None,
        "us" if bad else "nobody",
        (Sampled("api", "/workorders", Status.FAILING if bad else Status.OK, 12.3),),
        ("rate-limited", "slow") if bad else (),
    )


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
async def samples(tmp_path: Path, clock: WoundClock) -> AsyncIterator[Samples]:
    async with Samples.open(tmp_path / "mx.db", clock=clock, keep_s=KEEP_S, rows=ROWS) as opened:
        yield opened


def rows(path: Path) -> list[tuple[str, int]]:
    """Name and number of rounds, seen by somebody else."""
    with sqlite3.connect(path / "mx.db") as other:
        return other.execute("SELECT integration, count(*) FROM rounds GROUP BY 1 ORDER BY 1").fetchall()


async def test_rounds_come_back_as_they_were_newest_first_also_after_a_restart(
    tmp_path: Path, clock: WoundClock
) -> None:
    readings = made.healthy(made.service(None), made.page(None))
    first = taken(0.000001)._replace(probes=sampled(readings))
    async with (
        Timeline.open(tmp_path / "mx.db", clock=clock, scrub=str),
        Samples.open(tmp_path / "mx.db", clock=clock, keep_s=KEEP_S) as samples,
    ):
        await samples.add(first)
        await samples.add(taken(30, bad=True))
        await samples.add(taken(60, "west"))
    async with Samples.open(tmp_path / "mx.db", clock=clock, keep_s=KEEP_S) as samples:
        assert await samples.latest("default", 5) == (taken(30, bad=True), first)
        assert await samples.latest("default", 1) == (taken(30, bad=True),)
        assert await samples.latest("nobody", 5) == ()
        assert await samples.newest() == {
            "default": START + timedelta(seconds=30),
            "west": START + timedelta(seconds=60),
        }
        assert await samples.since("default", START) == (first, taken(30, bad=True))
        assert await samples.since("default", START + timedelta(seconds=30)) == (taken(30, bad=True),)


async def test_the_same_round_twice_is_one_round(samples: Samples) -> None:
    await samples.add(taken(0))
    await samples.add(taken(0))
    assert await samples.latest("default", 5) == (taken(0),)


async def test_what_is_too_old_is_deleted_with_the_rounds_to_come(
    samples: Samples, clock: WoundClock, tmp_path: Path
) -> None:
    for second in range(10):
        await samples.add(taken(second))
    clock.wind(KEEP_S + 5)
    for second in range(PRUNE_EVERY - 9):
        await samples.add(taken(KEEP_S + 5 + second))
    oldest = (await samples.since("default", START))[0]
    assert oldest.at >= clock.now() - timedelta(seconds=KEEP_S)


async def test_one_integration_never_has_many_more_than_its_rows(samples: Samples, tmp_path: Path) -> None:
    for second in range(4 * PRUNE_EVERY):
        await samples.add(taken(second))
        await samples.add(taken(second, "west"))
    counts = dict(rows(tmp_path))
    assert counts.keys() == {"default", "west"}
    assert all(ROWS <= count < ROWS + PRUNE_EVERY for count in counts.values())
    newest = await samples.latest("default", 1)
    assert newest == (taken(4 * PRUNE_EVERY - 1),)


async def test_an_integration_that_is_watched_no_longer_is_forgotten(
    samples: Samples, clock: WoundClock, tmp_path: Path
) -> None:
    for name in ("gone", "odd \n 'name", "\U0001f6a8", "kept"):
        await samples.add(taken(0, name))
    clock.wind(KEEP_S + 1)
    await samples.add(taken(KEEP_S + 1, "kept"))
    await samples.prune()
    assert rows(tmp_path) == [("kept", 1)]


async def test_rounds_that_end_together_share_a_commit(samples: Samples, tmp_path: Path) -> None:
    commits = 0
    whole = samples._commit

    async def counted(rounds: list[Round]) -> list[Exception | None]:
        nonlocal commits
        commits += 1
        return await whole(rounds)

    samples._group._commit = counted
    async with asyncio.TaskGroup() as group:
        for number in range(500):
            group.create_task(samples.add(taken(0, f"i{number}")))
    assert sum(count for _, count in rows(tmp_path)) == 500
    assert commits <= 3


async def test_a_database_that_takes_nothing_says_so_and_takes_the_next(
    samples: Samples, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "mx.db") as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has held its lock"):
            await samples.add(taken(0))
    await samples.add(taken(1))
    assert await samples.latest("default", 5) == (taken(1),)
