"""Where the integration's log is: a file, a journald unit, or any command. Each reads the end of it, bounded."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.integration import LogSpec
from bot.domain.loglines import since as lines_since
from bot.domain.loglines import written_at
from bot.errors import OutsideError
from bot.ports import LogSource

_FIRST_BITE = 256 * 1024
_MOST = 4 * 1024 * 1024
_LAST_LINES = 200
"""How many lines are read where they carry no time."""
_COMMAND_S = 8.0
_SEEN = 200


def source_for(spec: LogSpec | None) -> LogSource | None:
    """The log that the configuration names, None where it names none."""
    if spec is None:
        return None
    match spec.kind:
        case "file":
            return FileLog(Path(spec.argument[0]))
        case "journald":
            return JournaldLog(spec.argument[0])
        case "command":
            return CommandLog(spec.argument)


@dataclass(frozen=True, slots=True)
class FileLog:
    """A log file, read from its end: as far back as the time asked for, at most 4 MiB."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    async def tail(self, *, since: datetime) -> tuple[str, ...]:
        try:
            return await asyncio.to_thread(self._read, since)
        except OSError as problem:
            why = problem.strerror or type(problem).__name__
            raise OutsideError(
                f"reading the last errors from {self.path}: {why.lower()}; "
                "let log_file in mx.toml name a file that mx may read"
            ) from None

    def _read(self, since: datetime) -> tuple[str, ...]:
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            bite = _FIRST_BITE
            while True:
                start = max(0, size - bite)
                file.seek(start)
                lines = _lines(file.read(size - start))
                lines = lines[1:] if start else lines  # the first one may be cut
                if start == 0 or bite >= _MOST or _reaches(lines, since):
                    return _recent(lines, since)
                bite *= 4


@dataclass(frozen=True, slots=True)
class JournaldLog:
    """One unit's journal, as ``journalctl`` shows it."""

    unit: str
    program: str = "journalctl"

    @property
    def name(self) -> str:
        return f"journald unit {self.unit}"

    async def tail(self, *, since: datetime) -> tuple[str, ...]:
        argv = (
            self.program,
            f"--unit={self.unit}",
            f"--since=@{int(since.timestamp())}",
            "--no-pager",
            "--quiet",
            "--output=short-iso",
            "--lines=2000",
        )
        out = await _run(argv, reading=f"journald (unit {self.unit})", fix=_journald_fix)
        return tuple(_lines(out))


@dataclass(frozen=True, slots=True)
class CommandLog:
    """Any command that prints the log; ``{since}`` in its arguments becomes the time asked for, in ISO 8601."""

    argv: tuple[str, ...]
    limit_s: float = _COMMAND_S

    @property
    def name(self) -> str:
        return " ".join(self.argv)

    async def tail(self, *, since: datetime) -> tuple[str, ...]:
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        argv = tuple(part.replace("{since}", moment) for part in self.argv)
        out = await _run(argv, reading=f"`{self.name}`", fix=_command_fix, limit_s=self.limit_s)
        return _recent(_lines(out), since)


def _journald_fix(said: str) -> str:
    if "permission" in said.lower() or "privilege" in said.lower():
        return "permission denied; add mx's user to the group systemd-journal"
    return f"{said}; try `journalctl --unit UNIT` by hand as mx's user"


def _command_fix(said: str) -> str:
    return f"{said}; try the command by hand as mx's user, or change log_command in mx.toml"


def _lines(raw: bytes) -> list[str]:
    return raw.decode("utf-8", errors="replace").splitlines()


def _reaches(lines: Sequence[str], moment: datetime) -> bool:
    """The oldest time in these lines lies before the moment; lines without any time reach far enough."""
    first = next((at for line in lines if (at := written_at(line, near=moment)) is not None), None)
    return first is None or first < moment


def _recent(lines: Sequence[str], moment: datetime) -> tuple[str, ...]:
    """The lines since the moment; the last 200 where none carries a time."""
    kept, timed = lines_since(lines, moment)
    return kept if timed else kept[-_LAST_LINES:]


async def _run(
    argv: Sequence[str], *, reading: str, fix: Callable[[str], str], limit_s: float = _COMMAND_S
) -> bytes:
    """The last 4 MiB that the command printed. Raises OutsideError with what it said instead."""
    doing = f"reading the last errors from {reading}"
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # so that what it starts can be ended with it
        )
    except FileNotFoundError:
        raise OutsideError(
            f"{doing}: {argv[0]} is not on this machine; set log_file or log_command in mx.toml"
        ) from None
    except OSError as problem:
        why = (problem.strerror or type(problem).__name__).lower()
        raise OutsideError(f"{doing}: {why}; may mx's user run {argv[0]}?") from None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(limit_s), asyncio.TaskGroup() as group:
            out = group.create_task(_end_of(process.stdout))
            said = group.create_task(_end_of(process.stderr))
            code = await process.wait()
    except TimeoutError:
        raise OutsideError(
            f"{doing}: not done after {limit_s:g} s and ended; let it print fewer lines"
        ) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    words = " ".join(_lines(said.result())[-3:])[:_SEEN]
    nothing_found = code == 1 and not out.result() and not words  # grep's way of saying so
    if code != 0 and not nothing_found:
        raise OutsideError(f"{doing}: {fix(words or f'it ended with exit code {code}')}")
    return out.result() or said.result()  # `docker logs` prints a container's errors as its own


async def _end_of(stream: asyncio.StreamReader) -> bytes:
    """Read to the end, keeping the last 4 MiB."""
    kept = bytearray()
    while chunk := await stream.read(65_536):
        kept += chunk
        if len(kept) > 2 * _MOST:
            del kept[:-_MOST]
    return bytes(kept[-_MOST:])
