"""The times of log lines."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.loglines import since, written_at

NEAR = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2026-11-23T12:00:01.250Z ERROR x", datetime(2026, 11, 23, 12, 0, 1, 250_000, UTC)),
        ("[2026-11-23 13:00:01,5 +01:00] x", datetime(2026, 11, 23, 12, 0, 1, 500_000, UTC)),
        ("2026-11-23T13:00:01+0100 host unit[1]: x", datetime(2026, 11, 23, 12, 0, 1, 0, UTC)),
        ('{"level":50,"time":1795435201000,"msg":"x"}', datetime(2026, 11, 23, 12, 0, 1, 0, UTC)),
        ('{"ts":1795435201.5}', datetime(2026, 11, 23, 12, 0, 1, 500_000, UTC)),
        (
            '::1 - - [23/Nov/2026:13:00:01 +0100] "GET / HTTP/1.1" 500',
            datetime(2026, 11, 23, 12, 0, 1, 0, UTC),
        ),
        ("no time at all", None),
        ("2026-13-45T99:00:00Z odd", None),
        ("", None),
    ],
)
def test_the_usual_formats(line: str, at: datetime | None) -> None:
    assert written_at(line, near=NEAR) == at


def test_a_time_without_a_zone_is_this_machine_s() -> None:
    local = NEAR.astimezone()
    assert written_at(f"{local:%Y-%m-%d %H:%M:%S} x", near=NEAR) == NEAR
    assert written_at(f"{local:%b %d %H:%M:%S} host unit: x", near=NEAR) == NEAR


def test_a_syslog_line_of_december_read_in_january_is_of_last_year() -> None:
    january = datetime(2027, 1, 1, 0, 5, tzinfo=UTC).astimezone()
    line = f"{january - timedelta(days=1):%b %d %H:%M:%S} host x"
    assert written_at(line, near=january) == january - timedelta(days=1)


def test_lines_since_a_moment_with_their_stack_traces() -> None:
    lines = [
        "2026-11-23T11:00:00Z ERROR old",
        "  at old.js:1",
        "2026-11-23T12:30:00Z ERROR new",
        "  at new.js:1",
    ]
    assert since(lines, NEAR) == ((lines[2], lines[3]), True)
    assert since(["a", "b"], NEAR) == (("a", "b"), False)
    assert since([], NEAR) == ((), False)
