"""A room for tests of incidents: a timeline on a real file, an incident in it, and step kinds that record their acts."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue

from bot.domain import events as e
from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.mitigation import Lease, PlannedStep
from bot.domain.watching import RecoveryChecked, RecoveryLine
from bot.ports import Clock, StepContext, StepResult
from bot.scrub import Scrubber
from bot.timeline import Timeline

INCIDENT = "mx-20261123-7f3a"
ANN, BEN, EVE = "slack:U0ANN", "slack:U0BEN", "slack:U0EVE"


def timeline_at(path: Path, clock: Clock) -> AbstractAsyncContextManager[Timeline]:
    """The timeline in this file."""
    return Timeline.open(path, clock=clock, scrub=Scrubber())


def numbered(prefix: str) -> Callable[[], str]:
    """Ids that a test can name: ``run-1``, ``run-2``."""
    count = itertools.count(1)
    return lambda: f"{prefix}-{next(count)}"


def assessment(clock: Clock, *rules: str, playbook: str = "rate-limited") -> Assessment:
    """What a triage found: one finding of SEV-2 for each rule; none is healthy."""
    return Assessment(
        integration="default",
        at=clock.now(),
        severity=Severity.SEV2 if rules else None,
        verdict="maintainx" if rules else "nobody",
        response_due=None,
        findings=tuple(
            Finding(
                rule=rule,
                severity=Severity.SEV2,
                verdict="maintainx",
                symptom="429 on every request",
                cause="too many requests",
                check="look at the request volume",
                evidence=(),
                playbooks=(playbook,),
            )
            for rule in rules
        ),
        readings=(),
        blind_spots=(),
        playbooks=(playbook,) if rules else (),
    )


async def write(
    timeline: Timeline, clock: Clock, *facts: e.AnyFact, actor: str = "mx", incident: str = INCIDENT
) -> None:
    """Append facts to an incident."""
    await timeline.append(
        *(e.Draft(stream=incident, actor=actor, at=clock.now(), fact=fact) for fact in facts)
    )


async def open_incident(
    timeline: Timeline, clock: Clock, *, incident: str = INCIDENT, integration: str = "default"
) -> None:
    """An incident that a triage opened for 429s."""
    opened = e.IncidentOpened(
        integration=integration, requested_by=ANN, requested_at=clock.now(), channel="C0INC"
    )
    found = e.Assessed(assessment=assessment(clock, "rate-limited"))
    await write(timeline, clock, opened, found, incident=incident)


async def prove(timeline: Timeline, clock: Clock, *, incident: str = INCIDENT) -> None:
    """Recovery was proved just now, so that a resolve need not look."""
    met = RecoveryLine(name="good rounds", state="met", says="the last 3 rounds were good")
    proved = RecoveryChecked(verdict="proved", lines=(met,), says="Recovery is proved: 1 check met")
    await write(timeline, clock, proved, incident=incident)


class Switch:
    """A step kind that switches a word on in ``world`` and remembers every act; its lease is its run's."""

    kind = "switch"

    def __init__(self, world: dict[str, str], acts: list[str], clock: Clock) -> None:
        self._world = world
        self._acts = acts
        self._clock = clock
        self.on_act: Callable[[str], None] = lambda _: None
        """Told ``before`` and ``after`` around every change of the world."""

    def check(self, values: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return ()

    async def plan(self, context: StepContext) -> PlannedStep:
        word = context.values["word"]
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"switch {word} on",
            undo_says="switch it off",
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {"world": [*sorted(self._world)]}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        word = str(context.values["word"])
        self.on_act("before")
        self._acts.append(f"{word} on")
        self._world[word] = context.run
        self.on_act("after")
        return self._on(context)

    async def observe(self, context: StepContext) -> StepResult | None:
        word = str(context.values["word"])
        if context.undoes:
            off = word not in self._world
            return StepResult(
                outcome="done" if off else "failed",
                says=f"{word} is {'off' if off else 'still on'}",
                ended=f"{word}:{context.undoes}" if off else None,
            )
        if word in self._world:
            return self._on(context)
        return StepResult(outcome="failed", says=f"{word} was not switched on")

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        word = str(context.values["word"])
        self.on_act("before")
        self._acts.append(f"{word} off")
        self._world.pop(word, None)
        self.on_act("after")
        return StepResult(outcome="done", says=f"{word} is off", ended=f"{word}:{context.undoes}")

    def _on(self, context: StepContext) -> StepResult:
        word = str(context.values["word"])
        lease = Lease(
            id=f"{word}:{context.run}",
            run=context.run,
            playbook=context.playbook,
            says=f"{word} on",
            owner=context.actor,
            reason="test",
            since=self._clock.now(),
            expires_at=self._clock.now() + timedelta(hours=1),
        )
        return StepResult(outcome="done", says=f"{word} is on", started=lease)


class Blind:
    """A step kind that nobody can observe; what it does is up to the test."""

    kind = "blind"

    def __init__(
        self, work: Callable[[], StepResult | None] = lambda: StepResult(outcome="done", says="done")
    ) -> None:
        self.work = work
        self.acts = 0

    def check(self, values: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return ()

    async def plan(self, context: StepContext) -> PlannedStep:
        return PlannedStep(kind=self.kind, title="", values={}, says="do what nobody can see", undo_says="")

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        self.acts += 1
        result = self.work()
        assert result is not None
        return result

    async def observe(self, context: StepContext) -> StepResult | None:
        return None

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None
