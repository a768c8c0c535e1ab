"""The words of a diagnosis: severity, verdict, finding, assessment."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.domain.readings import Frozen, Reading

Verdict = Literal["maintainx", "us", "key", "network", "nobody"]


class Severity(StrEnum):
    """How bad it is; SEV-1 is the worst. ``number`` is what people type."""

    SEV1 = "SEV-1"
    SEV2 = "SEV-2"
    SEV3 = "SEV-3"
    SEV4 = "SEV-4"

    @property
    def number(self) -> int:
        """1 (worst) to 4."""
        return int(self.value[-1])

    def worse_than(self, other: "Severity | None") -> bool:
        """True where this one is the graver; anything is worse than no severity."""
        return other is None or self.number < other.number


class Finding(Frozen):
    """What one rule concludes: the symptom, its likely cause, and the check that confirms it."""

    rule: str
    severity: Severity
    verdict: Verdict
    symptom: str
    cause: str
    check: str
    evidence: tuple[str, ...]
    playbooks: tuple[str, ...] = ()


class Assessment(Frozen):
    """All findings of one triage, worst first, and what could not be asked."""

    integration: str
    at: datetime
    severity: Severity | None
    verdict: Verdict
    response_due: datetime | None
    findings: tuple[Finding, ...]
    readings: tuple[Reading, ...]
    blind_spots: tuple[str, ...]
    playbooks: tuple[str, ...]
    """Names of the playbooks that fit, the best first, each once."""
    answered: tuple[str, ...] = ()
    """Collections with at least one good answer; these outlive the readings in the fold."""
    unanswered: tuple[str, ...] = ()
    """Collections without any good answer."""
    limited: tuple[str, ...] = ()
    """Collections without any good answer for the rate limit alone."""

    @property
    def healthy(self) -> bool:
        """No finding: nothing to open an incident for."""
        return not self.findings
