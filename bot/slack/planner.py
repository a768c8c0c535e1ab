"""The plans behind the buttons, asked of every step and never waited for longer than two seconds."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from bot import planning
from bot.domain.incident import Incident
from bot.domain.mitigation import Mode, Plan, PlannedStep
from bot.domain.run import Run
from bot.errors import Refused
from bot.playbook import Playbook
from bot.ports import Step
from bot.slack.cardview import Offer

DEADLINE_S = 2.0
_LATE = "the numbers are not known: the gateway did not answer within 2 s"


class Planner:
    """Works out what a click would do now."""

    def __init__(self, playbooks: Mapping[str, Playbook], steps: Mapping[str, Step]) -> None:
        self._playbooks = playbooks
        self._steps = steps

    async def offers(self, incident: Incident) -> tuple[Offer, ...]:
        """The buttons of the card: what fits and is not on, then what is on and can be taken back."""
        names = incident.assessment.playbooks if incident.assessment else ()
        fitting = [
            self._playbooks[name] for name in names if name in self._playbooks and not _on(incident, name)
        ]
        wanted: list[tuple[str, Playbook, str | None]] = [(found.button, found, None) for found in fitting]
        wanted += [(f"Undo: {found.title}", found, run.id) for run, found in self._undoable(incident)]
        plans = await asyncio.gather(
            *(self._plan(found, incident, undoes=undoes) for _, found, undoes in wanted)
        )
        return tuple(Offer(label, plan) for (label, _, _), plan in zip(wanted, plans, strict=True))

    async def one(self, incident: Incident, name: str, *, undoes: str | None = None) -> Plan:
        """The plan of one playbook, or of taking one run back. Raises Refused where there is none of that name."""
        run = incident.run(undoes) if undoes else None
        found = self._playbooks.get(name) or (planning.remembered(run) if run else None)
        if found is None:
            known = ", ".join(sorted(self._playbooks))
            raise Refused(f"There is no playbook {name}. There is: {known}.")
        return await self._plan(found, incident, undoes=undoes)

    def _undoable(self, incident: Incident) -> list[tuple[Run, Playbook]]:
        under_way = {run.undoes for run in incident.live_runs}
        held = {run.id: run for lease in incident.leases if (run := incident.run(lease.run))}
        return [
            (run, self._playbooks.get(run.playbook) or planning.remembered(run))
            for run in held.values()
            if run.id not in under_way
        ]

    async def _plan(self, found: Playbook, incident: Incident, *, undoes: str | None) -> Plan:
        mode: Mode = "undo" if undoes else "apply"
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_S):
                return await planning.plan(
                    found, self._steps, incident=incident, actor="mx", mode=mode, undoes=undoes
                )
        steps = tuple(
            PlannedStep(kind=step.kind, title=step.title, values=step.values, says=step.title, undo_says="")
            for step in found.steps
        )
        return Plan(
            playbook=found.name,
            title=found.title if mode == "apply" else f"Undo: {found.title}",
            mode=mode,
            undoes=undoes,
            steps=steps,
            warnings=(_LATE,),
            fingerprint=planning.fingerprint(found, mode=mode, undoes=undoes, incident=incident),
        )


def _on(incident: Incident, name: str) -> bool:
    return any(run.playbook == name for run in incident.live_runs) or any(
        lease.playbook == name for lease in incident.leases
    )
