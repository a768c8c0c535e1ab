"""Hands a secret from the process that was given it to the one that acts: a file of mode 0600 beside the timeline, until its run is over."""

import os
import secrets
import time
from pathlib import Path

from pydantic import SecretStr

from bot.errors import StoreError

_MODE = 0o600
KEPT_S = 24 * 3600.0
"""What is older was left behind by a run that nobody finished."""


class Handover:
    """A folder of secrets, each under a name that nobody can guess; without a folder there are none.

    The name (a ticket) stands on the timeline, the secret never does. It outlives a crash of the process that acts.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def beside(cls, database: Path) -> "Handover":
        """The folder that belongs to this timeline."""
        return cls(database.with_name(f"{database.name}-handover"))

    def give(self, secret: SecretStr) -> str:
        """Keep it; its ticket. Raises StoreError."""
        assert self._folder is not None
        ticket = secrets.token_hex(16)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._sweep()
            # O_EXCL and the mode at creation: at no moment may anybody else read it.
            handle = os.open(self._folder / ticket, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            with os.fdopen(handle, "wb") as file:
                file.write(secret.get_secret_value().encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"handing the new key over at {self._folder}: {error.strerror}; nothing was done. "
                "Let mx's user write in the folder of the timeline"
            ) from None
        return ticket

    def look(self, ticket: str) -> SecretStr | None:
        """The secret; None where it is not there (any more)."""
        if self._folder is None or not ticket.isalnum():
            return None
        try:
            found = (self._folder / ticket).read_bytes()
        except OSError:
            return None
        return SecretStr(found.decode("utf-8", "surrogateescape"))

    def drop(self, ticket: str) -> None:
        """Forget it."""
        if self._folder is not None and ticket.isalnum():
            (self._folder / ticket).unlink(missing_ok=True)

    def _sweep(self) -> None:
        assert self._folder is not None
        for left in self._folder.iterdir():
            if time.time() - left.stat().st_mtime > KEPT_S:  # noqa: TID251 - compared with the file system's own time
                left.unlink(missing_ok=True)
