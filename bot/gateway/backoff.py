"""Waiting longer after each failure, by chance within a growing bound, so that many who wait do not come at once."""

import random


class Backoff:
    """Exponential backoff with full jitter, in seconds."""

    def __init__(self, *, first_s: float, longest_s: float, dice: random.Random | None = None) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._dice = dice or random.Random()  # noqa: S311 - chance, not a secret
        self._failures = 0

    def next(self, at_least_s: float | None = None) -> float:
        """How long to wait after one more failure; never less than what the other side asked for."""
        bound = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return max(at_least_s or 0.0, self._dice.uniform(0.0, bound))

    def reset(self) -> None:
        """It went well."""
        self._failures = 0
