"""Whether the disk under a file outlives a restart, read from the kernel's list of mounts; unknown is said as such."""

import re
from pathlib import Path
from typing import NamedTuple

from bot.domain.backlog import Disk

MOUNTS = Path("/proc/self/mountinfo")
_CONTAINED = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Docker and Podman each put one of these files into a container."""

_MEMORY = frozenset(("tmpfs", "ramfs", "devtmpfs"))
_LAYERS = frozenset(("overlay", "aufs", "9p"))
"""What a container's own root is made of: layers under Docker and its like, 9p where gVisor runs it (Cloud Run)."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mounted file system: where, and of which kind."""

    point: str
    kind: str


def mounts(text: str) -> tuple[Mount, ...]:
    """Every mount of ``/proc/self/mountinfo``; lines of another form are passed over."""
    found = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) > 4 and after.strip():  # noqa: PLR2004 - the mount point is the fifth field
            point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
            found.append(Mount(point, after.split(" ")[0]))
    return tuple(found)


def under(path: Path, among: tuple[Mount, ...]) -> Mount | None:
    """The mount on which this absolute path lies; of two at one point the later one hides the other."""
    holding = [mount for mount in among if path.is_relative_to(mount.point)]
    return max(reversed(holding), key=lambda mount: len(mount.point), default=None)


def judge(path: Path, mount: Mount | None, *, setting: str, contained: bool, platform: str | None) -> Disk:
    """What becomes of a file at a restart. ``setting`` is the variable that says where the file lies.

    ``platform`` names a host whose own disk is new at each start; a volume that is mounted there is kept.
    """
    do = f"mount a volume that is kept, and let {setting} name a file on it"
    on = f"{mount.kind} at {mount.point}" if mount else ""
    root = mount is not None and mount.point == "/"
    if mount is None or (root and contained and mount.kind not in _LAYERS and platform is None):
        says = f"whether {path} outlives a restart cannot be seen here; make sure that it does, or {do}"
        return Disk(path=str(path), keeps=None, says=says)
    if mount.kind in _MEMORY:
        says = f"{path} lies in memory ({on}) and is lost at the next restart; {do}"
    elif root and platform is not None:
        says = f"{path} lies on the disk that {platform} makes anew at each start; {do}"
    elif root and mount.kind in _LAYERS:
        says = f"{path} lies in the container itself ({on}) and is lost when that is replaced; {do}"
    else:
        return Disk(path=str(path), keeps=True, says=f"{path} lies on a disk that outlives a restart ({on})")
    return Disk(path=str(path), keeps=False, says=says)


def look(
    path: Path,
    *,
    setting: str,
    platform: str | None = None,
    listing: Path = MOUNTS,
    marks: tuple[Path, ...] = _CONTAINED,
) -> Disk:
    """Judge the disk under this file, which need not be there yet; only Linux tells."""
    where = path.resolve()
    try:
        text = listing.read_text("utf-8", errors="replace")
    except OSError:
        text = ""
    contained = any(mark.exists() for mark in marks)
    return judge(where, under(where, mounts(text)), setting=setting, contained=contained, platform=platform)
