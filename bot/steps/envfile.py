"""The key in an env file of a systemd unit or a Docker container: one variable is replaced, every other byte stays.

Each key that mx adds lies beside the file (0600) as ``.NAME.mx-key-N``, and what it replaced as
``.NAME.mx-key-N.before``, until the rotation after the next. The service reads the file when it starts, so
somebody has to restart it.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue, SecretStr

from bot.errors import OutsideError
from bot.steps.keystore import changed_since, known, version_number
from bot.wholefile import PRIVATE, write_whole

_PLAIN = re.compile(r"[A-Za-z0-9_./+=:@%,~-]+")
_KEPT = 2
"""How many rotations are kept beside the file: the latest one, and the one before it."""
_UNNAMED = "the key that was there"


class EnvFile:
    """Implements ``SecretStore``; versions are numbers of mx's own."""

    restarts = True
    retires = None

    def __init__(self, path: Path, *, variable: str = "MAINTAINX_API_KEY") -> None:
        self._path = path
        self._variable = variable
        self._line = re.compile(
            rb"^(?P<head>[ \t]*(?:export[ \t]+)?"
            + re.escape(variable.encode())
            + rb"[ \t]*=)(?P<value>[^\r\n]*)",
            re.MULTILINE,
        )

    @property
    def name(self) -> str:
        return f"{self._variable} in {self._path}"

    @property
    def adds(self) -> str:
        return f"keep the new key beside {self._path}, readable by nobody else"

    @property
    def takes(self) -> str:
        return f"replace {self._variable} in {self._path}, nothing else of it"

    async def before(self) -> dict[str, JsonValue]:
        return await asyncio.to_thread(self._before)

    async def add(self, key: SecretStr) -> str:
        return await asyncio.to_thread(self._add, key.get_secret_value())

    async def take(self, version: str) -> str:
        return await asyncio.to_thread(self._take, version)

    async def taken(self, version: str) -> bool | None:
        return await asyncio.to_thread(self._taken, version)

    async def latest(self) -> tuple[str, SecretStr] | None:
        return await asyncio.to_thread(self._latest)

    async def disable(self, version: str) -> str:
        return f"an env file has no versions to disable; {self._where(version)}"

    async def enable(self, version: str) -> str:
        return f"an env file has no versions to enable; {self._where(version)}"

    async def back(self, before: Mapping[str, JsonValue]) -> str:
        return await asyncio.to_thread(self._back, known(before, "takes"))

    def _before(self) -> dict[str, JsonValue]:
        held = self._held(self._read())
        numbers = self._numbers()
        at = next((str(n) for n in reversed(numbers) if self._kept(n) == held), "")
        return {"version": at, "latest": str(numbers[-1]) if numbers else "", "file": str(self._path)}

    def _add(self, key: str) -> str:
        if not _PLAIN.fullmatch(key):
            raise OutsideError(
                f"keeping the key for {self._path}: it holds white space or signs that an env file reads in its "
                "own way; copy the key again",
                permanent=True,
            )
        numbers = self._numbers()
        if numbers and self._kept(numbers[-1]) == key:
            return str(numbers[-1])  # the same rotation, begun once more
        number = numbers[-1] + 1 if numbers else 1
        write_whole(self._beside(number), key.encode(), doing="keeping the new key beside the env file")
        for old in numbers[: 1 - _KEPT]:
            for path in (self._beside(old), self._beside(old, before=True)):
                path.unlink(missing_ok=True)
        return str(number)

    def _take(self, version: str) -> str:
        number, key = self._version(version)
        content = self._read()
        said = f"{self._variable} in {self._path} is the new key"
        if self._held(content) == key:
            return f"{said} already"
        match = self._line.search(content)
        was = match["value"] if match else b""
        backup = self._beside(number, before=True)
        if not backup.exists():
            write_whole(backup, was, doing="keeping the key that was there")
        self._replace(content, _quoted(key, like=was))
        return f"{said}; the one before is kept in {backup}"

    def _taken(self, version: str) -> bool:
        return self._held(self._read()) == self._version(version)[1]

    def _latest(self) -> tuple[str, SecretStr] | None:
        numbers = self._numbers()
        return (str(numbers[-1]), SecretStr(self._kept(numbers[-1]))) if numbers else None

    def _back(self, version: str) -> str:
        number, key = self._version(version)
        content, backup = self._read(), self._beside(number, before=True)
        try:
            was = backup.read_bytes()
        except OSError as error:
            raise OutsideError(
                f"putting {_UNNAMED} back into {self._path}: {backup}: {error.strerror}; write the old key "
                f"into {self._path} by hand",
                permanent=True,
            ) from None
        if self._held(content) == _unquoted(was):
            return f"{self._variable} in {self._path} is {_UNNAMED} already"
        if self._held(content) != key:
            raise changed_since(self.name, ours=f"mx's key {version}", now="another value")
        self._replace(content, was)
        return f"{self._variable} in {self._path} is {_UNNAMED} again"

    def _replace(self, content: bytes, value: bytes) -> None:
        """Put the value into every line of the variable; the last one counts for most readers, so all agree."""
        changed, times = self._line.subn(lambda match: match["head"] + value, content)
        if not times:
            end = b"" if not content or content.endswith(b"\n") else b"\n"
            changed = content + end + self._variable.encode() + b"=" + value + b"\n"
        write_whole(self._path, changed, doing=f"replacing {self._variable}")

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            raise OutsideError(
                f"reading the env file {self._path}: there is none; set key_env_file to the one that the service "
                "reads",
                permanent=True,
            ) from None
        except OSError as error:
            raise OutsideError(
                f"reading the env file {self._path}: {error.strerror}; let mx's user read and write it",
                permanent=True,
            ) from None

    def _held(self, content: bytes) -> str:
        found = list(self._line.finditer(content))
        return _unquoted(found[-1]["value"]) if found else ""

    def _version(self, version: str) -> tuple[int, str]:
        number = version_number(version)
        if number < 0 or not self._beside(number).exists():
            raise OutsideError(
                f"there is no key {version[:40]!r} beside {self._path}; hand the new key over again",
                permanent=True,
            )
        return number, self._kept(number)

    def _kept(self, number: int) -> str:
        try:
            return self._beside(number).read_text("utf-8")
        except OSError as error:
            raise OutsideError(
                f"reading the key that mx kept in {self._beside(number)}: {error.strerror}", permanent=True
            ) from None

    def _numbers(self) -> list[int]:
        start = f".{self._path.name}.mx-key-"
        try:
            names = [path.name.removeprefix(start) for path in self._path.parent.glob(f"{start}*")]
        except OSError:
            names = []
        return sorted(number for name in names if (number := version_number(name)) > 0)

    def _beside(self, number: int, *, before: bool = False) -> Path:
        return self._path.with_name(f".{self._path.name}.mx-key-{number}{'.before' if before else ''}")

    def _where(self, version: str) -> str:
        """Where an older key still lies."""
        paths = [self._beside(n, before=True) for n in self._numbers()]
        kept = ", ".join(str(path) for path in paths if path.exists())
        return (
            f"the key before {version or 'this one'} lies in {kept} ({PRIVATE:o})" if kept else "none is kept"
        )


def _unquoted(value: bytes) -> str:
    """The value as systemd, Docker and a shell read it, for values as a key has them."""
    text = value.decode("utf-8", "replace").strip()
    for quote in "\"'":
        if len(text) > 1 and text[0] == quote and (end := text.find(quote, 1)) > 0:
            return text[1:end]
    return text.partition(" #")[0].rstrip()


def _quoted(key: str, *, like: bytes) -> bytes:
    """The key, in quotes where the value before was; what stood behind the value (a remark) stays."""
    text = like.decode("utf-8", "surrogateescape")
    stripped = text.lstrip()
    lead = text[: len(text) - len(stripped)]
    quote = stripped[:1] if stripped[:1] in ("'", '"') else ""
    if quote and (end := stripped.find(quote, 1)) > 0:
        rest = stripped[end + 1 :]
    else:
        word, gap, remark = stripped.partition(" #")
        rest = gap + remark if gap else word[len(word.rstrip()) :]
        quote = ""
    return f"{lead}{quote}{key}{quote}{rest}".encode("utf-8", "surrogateescape")
