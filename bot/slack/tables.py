"""Readings as a fixed-width table that a phone shows without breaking its lines."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.domain.readings import HttpDetail, Reading, Sample, Status
from bot.slack.limits import PHONE, plain

_WORDS = {Status.OK: "ok", Status.SLOW: "slow", Status.FAILING: "FAIL", Status.UNKNOWN: "?"}
_TELLING = {"key", "logs", "traffic", "sync"}
"""What could be read and tells something, which need not be good: ``ok`` would say that it is."""
_READ = "read"
_WORST_FIRST = (Status.FAILING, Status.SLOW, Status.UNKNOWN, Status.OK)
_MARK = 5
_TARGET = 15
_ROWS = 30


def readings(found: Sequence[Reading]) -> str:
    """One line each, the worst first: how it went, what was asked, the number or the words."""
    rows = sorted(found, key=lambda reading: _WORST_FIRST.index(reading.status))
    width = min(_TARGET, max((len(reading.target) for reading in rows), default=0)) + 1
    lines = [_line(reading, width) for reading in rows[:_ROWS]]
    if len(rows) > _ROWS:
        lines.append(f"and {len(rows) - _ROWS} more")
    return "\n".join(lines)


def _line(reading: Reading, width: int) -> str:
    target = plain(reading.target, width - 1)
    room = PHONE - _MARK - width
    return f"{_word(reading):<{_MARK}}{target:<{width}}{plain(_note(reading), room)}"


def _word(reading: Reading) -> str:
    return _READ if reading.status is Status.OK and reading.probe in _TELLING else _WORDS[reading.status]


def _note(reading: Reading) -> str:
    if isinstance(reading.detail, HttpDetail) and reading.detail.samples:
        return ", ".join(_http(reading, reading.detail)) or reading.says
    return reading.says


def _http(reading: Reading, detail: HttpDetail) -> Iterator[str]:
    outcomes = Counter(_outcome(sample) for sample in detail.samples)
    good = sum(count for what, count in outcomes.items() if what == "200")
    if good < len(detail.samples):
        yield from (f"{count}x {what}" for what, count in outcomes.most_common())
    if reading.ms is not None:
        yield f"{reading.ms:.0f} ms"


def _outcome(sample: Sample) -> str:
    if sample.code is not None:
        return str(sample.code)
    phase = (sample.failed_phase or "request").replace("_", " ")
    return f"{phase} timed out" if sample.timed_out else f"{phase} failed"
