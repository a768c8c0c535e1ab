"""The rota of the watch: whose round is due when, on a monotonic clock. Pure.

Looking for what is due costs what is due, not how many there are: a thousand integrations are a heap.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from heapq import heappop, heappush

from bot.domain.integration import Integration

APART_S = 0.25
"""How far apart the first rounds begin, at most: a thousand integrations do not ask at the same moment."""


@dataclass(slots=True)
class Turn:
    """One integration's place in the rota."""

    spec: Integration
    due: float
    """When its next round is to begin."""
    began: float | None = None
    """When its last round began."""
    going: bool = False
    soon: bool = False
    """One more round is to decide."""
    open: bool = False
    """Its incident is open."""

    @property
    def interval_s(self) -> float:
        """Between two rounds as things stand."""
        return self.spec.interval_open_s if self.open or self.soon else self.spec.interval_s


class Rota:
    """Every integration's next round; a round that goes on is in nobody's way and is not begun twice."""

    def __init__(
        self,
        specs: Iterable[Integration],
        *,
        now: float,
        ages: Mapping[str, float],
        open_: AbstractSet[str],
        chance: Callable[[], float],
    ) -> None:
        """``ages``: seconds since the last round of each that has had one; ``open_``: whose incident is open.

        Whoever's round is not due yet keeps its place. The others are spread, so that they do not ask at the same
        moment: those with an open incident at once, then whoever waited longest. ``chance`` gives 0 to 1.
        """
        self._turns: dict[str, Turn] = {spec.name: Turn(spec, now) for spec in specs}
        self._heap: list[tuple[float, str]] = []
        self._open: AbstractSet[str] = frozenset()
        overdue: list[tuple[bool, float, str]] = []
        shortest = math.inf
        for name, turn in self._turns.items():
            turn.open = name in open_
            left = turn.interval_s - ages.get(name, math.inf)
            shortest = min(shortest, turn.interval_s)
            if left > 0:
                self._plan(turn, now + min(left, turn.interval_s))
            else:
                overdue.append((not turn.open, left, name))
        apart = min(APART_S, shortest / len(overdue)) if overdue else 0.0
        for place, (_, _, name) in enumerate(sorted(overdue)):
            self._plan(self._turns[name], now + (place + chance()) * apart)
        self._open = open_

    def begin(self, now: float, *, open_: AbstractSet[str]) -> list[Turn]:
        """Whose round is to begin now, the longest due first; ``open_``: whose incident is open by now."""
        for name in open_ ^ self._open:
            turn = self._turns.get(name)
            if turn is not None:
                turn.open = name in open_
                if turn.began is not None and not turn.going:
                    self._plan(turn, turn.began + turn.interval_s)
        self._open = open_
        begun: list[Turn] = []
        while self._heap and self._heap[0][0] <= now:
            due, name = heappop(self._heap)
            turn = self._turns[name]
            if due == turn.due and not turn.going:
                turn.going = True
                begun.append(turn)
        return begun

    def ended(self, turn: Turn) -> None:
        """Its round is over; the next one is an interval after its beginning."""
        turn.going = False
        self._plan(turn, (turn.due if turn.began is None else turn.began) + turn.interval_s)

    def wait_s(self, now: float) -> float:
        """Seconds until somebody is due; infinite where nobody is."""
        return max(0.0, self._heap[0][0] - now) if self._heap else math.inf

    def _plan(self, turn: Turn, due: float) -> None:
        turn.due = due
        heappush(self._heap, (due, turn.spec.name))
