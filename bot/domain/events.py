"""The facts of a timeline, in the past tense, and the envelope each one travels in.

A fact lives for ever: never rename a kind, never change what a field means; a new field has a default, a
changed idea is a new fact. ``FACTS`` is the explicit list of all of them.

Two kinds of stream hold facts: an incident's (``mx-20261123-7f3a``) and an integration's desk
(``integration/default``), where requests live that belong to no incident yet.
"""

from datetime import datetime
from typing import Literal, get_args

from pydantic import JsonValue, SkipValidation

from bot.domain.assessment import Assessment, Severity
from bot.domain.drilling import AnyDrill
from bot.domain.fact import Address, Fact
from bot.domain.gap import Gap, GapEnd
from bot.domain.mitigation import Lease, Mode, Plan
from bot.domain.notebook import AnyNotebook
from bot.domain.oncall import AnyOnCall
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided
from bot.domain.readings import Frozen
from bot.domain.showing import AnyShowing
from bot.domain.steering import AnySteering
from bot.domain.watching import AnyWatching


class TriageRequested(Fact):
    """Somebody asked for a triage; the triage follower answers it once."""

    kind = "triage_requested"
    request: str
    integration: str
    samples: int = 3
    address: Address = Address()


class TriageFinished(Fact):
    """A triage request was answered: what came out, and the incident it opened or fed, if any."""

    kind = "triage_finished"
    request: str
    severity: Severity | None
    verdict: str
    incident: str | None
    says: str
    address: Address = Address()


class IncidentOpened(Fact):
    """An integration is in trouble; from here on the facts belong to this incident."""

    kind = "incident_opened"
    integration: str
    request: str | None = None
    requested_by: str | None = None
    requested_at: datetime | None = None  # when its triage was asked for: the report's "Triage started"
    channel: str | None = None
    found_by: Literal["person", "monitor"] = "person"
    failing_since: datetime | None = None  # when the monitor's first bad round was
    drill: bool = False  # made up to train with: never paged, left out of the statistics


class Assessed(Fact):
    """A triage's whole assessment. It raises the severity; it only proposes lowering it."""

    kind = "assessed"
    request: str | None = None
    assessment: Assessment


class Acknowledged(Fact):
    """The actor has it."""

    kind = "acknowledged"
    alert: str | None = None  # where it was said in a pager: that pager's own id of the alert


class SeveritySet(Fact):
    """A person's override, which stands until a person changes it."""

    kind = "severity_set"
    severity: Severity
    reason: str


class NoteAdded(Fact):
    """A person's words for the timeline."""

    kind = "note_added"
    text: str


class RunRequested(Fact):
    """Somebody confirmed a plan; the runner carries it out, one step at a time.

    ``fingerprint`` is of the plan that the person saw; None where none was shown (a terminal without ``--plan``).
    """

    kind = "run_requested"
    run: str
    playbook: str
    mode: Mode = "apply"
    undoes: str | None = None
    """The run that is taken back, in ``undo`` mode; whose leases are lengthened, in ``extend`` mode."""
    fingerprint: str | None = None
    address: Address = Address()
    params: dict[str, JsonValue] = {}
    ticket: str | None = None
    """Under which name a new key was handed over; never the key."""
    second_person: bool = False


class RunPlanned(Fact):
    """The runner took the request up; these steps with these values are what will be done."""

    kind = "run_planned"
    run: str
    plan: Plan


class StepStarted(Fact):
    """The runner is about to act: written before, with the state that was found."""

    kind = "step_started"
    run: str
    index: int
    epoch: int
    """The leader's term; a leader that lost its lock cannot write this."""
    before: dict[str, JsonValue] = {}


class StepFinished(Fact):
    """How a step ended; ``interrupted`` is what nobody can know and a person decides."""

    kind = "step_finished"
    run: str
    index: int
    outcome: Literal["done", "failed", "interrupted", "inconclusive"]
    says: str
    evidence: tuple[str, ...] = ()
    started: Lease | None = None
    """The lease that is on from here."""
    ended: str | None = None
    """The id of the lease that is off from here."""
    noted: tuple[Gap, ...] = ()
    """Gaps that are open from here."""
    settled: tuple[GapEnd, ...] = ()
    """What the look for gaps' data came to."""


class RunFinished(Fact):
    """A run is over, and whether all of it was done."""

    kind = "run_finished"
    run: str
    outcome: Literal["done", "failed", "interrupted", "inconclusive", "refused"]
    says: str


class LeaseEnded(Fact):
    """The gateway ended a lease by itself or by somebody's hand: news from its event feed."""

    kind = "lease_ended"
    lease: str
    cause: Literal["expired", "deleted", "replaced"]
    says: str


class GatewayReported(Fact):
    """Another change at the gateway that mx did not ask for, from its event feed."""

    kind = "gateway_reported"
    what: str
    says: str


class Resolved(Fact):
    """It is over. ``accepted`` lists what was still open and taken in somebody's name."""

    kind = "resolved"
    reason: str = ""
    accepted: tuple[str, ...] = ()


class Reopened(Fact):
    """It was not over."""

    kind = "reopened"
    reason: str


class Redacted(Fact):
    """The text of the fact with this version is hidden from every view; the row itself stays."""

    kind = "redacted"
    version: int
    reason: str


AnyFact = (
    TriageRequested
    | TriageFinished
    | IncidentOpened
    | Assessed
    | Acknowledged
    | SeveritySet
    | NoteAdded
    | RunRequested
    | RunPlanned
    | StepStarted
    | StepFinished
    | RunFinished
    | LeaseEnded
    | AnySteering
    | AnyOnCall
    | AnyWatching
    | GatewayReported
    | ReplayAsked
    | WriteDecided
    | GatewayAnswered
    | Resolved
    | Reopened
    | Redacted
    | AnyShowing
    | AnyNotebook
    | AnyDrill
)

FACTS: tuple[type[AnyFact], ...] = get_args(AnyFact)


class Draft(Frozen):
    """A fact on its way to the timeline: who did it, when it happened, in which stream.

    ``key`` makes it happen once: a second draft with the same key is answered with the first one's event.
    ``expect`` is the stream's version that the writer saw (0: the stream must be new; None: any).
    """

    stream: str
    actor: str
    at: datetime
    fact: SkipValidation[AnyFact]  # was validated when it was made; again would take longer than all the rest
    key: str | None = None
    expect: int | None = None


class Event(Frozen):
    """A fact on the timeline. ``at`` is when it happened, ``recorded_at`` when it was written, both UTC."""

    seq: int
    stream: str
    version: int
    actor: str
    at: datetime
    recorded_at: datetime
    key: str | None
    fact: SkipValidation[AnyFact]
    hash: str


def desk(integration: str) -> str:
    """The stream of an integration's requests that belong to no incident."""
    return f"integration/{integration}"
