"""The key handed to a command of the team's own: the operation is its last argument, the key its standard input.

The command is called with ``add`` (the key on standard input; its first line of output is the version's name),
``take V``, ``taken V`` (exit code 0: yes, 1: no), ``disable V``, ``enable V``, ``back V`` and ``current`` (the
version in use). Exit code 0 is done, 3 means that it does not know this operation, any other that it was not done.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from pydantic import JsonValue, SecretStr

from bot.errors import OutsideError
from bot.steps.keystore import changed_since, hidden, known

LIMIT_S = 120.0
"""The longest that one call of the command may take."""
KILL_AFTER_S = 3.0
UNKNOWN = 3
"""The exit code of a command that has no such operation."""
_MOST_OUTPUT = 65536
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True)
class _Ended:
    code: int
    line: str
    """The first line of standard output."""
    complaint: str
    """The last line of standard error."""


class KeyCommand:
    """Implements ``SecretStore`` by a command; nothing of the key is in its arguments or its environment."""

    restarts = False

    def __init__(self, argument: tuple[str, ...], *, limit_s: float = LIMIT_S) -> None:
        self._argument = argument
        self._limit_s = limit_s

    @property
    def name(self) -> str:
        return f"the command {self._argument[0]}"

    @property
    def adds(self) -> str:
        return f"hand the new key to {self._argument[0]} on its standard input"

    @property
    def takes(self) -> str:
        return f"run {self._argument[0]} take, so that the service takes it"

    @property
    def retires(self) -> str | None:
        return f"run {self._argument[0]} disable with the old version"

    async def before(self) -> dict[str, JsonValue]:
        ended = await self._run("current")
        if ended.code not in (0, UNKNOWN):
            self._refused(ended, "asking for the version in use")
        return {
            "version": ended.line if ended.code == 0 and _VERSION.fullmatch(ended.line) else "",
            "latest": "",
        }

    async def add(self, key: SecretStr) -> str:
        ended = await self._run("add", given=key)
        if ended.code:
            self._refused(ended, "adding the new key")
        if not _VERSION.fullmatch(ended.line):
            raise OutsideError(
                f"{self.name}: adding the new key: its first line of output is no name of a version; let it print "
                "one of letters, digits, dots, colons and dashes",
                permanent=True,
            )
        return ended.line

    async def take(self, version: str) -> str:
        return await self._done("take", version, f"letting the service take version {version}")

    async def taken(self, version: str) -> bool | None:
        ended = await self._run("taken", _checked(version))
        match ended.code:
            case 0:
                return True
            case 1:
                return False
            case code if code == UNKNOWN:
                return None
            case _:
                return self._refused(ended, f"asking whether the service takes version {version}")

    async def latest(self) -> tuple[str, SecretStr] | None:
        return None

    async def disable(self, version: str) -> str:
        return await self._done("disable", version, f"disabling version {version}")

    async def enable(self, version: str) -> str:
        return await self._done("enable", version, f"enabling version {version}")

    async def back(self, before: Mapping[str, JsonValue]) -> str:
        version, ours = known(before, "version"), known(before, "takes")
        if not version:
            raise OutsideError(
                f"{self.name}: it does not tell which version was in use before (operation current), so mx cannot "
                "go back; let the service take the old key by hand",
                permanent=True,
            )
        now = known(await self.before(), "version")
        if now == version:
            return f"{self.name}: version {version} is in use already"
        if now != ours:
            raise changed_since("the key in use", ours=ours, now=now or "a version that it does not tell")
        return await self._done("back", version, f"going back to version {version}")

    async def _done(self, operation: str, version: str, doing: str) -> str:
        ended = await self._run(operation, _checked(version))
        if ended.code:
            self._refused(ended, doing)
        return f"{self.name}: {operation} {version} is done" + (f": {ended.line}" if ended.line else "")

    def _refused(self, ended: _Ended, doing: str) -> NoReturn:
        says = ended.complaint or ended.line or "it said nothing"
        end = f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
        raise OutsideError(f"{self.name}: {doing}: {end}: {says}; look at what it does", permanent=True)

    async def _run(self, *operation: str, given: SecretStr | None = None) -> _Ended:
        secret = given.get_secret_value() if given is not None else ""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argument,
                *operation,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise OutsideError(
                f"{self.name}: it cannot be started: {error.strerror}; look at key_command",
                permanent=True,
            ) from None
        ended = False
        try:
            async with asyncio.timeout(self._limit_s):
                out, err = await _talk(process, secret.encode())
            ended = True
        except TimeoutError:
            raise OutsideError(
                f"{self.name}: {operation[0]}: not done within {self._limit_s:g} s, and stopped; look at what it "
                "waits for"
            ) from None
        finally:
            if not ended:
                await _end(process)
        code = process.returncode if process.returncode is not None else -signal.SIGKILL
        lines = out.strip().splitlines() or [""]
        complaints = err.strip().splitlines() or [""]
        return _Ended(
            code, hidden(lines[0].strip(), secret)[:200], hidden(complaints[-1].strip(), secret)[:200]
        )


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> tuple[str, str]:
    """Write the key, read both outputs up to their limit (the rest is read and dropped), wait for the end."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as group:
        out = group.create_task(_some(process.stdout))
        err = group.create_task(_some(process.stderr))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may not read it at all
            process.stdin.write(given)
            await process.stdin.drain()
        process.stdin.close()
        await process.wait()
    return out.result(), err.result()


async def _some(stream: asyncio.StreamReader) -> str:
    found = bytearray()
    while part := await stream.read(8192):
        if len(found) < _MOST_OUTPUT:
            found += part
    return bytes(found[:_MOST_OUTPUT]).decode("utf-8", "replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the command and whatever it started: asked first, then killed."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(KILL_AFTER_S):
            await process.wait()
    _signal(process, signal.SIGKILL)  # the whole group, also where its first process is gone
    await process.wait()


def _signal(process: asyncio.subprocess.Process, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)


def _checked(version: str) -> str:
    """A version's name as it may stand in an argument list: never something that reads as an option."""
    if not _VERSION.fullmatch(version):
        raise OutsideError(
            f"{version!r:.60} is no name of a version; hand the new key over again", permanent=True
        )
    return version
