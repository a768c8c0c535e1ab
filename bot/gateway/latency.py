"""Latencies as a histogram: fixed bounds from 1 ms to 60 s, and what can be said of a share of them. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

BOUNDS_MS = (
    *(1, 2, 3, 5, 7),
    *(10, 20, 30, 50, 70),
    *(100, 200, 300, 500, 700),
    *(1000, 2000, 3000, 5000, 7000),
    *(10_000, 20_000, 30_000, 60_000),
)
"""Upper bounds, inclusive; what took longer is in one more place behind them.

Their places are on disk (``traffic_store``): an upgrade that changes them must empty that table.
"""
PLACES = len(BOUNDS_MS) + 1


def placed(waited: Sequence[float], first: int) -> Iterator[tuple[int, int]]:
    """Each place that has some of these, which are sorted, and how many; those before ``first`` are passed over."""
    while first < len(waited):
        place = bisect_left(BOUNDS_MS, waited[first])
        end = len(waited) if place == len(BOUNDS_MS) else bisect_right(waited, BOUNDS_MS[place], first)
        yield place, end - first
        first = end


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Milliseconds within which this share was answered, even within a place; None where nothing was timed."""
    reached = list(accumulate(counts))
    if not reached or not reached[-1]:
        return None
    rank = share * reached[-1]
    place = bisect_left(reached, rank)
    if place >= len(BOUNDS_MS):
        return float(BOUNDS_MS[-1])
    low = BOUNDS_MS[place - 1] if place else 0
    before = reached[place - 1] if place else 0
    return round(low + (BOUNDS_MS[place] - low) * (rank - before) / counts[place], 1)
