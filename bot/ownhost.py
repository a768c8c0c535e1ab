"""The machine on which mx itself runs: what it runs out of. Often the integration's machine too, not always."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

PLACES = ("/", "/var/lib/docker", "/var")
"""Where a full disk stops a service."""

_MIB = 2**20
_LEAST_FREE = 5 * 1024 * _MIB
"""A large disk has room left where a small one is full, at the same share."""
_LEAST_SHARE = 0.05
_LEAST_MEMORY = 0.05

Usage = Callable[[str], tuple[int, int]]
"""Bytes in all and bytes free of the disk that holds a path. Raises OSError."""


def scarce(
    *, places: tuple[str, ...] = PLACES, usage: Usage | None = None, meminfo: Path = Path("/proc/meminfo")
) -> tuple[str, ...]:
    """A sentence for each thing that is nearly used up; nothing where all is well or cannot be read."""
    return (*_disks(places, usage or _usage), *_memory(meminfo))


def _usage(path: str) -> tuple[int, int]:
    found = shutil.disk_usage(path)
    return found.total, found.free


def _disks(places: tuple[str, ...], usage: Usage) -> list[str]:
    said, seen = [], set()
    for place in places:
        try:
            device = os.stat(place).st_dev  # noqa: PTH116 - a mount of its own shows in the device alone
            total, free = usage(place)
        except OSError:
            continue  # not there, or not ours to see: nothing to warn of
        if device in seen or not total:
            continue
        seen.add(device)
        if free < min(_LEAST_FREE, total * _LEAST_SHARE):
            said.append(
                f"the disk of {place} on mx's own machine is {100 * (total - free) / total:.0f} % full "
                f"({free / _MIB:.0f} MB free)"
            )
    return said


def _memory(meminfo: Path) -> list[str]:
    try:
        lines = meminfo.read_text("ascii", errors="replace").splitlines()
    except OSError:
        return []
    table = dict(line.split(":", 1) for line in lines if ":" in line)
    total, free = (_kib(table.get(name, "")) for name in ("MemTotal", "MemAvailable"))
    if not total or free is None or free >= total * _LEAST_MEMORY:
        return []
    return [
        f"mx's own machine is nearly out of memory ({free / 1024:.0f} of {total / 1024:.0f} MB are available)"
    ]


def _kib(text: str) -> int | None:
    number = text.split(maxsplit=1)[0] if text.split() else ""
    return int(number) if number.isdigit() else None
