"""Counts by slots of time: what is over is packed and, in the end, forgotten."""

import tracemalloc

import pytest

from bot.gateway.rings import Ring


def test_a_slot_is_told_while_it_runs_and_after() -> None:
    ring = Ring(3)
    ring.add(10, {1: 2})
    ring.add(10, {1: 1, 7: 5})
    assert ring.since(10) == {1: 3, 7: 5}
    ring.add(12, {1: 1})
    assert ring.since(10) == {1: 4, 7: 5}
    assert ring.since(11) == {1: 1}
    assert ring.since(13) == {}


def test_what_is_older_than_it_keeps_is_gone() -> None:
    ring = Ring(3)
    for slot in range(10):
        ring.add(slot, {1: 1})
    assert ring.since(0) == {1: 4}  # the running slot and three before it


@pytest.mark.parametrize("count", [1, 65_535, 65_536, 10_000_000])
def test_large_counts_are_kept_too(count: int) -> None:
    ring = Ring(3)
    ring.add(1, {9_999: count})
    ring.add(2, {0: 1})
    assert ring.since(1) == {0: 1, 9_999: count}


def test_an_hour_with_three_hundred_series_in_every_second_takes_few_megabytes() -> None:
    """A hundred lanes, each answered with two statuses and held back by a third cause, second by second."""
    series = {number: number % 9 + 1 for number in range(300)}
    tracemalloc.start()
    try:
        ring = Ring(3600)
        for slot in range(4000):
            ring.add(slot, series)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ring.since(0)) == 300
    assert held < 6e6
