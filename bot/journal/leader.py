"""Who acts: of all processes on one database, the one that holds the lock file."""

import fcntl
import os
from pathlib import Path

from bot.errors import StoreError


class LeaderLock:
    """The lock file ``<database>.leader``. The kernel gives it back when the process dies, however it dies."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}.leader")
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """True where this process leads from here; never waits. Raises StoreError where the file cannot be made."""
        if self.held():
            return True
        self.release()
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"opening the leader's lock file {self.path}: {error.strerror}. Check that its folder exists "
                "and may be written to"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            raise StoreError(
                f"locking {self.path}: {error.strerror}. Keep the database on a disk of this machine"
            ) from error
        self._descriptor = descriptor
        if self.held():
            return True
        self.release()  # the file was taken away between opening and locking it
        return False

    def held(self) -> bool:
        """True while the lock is ours and its file is still the one that others would lock."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Let another process lead; harmless where the lock is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
