"""Writes a file whole or not at all: beside it first, synced, then renamed over it; a reader never sees half."""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from bot.errors import OutsideError

PRIVATE = 0o600


def write_whole(path: Path, data: bytes, *, doing: str) -> None:
    """Replace the file's content; mode and owner stay, a new file is 0600. Raises OutsideError."""
    target = path.resolve()  # a link stays a link: what it points to is replaced
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            was: os.stat_result | None = target.stat()
        except FileNotFoundError:
            was = None
        _create(beside, data, was)
        beside.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise OutsideError(f"{doing}: {path}: {_words(error, path)}", permanent=True) from None


def _create(path: Path, data: bytes, was: os.stat_result | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        if was is not None:
            if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, was.st_uid, was.st_gid)  # else the service could no longer read it
            os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _words(error: OSError, path: Path) -> str:
    if error.errno == errno.EBUSY:
        return f"it is mounted by itself, so it cannot be replaced; mount the folder {path.parent} instead"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror}; give mx's user the right to write in {path.parent} and to keep the file's owner"
    return error.strerror or type(error).__name__
