"""Counts by slots of equal length, for as long as they are wanted, in two bytes a number. Pure."""

import math
from array import array
from collections import Counter, deque
from collections.abc import Mapping


class Ring:
    """The latest ``keep`` slots of time and the running one: how often which series was counted in each."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._past: deque[tuple[int, array[int]]] = deque()
        self._slot = 0
        self._open: dict[int, int] = {}

    def add(self, slot: int, counts: Mapping[int, int]) -> None:
        """Count in this slot; slots come in order."""
        if slot != self._slot:
            if self._open:
                self._past.append((self._slot, _packed(self._open)))
            self._slot, self._open = slot, {}
            while self._past and self._past[0][0] < slot - self._keep:
                self._past.popleft()
        for series, count in counts.items():
            self._open[series] = self._open.get(series, 0) + count

    def since(self, slot: int, before: float = math.inf) -> Counter[int]:
        """How often each series was counted from this slot on, and before that one."""
        found: Counter[int] = Counter()
        if slot <= self._slot < before:
            found.update(self._open)
        for past, packed in reversed(self._past):
            if past < slot:
                break
            if past < before:
                numbers = iter(packed)
                for series in numbers:
                    found[series] += next(numbers)
        return found


def _packed(counts: Mapping[int, int]) -> "array[int]":
    """Series and count in turn. A dict of them takes ten times the room, and an hour has 3,600 of them."""
    flat = [number for pair in counts.items() for number in pair]
    return array("H" if max(flat) < 2**16 else "L", flat)
