"""Where the MaintainX API key comes from: the environment, or a file that is read again when it changes."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from bot.errors import OutsideError
from bot.ports import KeySource
from bot.wholefile import write_whole


@dataclass(frozen=True, slots=True)
class FixedKey:
    """A key that was given once, by the environment or by mx.toml; None where none was given."""

    name: str
    value: str | None = field(repr=False)

    def current(self) -> str | None:
        return self.value


class FileKey:
    """A key in a file of its own (``MAINTAINX_API_KEY_FILE``), read anew when the file changes.

    One trailing newline is the file's, not the key's; anything else stays, so that the key probe can name it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._value: str | None = None

    @property
    def name(self) -> str:
        return str(self._path)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def current(self) -> str | None:
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                text = self._path.read_text("utf-8", errors="replace")
                self._value = text.removesuffix("\n").removesuffix("\r") or None
                self._seen = seen
        except OSError:
            # An unreadable file is a finding of the key probe, not a reason to stop the bot.
            self._value, self._seen = None, None
        return self._value


@dataclass(frozen=True, slots=True)
class ToldKey:
    """A key that tells its value to the scrubber whenever it is read, so that a rotated one is hidden as well."""

    key: KeySource
    learn: Callable[[str | None], None]

    @property
    def name(self) -> str:
        return self.key.name

    def current(self) -> str | None:
        value = self.key.current()
        self.learn(value)
        return value


class KeyInUse:
    """Implements ``RotatingKey``: a key of a file is exchanged in that file, any other in memory.

    What the file held before lies beside it (0600) as ``.NAME.mx-before``, with the digest of what replaced it, so
    that going back is possible after a restart and never overwrites what somebody else wrote since.
    """

    def __init__(self, source: FileKey | FixedKey) -> None:
        self._source = source
        self._put: str | None = None

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def in_file(self) -> bool:
        """Whether a file holds it: that file is then the place for another one."""
        return isinstance(self._source, FileKey)

    def current(self) -> str | None:
        return self._put if self._put is not None else self._source.current()

    def take(self, key: SecretStr) -> str:
        """Use this key from here; says where it is kept. Raises OutsideError."""
        value = key.get_secret_value()
        if not isinstance(self._source, FileKey):
            self._put = value
            return f"mx uses the new key, in memory: a restart brings the old one back. Set {self.name} to it"
        path = self._source.path
        if self._source.current() == value:
            return f"{path} holds the new key already"
        try:
            before: str | None = path.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            before = None
        except OSError as error:
            raise OutsideError(f"reading the key in {path}: {error.strerror}", permanent=True) from None
        kept = json.dumps({"before": before, "after": _digest(value)}).encode()
        write_whole(_beside(path), kept, doing="keeping the key that was there")
        write_whole(path, f"{value}\n".encode(), doing="writing the new key")
        return f"mx uses the new key; it is in {path}"

    def back(self) -> str:
        """Use the key before the last exchange again; says where it is kept. Raises OutsideError."""
        if not isinstance(self._source, FileKey):
            if self._put is None:
                return f"mx uses the key of {self.name} already"
            self._put = None
            return f"mx uses the key of {self.name} again"
        path, beside = self._source.path, _beside(self._source.path)
        try:
            kept = json.loads(beside.read_bytes())
            before, after = kept["before"], kept["after"]
        except (OSError, ValueError, KeyError, TypeError):
            raise OutsideError(
                f"putting the old key back into {path}: what was there is not kept in {beside} (any more); "
                "write it there by hand",
                permanent=True,
            ) from None
        if _digest(self._source.current() or "") != after:
            raise OutsideError(
                f"{path} has been changed since mx wrote the new key there; it stays as it is", permanent=True
            )
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, before.encode("utf-8", "surrogateescape"), doing="putting the old key back")
        beside.unlink(missing_ok=True)
        return f"{path} holds the key again that was there before"


def in_file(source: KeySource | None) -> bool:
    """Whether a file holds this key."""
    return isinstance(source, FileKey) or (isinstance(source, KeyInUse) and source.in_file)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.mx-before")


def _digest(value: str) -> str:
    """Tells whether a file still holds what mx wrote, in a file that is as private as the key's own."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
