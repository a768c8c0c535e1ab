"""Lanes: which class of traffic a request belongs to, by its job's name or by method and path. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from bot.errors import ConfigError

CRITICAL = "critical"
"""The lane that goes first when requests are limited; it cannot be paused."""
DEFAULT = "default"
"""The lane of every request that names no job and fits no pattern."""

SHIPPED: Mapping[str, tuple[str, ...]] = {
    CRITICAL: ("* /v1/workorders*",),
    "asset-sync": ("GET /v1/assets*", "GET /v1/locations*"),
    "report-generator": (
        "GET /v1/purchaseorders*",
        "GET /v1/meters*",
        "GET /v1/parts*",
        "GET /v1/rootcauseanalysisreports*",
    ),
}
"""The lanes that ship, for the two jobs of the runbook.

``asset-sync`` reads the assets and where they stand; ``report-generator`` reads the lists that reports are made of
and nothing else needs urgently. Writes are in no job's lane: a pause never loses one.
"""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PATTERN = re.compile(r"(\*|[A-Z]{2,16}) (/\S*)")


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane and the requests that belong to it: ``METHOD PATH`` with ``*`` for anything; GET covers HEAD."""

    name: str
    patterns: tuple[str, ...]


def lanes_from(table: Any = None) -> tuple[Lane, ...]:
    """The lanes of ``[gateway.lanes]``, laid over the ones that ship; ``critical`` is always looked at first.

    A lane named in the table replaces the shipped lane of that name; an empty list removes it.
    Raises ConfigError with every fault.
    """
    if table is None:
        table = {}
    if not isinstance(table, Mapping):
        raise ConfigError(('it is no table; write lanes as: asset-sync = ["GET /v1/assets*"]',))
    faults = tuple(fault for name, patterns in table.items() for fault in _faults(name, patterns))
    if faults:
        raise ConfigError(faults)
    merged = {**SHIPPED, **{str(name): tuple(patterns) for name, patterns in table.items()}}
    first = [name for name in merged if name == CRITICAL]
    return tuple(
        Lane(name, merged[name]) for name in first + [n for n in merged if n != CRITICAL] if merged[name]
    )


def job_name(text: str | None) -> str | None:
    """The job that an ``X-MX-Job`` header names, or None where it is no name (then method and path decide)."""
    return text if text is not None and _NAME.fullmatch(text) else None


class LaneMap:
    """Finds the lane of a request; the first pattern that fits counts."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self.names = tuple(lane.name for lane in lanes)
        self._found = re.compile(
            "|".join(f"({_regex(lane.patterns)})" for lane in lanes) or r"(?!)", re.DOTALL
        )

    def lane(self, method: str, target: str) -> str:
        """The lane of ``GET /v1/assets?limit=100``: the query does not count, percent signs are read."""
        path = target.partition("?")[0]
        if "%" in path:
            path = unquote(path, errors="replace")
        found = self._found.fullmatch(f"{'GET' if method == 'HEAD' else method} {path}")
        return DEFAULT if found is None or found.lastindex is None else self.names[found.lastindex - 1]


def _regex(patterns: tuple[str, ...]) -> str:
    return "|".join(
        "(?:[A-Z]+" + re.escape(p[1:]).replace(r"\*", ".*") + ")"
        if p.startswith("*")
        else "(?:" + re.escape(p).replace(r"\*", ".*") + ")"
        for p in patterns
    )


def _faults(name: Any, patterns: Any) -> list[str]:
    if job_name(name) is None:
        return [f"{name!r} is no lane's name; use up to 64 letters, digits, dots, dashes and underscores"]
    if name == DEFAULT:
        return [f"{DEFAULT}: it is the lane of all that fits no other; remove it from the table"]
    if not isinstance(patterns, list | tuple):
        return [f'{name}: it is {patterns!r}; write a list, for example ["GET /v1/assets*"]']
    return [
        f'{name}: {pattern!r} is no pattern; write a method or *, a space and a path: "GET /v1/assets*"'
        for pattern in patterns
        if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern)
    ]
