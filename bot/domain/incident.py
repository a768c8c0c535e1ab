"""What is known of one incident: the state that ``bot.domain.fold`` makes of its facts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from bot.domain.assessment import Assessment, Severity
from bot.domain.change import Change
from bot.domain.events import Event
from bot.domain.gap import ClosedGap, Gap, GapEnd
from bot.domain.mitigation import Lease
from bot.domain.notebook_state import Notebook
from bot.domain.oncall_state import OnCall
from bot.domain.order import Order
from bot.domain.run import Run
from bot.domain.seen import Seen
from bot.domain.showing import DeliveryFailed, ReportPosted
from bot.domain.watching import RecoveryChecked, WatchMoved


class AssessedAt(NamedTuple):
    """An assessment and when it was made."""

    at: datetime
    assessment: Assessment


class Note(NamedTuple):
    """A person's words; ``version`` is what ``redact`` takes."""

    version: int
    at: datetime
    actor: str
    text: str


class Override(NamedTuple):
    """A severity that a person set, and why."""

    severity: Severity
    reason: str
    actor: str


class Checked(NamedTuple):
    """When it was last looked at whether recovery is proved, and what came out."""

    at: datetime
    fact: RecoveryChecked


class Card(NamedTuple):
    """Where the incident's card stands in Slack."""

    channel: str
    message: str


@dataclass(frozen=True, kw_only=True)  # no slots: ``changed`` copies the dict
class Incident:
    """What is known of one incident now."""

    id: str
    integration: str
    version: int
    state: Literal["open", "resolved"] = "open"
    channel: str | None
    opened_at: datetime
    opened_by: str
    requested_at: datetime | None
    requested_by: str | None
    found_by: Literal["person", "monitor"] = "person"
    failing_since: datetime | None = None
    """When the first bad round was, where the monitor found it."""
    drill: bool = False
    oncall: OnCall
    """Its pages, response clocks and quiet."""
    watch: WatchMoved | None = None
    """The latest that the monitor told here: that mx itself was not online, or is again."""
    watch_at: datetime | None = None
    """When that was written down."""
    recovery: Checked | None = None
    """The latest look whether recovery is proved; None since it was reopened."""
    changes: tuple[Change, ...] = ()
    """What was changed at MaintainX, oldest first."""
    assessments: tuple[AssessedAt, ...] = ()
    """Oldest first; all but the latest are kept without their readings, which stay in the timeline."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """How each collection answered mx, over all assessments."""
    worst: Severity | None = None
    """The worst that was assessed since it was opened."""
    override: Override | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    notes: tuple[Note, ...] = ()
    runs: tuple[Run, ...] = ()
    leases: tuple[Lease, ...] = ()
    """What is switched on now."""
    reminded: frozenset[tuple[str, datetime]] = frozenset()
    """Leases (with their end) whose owners were told that they end soon."""
    gaps: tuple[Gap, ...] = ()
    """Windows in which data may have been missed, and that nothing has closed yet."""
    gap_ends: tuple[GapEnd, ...] = ()
    """What each look for a gap's data came to, oldest first."""
    closed_gaps: tuple[ClosedGap, ...] = ()
    """What is no gap any longer, and why, oldest first."""
    orders: tuple[Order, ...] = ()
    """What was asked of the gateway's buffer, oldest first."""
    card: Card | None = None
    delivery_failed: DeliveryFailed | None = None
    """The latest thing that could not be shown, until a card or report could."""
    triages_pending: tuple[Event, ...] = ()
    verifies_pending: tuple[Event, ...] = ()
    reports_pending: tuple[Event, ...] = ()
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolved_reason: str = ""
    accepted: tuple[str, ...] = ()
    """What was still open when it was resolved, taken in somebody's name."""
    notebook: Notebook = field(default_factory=Notebook)
    """What people put on its timeline: kept messages, action items, hand-overs."""
    report: ReportPosted | None = None
    """The latest report that was posted."""
    redacted: frozenset[int] = frozenset()
    """Versions whose text is hidden."""

    @property
    def open(self) -> bool:
        """Not resolved, or reopened since."""
        return self.state == "open"

    @property
    def assessment(self) -> Assessment | None:
        """The latest assessment, whole."""
        return self.assessments[-1].assessment if self.assessments else None

    @property
    def severity(self) -> Severity | None:
        """A person's override if there is one, else the worst that was assessed; it is never lowered alone."""
        return self.worst if self.override is None else self.override.severity

    @property
    def proposed(self) -> Severity | None:
        """What the latest assessment says where that is not the severity: for a person to set."""
        latest = self.assessment.severity if self.assessment else None
        return latest if latest != self.severity else None

    @property
    def healthy_now(self) -> bool:
        """The latest assessment found nothing."""
        return self.assessment is not None and self.assessment.healthy

    @property
    def live_runs(self) -> tuple[Run, ...]:
        """Runs that are not over."""
        return tuple(run for run in self.runs if run.live)

    def run(self, run: str) -> Run | None:
        """The run with this id."""
        return next((known for known in self.runs if known.id == run), None)
