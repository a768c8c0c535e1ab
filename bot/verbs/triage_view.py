"""An assessment for the terminal and for machines: readable renderables, the contract's JSON, the exit code."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.readings import HttpDetail, Phase, Reading, Sample, ServiceDetail, Status

NOTHING_ASKED = 3
_ASKED = frozenset(("api", "versions", "service", "status_page"))
_WHOSE: Mapping[str, str] = {
    "maintainx": "MaintainX",
    "us": "us (the integration)",
    "key": "the API key",
    "network": "the network",
    "nobody": "nobody",
}
_COLOURS: Mapping[str, str] = {
    "ok": "green",
    "slow": "yellow",
    "failing": "red",
    "unknown": "dim",
    "SEV-1": "bold white on red",
    "SEV-2": "bold red",
    "SEV-3": "bold yellow",
    "SEV-4": "bold cyan",
}
_PHASES: tuple[tuple[Phase, str], ...] = (
    ("dns", "DNS"),
    ("connect", "connect"),
    ("tls", "TLS"),
    ("first_byte", "first byte"),
)


def as_json(found: Assessment) -> dict[str, JsonValue]:
    """The assessment in the shape that ``mx triage --json`` promises."""
    return {
        "integration": found.integration,
        "at": found.at.isoformat(),
        "severity": None if found.severity is None else found.severity.value,
        "verdict": found.verdict,
        "response_due": None if found.response_due is None else found.response_due.isoformat(),
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity.value,
                "symptom": finding.symptom,
                "cause": finding.cause,
                "check": finding.check,
                "evidence": list(finding.evidence),
                "playbooks": list(finding.playbooks),
            }
            for finding in found.findings
        ],
        "readings": [
            {
                "probe": reading.probe,
                "target": reading.target,
                "status": reading.status.value,
                "ms": reading.ms,
                "says": reading.says,
            }
            for reading in found.readings
        ],
        "blind_spots": list(found.blind_spots),
        "playbooks": list(found.playbooks),
    }


def exit_code(assessments: Sequence[Assessment]) -> int:
    """0 healthy, 10 and the severity's number (the worst counts), 3 where nothing could be asked."""
    severities = [found.severity for found in assessments if found.severity is not None]
    if severities:
        return 10 + min(severity.number for severity in severities)
    return NOTHING_ASKED if any(map(_nothing_asked, assessments)) else 0


def _nothing_asked(found: Assessment) -> bool:
    return all(r.status is Status.UNKNOWN for r in found.readings if r.probe in _ASKED)


def show(found: Assessment, *, zone: ZoneInfo, console: Console) -> None:
    """Print it; commands stay in one line, so that they can be copied."""
    for part in table(found, zone=zone):
        if isinstance(part, Text):
            console.print(part, soft_wrap=True)
        else:
            console.print(part)


def table(found: Assessment, *, zone: ZoneInfo) -> tuple[Text | Table, ...]:
    """What a person reads: how bad and whose, each finding with what to do, every answer, the blind spots."""
    return (
        *_headline(found, zone=zone),
        *(line for number, finding in enumerate(found.findings, 1) for line in _finding(number, finding)),
        Text(),
        _answers(found.readings),
        Text(),
        _times(found.readings),
        *_blind_spots(found),
    )


def _headline(found: Assessment, *, zone: ZoneInfo) -> Iterator[Text]:
    at = _local(found.at, zone)
    if found.severity is None:
        nothing = _nothing_asked(found)
        word = "nothing could be asked" if nothing else "healthy"
        yield Text.assemble(
            (found.integration, "bold"), ": ", (word, "bold yellow" if nothing else "bold green"), f" at {at}"
        )
        return
    severity = Text(f" {found.severity} ", style=_COLOURS[found.severity])
    yield Text.assemble(
        (found.integration, "bold"), ": ", severity, f" at {at}; at fault: ", (_WHOSE[found.verdict], "bold")
    )
    if found.response_due is not None:
        yield Text(f"Answer due {_within(found.severity)}: by {_local(found.response_due, zone)}")


def _within(severity: Severity) -> str:
    return {1: "in 15 minutes", 2: "in 1 hour", 3: "in 4 hours", 4: "on the next business day"}[
        severity.number
    ]


def _finding(number: int, finding: Finding) -> Iterator[Text]:
    yield Text()
    yield Text.assemble(
        (f"{number}. ", "bold"),
        (finding.severity.value, _COLOURS[finding.severity]),
        " ",
        (finding.symptom, "bold"),
    )
    yield Text.assemble("   likely cause: ", finding.cause)
    yield Text.assemble(("   do now:       ", "bold"), finding.check)
    for index, line in enumerate(finding.evidence):
        yield Text.assemble("   evidence:     " if index == 0 else " " * 17, line)
    if finding.playbooks:
        commands = ", ".join(f"mx run {name}" for name in finding.playbooks)
        yield Text.assemble("   fits:         ", (commands, "bold green"))


def _answers(readings: Sequence[Reading]) -> Table:
    """Every question with its answer; the answer gets the width, since it holds the sentence to act on."""
    grid = _grid("asked", "status", "answer")
    for reading in readings:
        status = Text(reading.status.value, style=_COLOURS[reading.status.value])
        grid.add_row(Text(reading.target), status, Text(reading.says))
    return grid


def _times(readings: Sequence[Reading]) -> Table:
    """Where the time of each first try went, in milliseconds."""
    grid = _grid("where the time went", *(title for _, title in _PHASES), "total ms")
    for column in grid.columns[1:]:
        column.justify = "right"
    for reading in readings:
        sample = _first_sample(reading)
        if sample is not None:
            total = "" if sample.timing.total is None else f"{sample.timing.total:.0f}"
            grid.add_row(
                Text(reading.target), *(Text(_time(sample, phase)) for phase, _ in _PHASES), Text(total)
            )
    return grid


def _grid(*titles: str) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in titles:
        grid.add_column(title, no_wrap=title != "answer", overflow="fold")
    return grid


def _first_sample(reading: Reading) -> Sample | None:
    """The first try, which went over a fresh connection and so has every phase."""
    match reading.detail:
        case HttpDetail(samples=samples):
            return samples[0] if samples else None
        case ServiceDetail(sample=sample):
            return sample
        case _:
            return None


def _time(sample: Sample | None, phase: Phase) -> str:
    if sample is None:
        return ""
    if sample.failed_phase == phase:
        return "timed out" if sample.timed_out else "broke off"
    timing = sample.timing
    parts: Mapping[Phase, float | None] = {
        "dns": timing.dns,
        "connect": timing.connect,
        "tls": timing.tls,
        "first_byte": timing.first_byte,
    }
    took = parts[phase]
    return "" if took is None else f"{took:.0f}"


def _blind_spots(found: Assessment) -> Iterator[Text]:
    if found.blind_spots:
        yield Text()
        yield Text("What this triage could not see:", style="dim")
        for spot in found.blind_spots:
            yield Text(f" - {spot}", style="dim")


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
