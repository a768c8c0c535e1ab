"""Finding the errors among log lines."""

from datetime import datetime, timedelta

import pytest

from bot.domain.readings import LogDetail, Status
from bot.errors import OutsideError
from bot.probes.logs import LogProbe, is_error
from tests.wound_clock import START, WoundClock


class Lines:
    """A log in memory, which notes since when it was asked."""

    name = "sync.log"

    def __init__(self, *lines: str, error: OutsideError | None = None) -> None:
        self.lines, self.error = lines, error
        self.since: datetime | None = None

    async def tail(self, *, since: datetime) -> tuple[str, ...]:
        self.since = since
        if self.error:
            raise self.error
        return self.lines


async def test_the_last_errors_of_ten_minutes() -> None:
    log = Lines("2026-11-23T12:00:00Z INFO all well", *(f"ERROR number {n}" for n in range(14)))
    reading = await LogProbe(source=log, clock=WoundClock()).read(samples=1)
    assert isinstance(reading.detail, LogDetail)
    assert (reading.status, reading.detail.errors, len(reading.detail.lines)) == (Status.OK, 14, 10)
    assert "14 error lines of the last 10 minutes" in reading.says
    assert "number 13" in reading.says
    assert log.since == START - timedelta(minutes=10)


async def test_a_log_without_times_is_said_to_be_one() -> None:
    reading = await LogProbe(source=Lines("all well", "ERROR x"), clock=WoundClock()).read(samples=1)
    assert "1 error line at the log's end (they carry no times)" in reading.says


async def test_no_log_and_one_that_cannot_be_read_are_unknown() -> None:
    refused = OutsideError(
        "reading the last errors from journald: permission denied; add mx to systemd-journal"
    )
    for source, words in ((None, "no log is configured"), (Lines(error=refused), "permission denied")):
        reading = await LogProbe(source=source, clock=WoundClock()).read(samples=1)
        assert reading.status is Status.UNKNOWN
        assert words in reading.says


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("2026-11-23T12:00:00Z ERROR [asset-sync] GET /assets -> 429", True),
        ('{"level":50,"msg":"request timed out"}', True),
        ('{"level":"error","msg":"x"}', True),
        ("TypeError: undefined is not a function", True),
        ("java.lang.IllegalStateException: boom", True),
        ("FATAL: JavaScript heap out of memory", True),
        ("ENOSPC: write", True),
        ("INFO synced 40 work orders, 0 errors", False),
        ('{"level":"info","errors":0}', False),
        ("INFO terror is not a word here, mirrored", False),
        ("", False),
    ],
)
def test_what_an_error_line_looks_like(line: str, error: bool) -> None:
    assert is_error(line) is error
