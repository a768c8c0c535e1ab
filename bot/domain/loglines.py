"""The times that log lines carry, in the formats that are usual: which lines were written since a moment."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?",
)
_WEB = re.compile(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_EPOCH = re.compile(r'"(?:time|ts|timestamp)"\s*:\s*"?(\d{10}(?:\.\d+)?|\d{13})\b')
_SYSLOG = re.compile(r"^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ")
_HEAD = 300
_MILLISECONDS = 1e11
_AHEAD = timedelta(days=1)


def written_at(line: str, *, near: datetime) -> datetime | None:
    """When the line says it was written, in UTC; a time without a zone is this machine's.

    ``near`` gives the year to formats that have none.
    """
    head = line[:_HEAD]
    try:
        if found := _ISO.search(head):
            return _iso(*found.groups())
        if found := _EPOCH.search(head):
            value = float(found[1])
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
        if found := _WEB.search(head):
            return datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        if found := _SYSLOG.search(head):
            return _syslog(found[1], near=near)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def since(lines: Sequence[str], moment: datetime) -> tuple[tuple[str, ...], bool]:
    """The lines from the first one that was written after the moment; False where no line carries a time.

    A line without a time (the rest of a stack trace) belongs to the one before it.
    """
    timed, keep = False, False
    kept: list[str] = []
    for line in lines:
        at = written_at(line, near=moment)
        if at is not None:
            timed, keep = True, at >= moment
        if keep:
            kept.append(line)
    return (tuple(kept), True) if timed else (tuple(lines), False)


def _iso(day: str, clock: str, part: str | None, zone: str | None) -> datetime:
    micro = f".{part[:6].ljust(6, '0')}" if part else ""
    found = datetime.fromisoformat(f"{day}T{clock}{micro}{zone or ''}")
    return found.astimezone(UTC)  # one without a zone is taken as this machine's


def _syslog(text: str, *, near: datetime) -> datetime:
    local = near.astimezone()
    found = datetime.strptime(f"{local.year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=local.tzinfo)
    return (found if found <= local + _AHEAD else found.replace(year=found.year - 1)).astimezone(UTC)
