"""A proof of recovery for the terminal and for machines: its lines, the contract's JSON, the exit code."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from bot.domain.proof import headline, shown
from bot.domain.watching import Proof, RecoveryLine, verdict_of

CODES: Mapping[Proof, int] = {"proved": 0, "not_proved": 1, "no_traffic": 4}
"""The exit code of each verdict."""


def as_text(integration: str, lines: tuple[RecoveryLine, ...]) -> str:
    """The verdict, and each line with its evidence."""
    return "\n".join([f"{integration}: {headline(lines)}", *as_lines(lines)])


def as_lines(lines: tuple[RecoveryLine, ...]) -> list[str]:
    """Each line with its evidence."""
    return [f"  {shown(one)}" for one in lines]


def as_json(
    integration: str, incident: str | None, lines: tuple[RecoveryLine, ...], *, at: datetime
) -> dict[str, JsonValue]:
    """The shape that ``mx verify --json`` promises."""
    return {
        "integration": integration,
        "incident": incident,
        "at": at.isoformat(),
        "verdict": verdict_of(lines),
        "says": headline(lines),
        "lines": [{"name": one.name, "state": one.state, "says": one.says} for one in lines],
    }
