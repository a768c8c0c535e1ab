"""How numbers and counts are written in what probes say."""


def duration(ms: float) -> str:
    """``187 ms``, ``2.4 s``."""
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"  # noqa: PLR2004 - a second


def count(number: int, noun: str) -> str:
    """``1 error``, ``3 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
