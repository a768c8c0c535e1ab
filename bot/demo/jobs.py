"""The jobs that the story's integration runs, and what came of each call."""

import json
from dataclasses import dataclass

CRITICAL_JOB = "work-order-sync"


@dataclass(frozen=True, slots=True)
class Job:
    """One recurring job of the service: the calls it makes in turn, and how often per second it makes one."""

    name: str
    rate_per_s: float
    calls: tuple[tuple[str, str], ...]
    """Method and path with its query, in turn; ``{since}`` becomes the time of fifteen minutes ago."""
    names_itself: bool = True
    """Sends ``X-MX-Job``; the critical job does not, so that its requests are known by method and path."""


JOBS = (
    Job(
        CRITICAL_JOB,
        0.4,
        (
            ("GET", "/workorders?updatedAt%5Bgte%5D={since}&sort=updatedAt&limit=50"),
            ("POST", "/workorders"),
            ("GET", "/workorders?statuses=OPEN&statuses=IN_PROGRESS&limit=50"),
        ),
        names_itself=False,
    ),
    Job(
        "asset-sync",
        0.4,
        (("GET", "/assets?limit=100"), ("GET", "/assets?updatedAt%5Bgte%5D={since}&limit=100")),
    ),
    Job("report-generator", 0.2, (("GET", "/parts?limit=100"), ("GET", "/purchaseorders?limit=100"))),
)
"""The runbook's jobs; the first is the one that must not stop."""


@dataclass(frozen=True, slots=True)
class Result:
    """One call that a job made: when, and the status or the network's words."""

    at: float
    job: str
    status: int | None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Answered with a 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP


def words_of(text: str) -> str:
    """The API's own words, or the beginning of whatever came."""
    try:
        body = json.loads(text)
    except ValueError:
        return text[:80]
    match body:
        case {"error": str() as words}:
            return words
        case {"errors": [{"error": str() as words}, *_]}:
            return words
        case _:
            return ""
