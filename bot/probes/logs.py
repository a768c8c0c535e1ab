"""Look for the last errors in the integration's log."""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.loglines import since
from bot.domain.readings import LogDetail, Reading, Status
from bot.errors import OutsideError
from bot.ports import Clock, LogSource
from bot.probes.words import count

_WINDOW = timedelta(minutes=10)
_SHOWN = 10
_LINE = 300
_ERROR = re.compile(
    r"""(?ix) \b(?: error | fatal | critical | panic | emerg(?:ency)? | uncaught | unhandled | traceback
        | out\ of\ memory | oom(?:-?kill(?:er|ed)?)? | enospc | no\ space\ left | segfault | core\ dumped )\b
        | (?-i: \b\w*(?:Error|Exception)\b )
        | "level"\s*:\s*(?:50|60)\b"""
)
_NOT_AN_ERROR = re.compile(r"(?i)\b(?:0|no) errors?\b|\berrors?[\"']?\s*[:=]\s*[\"']?(?:0|null|none|false)\b")


@dataclass(frozen=True, slots=True)
class LogProbe:
    """The error lines of the last ten minutes, the last ten of them kept."""

    source: LogSource | None
    clock: Clock
    deadline_s: float = 10.0

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - one look
        if self.source is None:
            says = "no log is configured: set log_file, log_unit or log_command in mx.toml"
            return _reading(Status.UNKNOWN, says, None)
        try:
            async with asyncio.timeout(self.deadline_s):
                lines = await self.source.tail(since=self.clock.now() - _WINDOW)
        except TimeoutError:
            says = f"reading {self.source.name} took longer than {self.deadline_s:.3g} s: look at it by hand"
            return _reading(Status.UNKNOWN, says, None)
        except OutsideError as problem:
            return _reading(Status.UNKNOWN, str(problem), None)
        return self._found(lines)

    def _found(self, lines: tuple[str, ...]) -> Reading:
        name = "" if self.source is None else self.source.name
        errors = [line for line in lines if is_error(line)]
        kept = tuple(line.strip()[:_LINE] for line in errors[-_SHOWN:])
        detail = LogDetail(source=name, errors=len(errors), lines=kept)
        _, timed = since(lines, self.clock.now() - _WINDOW)
        of = "of the last 10 minutes" if timed or not lines else "at the log's end (they carry no times)"
        if not lines:
            says = "the log holds no line of the last 10 minutes; is it the right one?"
        elif not errors:
            says = f"no error among the {count(len(lines), 'line')} {of}"
        else:
            says = f"{count(len(errors), 'error line')} {of}; the last: {kept[-1][:160]}"
        return _reading(Status.OK, says, detail)


def is_error(line: str) -> bool:
    """The line tells of an error, in the words of the usual log formats."""
    return _ERROR.search(_NOT_AN_ERROR.sub("", line)) is not None


def _reading(status: Status, says: str, detail: LogDetail | None) -> Reading:
    return Reading(probe="logs", target="log", status=status, says=says, detail=detail)
