"""Carries a playbook's steps out one by one, as the runner does, and keeps what the runner would write down."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import JsonValue, SecretStr

from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.mitigation import Plan, PlannedStep
from bot.domain.oncall_state import OnCall
from bot.domain.run import Run, StepState
from bot.playbook import Playbook
from bot.ports import Step, StepContext, StepResult
from tests.wound_clock import WoundClock

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RUN, UNDO = "run-1", "run-2"


class BriskClock(WoundClock):
    """A wound clock whose waits last a moment of real time, so that real servers can do something meanwhile."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0.1)


class Walk:
    """One run of a playbook."""

    def __init__(self, playbook: Playbook, kinds: Mapping[str, Step], *, secret: SecretStr | None) -> None:
        self.kinds, self.secret = kinds, secret
        self._parts = playbook.steps
        self._run = Run(
            id=RUN,
            playbook=playbook.name,
            mode="apply",
            undoes=None,
            requested_by="slack:U1",
            requested_at=AT,
            address=Address(channel="C1", reply="r-1"),
        )

    @property
    def told(self) -> str:
        """Everything that would stand on the timeline."""
        return repr(self._run)

    def place(self, kind: str) -> int:
        """Which step is of this kind."""
        return next(index for index, part in enumerate(self._parts) if part.kind == kind)

    async def plan(self) -> tuple[PlannedStep, ...]:
        """Ask every step, as a click does; no key is there yet."""
        secret, self.secret = self.secret, None
        planned = [await self.kinds[p.kind].plan(self.context(i)) for i, p in enumerate(self._parts)]
        self.secret = secret
        plan = Plan(playbook=self._run.playbook, title="", steps=tuple(planned), fingerprint="f")
        states = tuple(StepState(index=index) for index in range(len(planned)))
        self._run = replace(self._run, plan=plan, steps=states)
        return plan.steps

    async def before(self, kind: str) -> dict[str, JsonValue]:
        """A step begins."""
        index = self.place(kind)
        before = await self.kinds[kind].before(self.context(index))
        self._keep(StepState(index=index, state="started", before=before))
        return before

    async def act(self, kind: str) -> StepResult:
        """A step from its beginning to its end."""
        before = await self.before(kind)
        result = await self.kinds[kind].act(self.context(self.place(kind)), before)
        self._ended(kind, result)
        return result

    async def settle(self, kind: str) -> StepResult | None:
        """The end of this step was lost: look."""
        result = await self.kinds[kind].observe(self.context(self.place(kind)))
        if result is not None:
            self._ended(kind, result)
        return result

    async def undo(self, kind: str, *, lost: bool = False) -> StepResult | None:
        """Another run takes this step back; ``lost``: and dies before its end is written down."""
        index = self.place(kind)
        context = self.context(index, undoes=True)
        result = await self.kinds[kind].undo(context, context.before)
        return await self.kinds[kind].observe(context) if lost else result

    async def plan_undo(self, kind: str) -> PlannedStep:
        """What the undo of this step would do."""
        return await self.kinds[kind].plan(self.context(self.place(kind), undoes=True))

    def context(self, index: int, *, undoes: bool = False) -> StepContext:
        incident = Incident(
            id="mx-20261123-7f3a",
            integration="default",
            version=3,
            channel="C1",
            opened_at=AT,
            oncall=OnCall(clock_from=AT),
            opened_by="mx",
            requested_at=AT,
            requested_by="slack:U1",
            runs=(self._run,),
        )
        return StepContext(
            incident=incident.id,
            run=UNDO if undoes else RUN,
            playbook=self._run.playbook,
            actor="slack:U1",
            values=self._parts[index].values,
            undoes=RUN if undoes else None,
            before=(self._run.steps[index].before or {}) if undoes else {},
            about=incident,
            index=index,
            secret=None if undoes else self.secret,
        )

    def _ended(self, kind: str, result: StepResult) -> None:
        state = self._run.steps[self.place(kind)]
        self._keep(replace(state, state=result.outcome, says=result.says, evidence=result.evidence))

    def _keep(self, state: StepState) -> None:
        steps = tuple(state if old.index == state.index else old for old in self._run.steps)
        self._run = replace(self._run, steps=steps)
