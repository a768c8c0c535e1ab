"""What mx asks of the outside, as Protocols. Adapters implement them; use cases know nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pydantic import JsonValue, SecretStr

from bot.domain.backlog import Control, Decision
from bot.domain.gap import Gap, GapEnd
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease, PlannedStep
from bot.domain.readings import Reading


class Clock(Protocol):
    """Time as an argument: wall time in UTC, a monotonic second count, and waiting."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait this many seconds of this clock."""
        ...


class KeySource(Protocol):
    """Where the MaintainX API key comes from at this moment; it may be rotated while mx runs."""

    @property
    def name(self) -> str:
        """The variable's name or the file's path, fit to show."""
        ...

    def current(self) -> str | None:
        """The key exactly as found (stray white space included), or None."""
        ...


class Probe(Protocol):
    """One question asked of the outside. It never raises and never leaks a secret."""

    async def read(self, *, samples: int) -> Reading:
        """Ask, within the probe's own deadline."""
        ...


class LogSource(Protocol):
    """Where the integration's log is: a file, a journald unit, a command."""

    @property
    def name(self) -> str:
        """The path, unit or command, fit to show."""
        ...

    async def tail(self, *, since: datetime) -> tuple[str, ...]:
        """The lines written since then, oldest first. Raises OutsideError with what was being read."""
        ...


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step may know: for whom, for which incident and run, with which values."""

    incident: str
    run: str
    playbook: str
    actor: str
    values: Mapping[str, JsonValue]
    """The step's own table of the playbook, or what the plan recorded of it."""
    leases: tuple[Lease, ...] = ()
    """What is on in this incident now."""
    undoes: str | None = None
    """The run that this run takes back, in an undo."""
    before: Mapping[str, JsonValue] = field(default_factory=dict)
    """The state that was recorded before the step that an undo takes back."""
    about: Incident | None = None
    """The incident as it is now."""
    index: int = 0
    """Which step of its playbook it is; in an undo, which step is taken back."""
    secret: SecretStr | None = None
    """The new key that was handed over for this run."""

    @property
    def integration(self) -> str:
        """Whose incident it is."""
        return self.about.integration if self.about else "default"


@dataclass(frozen=True, slots=True)
class StepResult:
    """How an act ended, in words and numbers."""

    outcome: Literal["done", "failed", "inconclusive"]
    says: str
    evidence: tuple[str, ...] = ()
    started: Lease | None = None
    ended: str | None = None
    noted: tuple[Gap, ...] = ()
    """Windows in which data may have been missed, open from here."""
    settled: tuple[GapEnd, ...] = ()
    """What the look for gaps' data came to."""


class Step(Protocol):
    """One kind of action a playbook can name.

    ``plan`` and ``before`` only read. ``act`` changes the world; ``undo`` changes it back. ``observe`` settles
    a step whose end was not written down: it looks, and returns None where nobody can know.
    """

    @property
    def kind(self) -> str:
        """The word a playbook uses for it."""
        ...

    def check(self, values: Mapping[str, JsonValue]) -> tuple[str, ...]:
        """Every fault of the values in a playbook, each with what to write instead."""
        ...

    async def plan(self, context: StepContext) -> PlannedStep:
        """What it would do, in sentences and numbers."""
        ...

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        """The state that ``act`` is about to change."""
        ...

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        """Do it. Raises OutsideError where the outside refused."""
        ...

    async def observe(self, context: StepContext) -> StepResult | None:
        """Look whether it took effect; None where nobody can know."""
        ...

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        """Take it back; None where there is nothing to take back (a check, a wait)."""
        ...


class RotatingKey(KeySource, Protocol):
    """A key that can be exchanged while mx runs."""

    def take(self, key: SecretStr) -> str:
        """Use this key from here; says where it is kept. Raises OutsideError."""
        ...

    def back(self) -> str:
        """Use the key before the last exchange again; says where it is kept. Raises OutsideError."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What a person is woken with. ``dedup`` names the trouble: the same one does not wake twice."""

    dedup: str
    summary: str
    severity: Literal["critical", "error", "warning", "info"]
    source: str
    details: Mapping[str, str] = field(default_factory=dict)
    link: str | None = None


class Pager(Protocol):
    """Something that wakes a person."""

    @property
    def name(self) -> str:
        """Who or what is woken, fit to show."""
        ...

    @property
    def reports_as(self) -> str:
        """The actor by which acknowledgements made there come back (``pagerduty``); empty where none do."""
        ...

    async def page(self, page: Page) -> str:
        """Wake; says what came of it. Raises OutsideError."""
        ...

    async def acknowledge(self, dedup: str) -> str:
        """Say that somebody has it; says what came of it. Raises OutsideError."""
        ...

    async def end(self, dedup: str) -> str:
        """Call the page off; says what came of it. Raises OutsideError."""
        ...


class Chat(Protocol):
    """A place where people talk."""

    async def post(self, channel: str, message: Mapping[str, JsonValue]) -> str:
        """Post a message (Slack's JSON) and return its id. Raises OutsideError."""
        ...

    async def update(self, channel: str, message_id: str, message: Mapping[str, JsonValue]) -> None:
        """Replace a message. Raises OutsideError."""
        ...


class Gateway(Protocol):
    """The gateway's admin side, as the bot uses it. Every method raises OutsideError."""

    async def status(self, *, window_s: float | None = None) -> JsonValue:
        """``GET /-/status``: mode, upstream, traffic by status and lane of the window, budget left."""
        ...

    async def paths(self) -> JsonValue:
        """``GET /-/paths``: which paths were called in the last hour, by lane and answer."""
        ...

    async def policy(self) -> JsonValue:
        """``GET /-/policy``: the effect of all leases, and the leases."""
        ...

    async def put_lease(self, lease: str, body: Mapping[str, JsonValue]) -> JsonValue:
        """``PUT /-/leases/{lease}``."""
        ...

    async def delete_lease(self, lease: str, *, owner: str, reason: str) -> JsonValue:
        """``DELETE /-/leases/{lease}``; ending what is not on is no error."""
        ...

    async def events(self, after: int) -> JsonValue:
        """``GET /-/events?after=N``."""
        ...

    async def buffer(
        self, *, state: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> JsonValue:
        """``GET /-/buffer``: how many writes have which fate, and a page of them."""
        ...

    async def buffered(self, buffer_id: str) -> JsonValue:
        """``GET /-/buffer/{buffer_id}``: one write, whole."""
        ...

    async def decide(self, buffer_id: str, action: Decision, *, owner: str, reason: str) -> JsonValue:
        """``POST /-/buffer/{buffer_id}``: what becomes of a write that waits for a person's word."""
        ...

    async def replay(self) -> JsonValue:
        """``GET /-/replay``: how far the replay is."""
        ...

    async def control_replay(
        self, action: Control, *, owner: str, reason: str, dry_run: bool = False
    ) -> JsonValue:
        """``POST /-/replay``: start it, hold it, go on, or give it up; ``dry_run`` only counts."""
        ...

    async def key(self) -> JsonValue:
        """``GET /-/key``: where its key is from, and whether it has one; never the key."""
        ...

    async def put_key(self, key: SecretStr, *, owner: str, reason: str) -> JsonValue:
        """``PUT /-/key``: another key until its next start; refused where a file holds its key."""
        ...

    async def drop_key(self, *, owner: str, reason: str) -> JsonValue:
        """``DELETE /-/key``: back to the configured key; no error where that is in use already."""
        ...

    async def spent(self, requests: int) -> None:
        """``POST /-/spent``: requests that mx itself sent to MaintainX past the gateway."""
        ...
