"""Where the MaintainX API key comes from: the environment, or a file that is read again when it changes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.ports import KeySource


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
