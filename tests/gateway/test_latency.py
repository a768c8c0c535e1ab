"""Latencies as a histogram: what it says of a share is as near as its places are narrow."""

import statistics
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.latency import BOUNDS_MS, PLACES, percentile, placed


def histogram(waited: list[float]) -> list[int]:
    counts = [0] * PLACES
    for place, count in placed(sorted(waited), 0):
        counts[place] += count
    return counts


@given(st.lists(st.floats(0, 100_000), max_size=200))
def test_each_is_in_the_first_place_whose_bound_it_does_not_exceed(waited: list[float]) -> None:
    counts = histogram(waited)
    for place, bound in enumerate(BOUNDS_MS):
        assert sum(counts[: place + 1]) == sum(ms <= bound for ms in waited)
    assert sum(counts) == len(waited)


@pytest.mark.parametrize("scale", [1.0, 40.0, 900.0])
def test_a_percentile_is_within_its_place(scale: float) -> None:
    waited = [scale * (1 + n / 50) for n in range(1000)]
    exact = statistics.quantiles(waited, n=100)
    for share in (50, 95, 99):
        found = percentile(histogram(waited), share / 100)
        assert found is not None
        assert bisect_left(BOUNDS_MS, found) == bisect_left(BOUNDS_MS, exact[share - 1])


def test_the_ends_of_the_scale() -> None:
    assert percentile([0] * PLACES, 0.99) is None
    assert percentile([], 0.99) is None
    assert percentile(histogram([0.2]), 0.5) == 0.5  # somewhere below a millisecond
    assert percentile(histogram([90_000.0]), 0.99) == 60_000.0  # at least
