"""The plans behind the buttons, asked of every step and never waited for longer than two seconds."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot import planning
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease, Mode, Plan, PlannedStep
from bot.domain.run import Run
from bot.errors import Refused
from bot.playbook import Playbook
from bot.ports import Step
from bot.slack.cardview import Offer

DEADLINE_S = 2.0
SOON = timedelta(minutes=10)
"""How long before a lease's end its owner is asked."""
_NO_PARAMS: Mapping[str, JsonValue] = {}
_LATE = "the numbers are not known: the gateway did not answer within 2 s"


class Planner:
    """Works out what a click would do now."""

    def __init__(self, playbooks: Mapping[str, Playbook], steps: Mapping[str, Step]) -> None:
        self._playbooks = playbooks
        self._steps = steps

    async def offers(self, incident: Incident, *, now: datetime) -> tuple[Offer, ...]:
        """The buttons of the card: what fits and is not on, then what can be taken back, or ends soon and can be kept on."""
        fitting = [
            found
            for found in sorted(self._playbooks.values(), key=_as_found(incident))
            if planning.reasons(found, incident) and not _on(incident, found.name)
        ]
        wanted: list[tuple[str, Playbook, str | None, Mode]] = [
            (found.button, found, None, "apply") for found in fitting
        ]
        wanted += [(f"Undo: {found.title}", found, run.id, "undo") for run, found in self._undoable(incident)]
        wanted += [
            (f"Keep on: {found.title}", found, run.id, "extend")
            for run, found in self._undoable(incident)
            if not run.live
            and any(lease.run == run.id and ends_soon(lease, now) for lease in incident.leases)
        ]
        plans = await asyncio.gather(
            *(self._plan(found, incident, mode=mode, undoes=undoes) for _, found, undoes, mode in wanted)
        )
        return tuple(Offer(label, plan) for (label, *_), plan in zip(wanted, plans, strict=True))

    async def held(self, incident: Incident) -> Mapping[str, PlannedStep]:
        """By run: the step before which it is held, as it would go now."""
        found: dict[str, PlannedStep] = {}
        for run in incident.live_runs:
            if run.held is not None:
                with suppress(TimeoutError):  # the card then shows the step as it was planned
                    async with asyncio.timeout(DEADLINE_S):
                        found[run.id] = await planning.held_step(run, self._steps, incident=incident)
        return found

    async def one(
        self,
        incident: Incident,
        name: str,
        *,
        mode: Mode = "apply",
        undoes: str | None = None,
        params: Mapping[str, JsonValue] = _NO_PARAMS,
    ) -> Plan:
        """The plan of one playbook, or about one run of it. Raises Refused where there is none of that name."""
        run = incident.run(undoes) if undoes else None
        found = self._playbooks.get(name) or (planning.remembered(run) if run else None)
        if found is None:
            known = ", ".join(sorted(self._playbooks))
            raise Refused(f"There is no playbook {name}. There is: {known}.")
        return await self._plan(found, incident, mode=mode, undoes=undoes, params=params)

    def _undoable(self, incident: Incident) -> list[tuple[Run, Playbook]]:
        """Runs with something on, and runs that stopped half-way or changed what no lease tells of; not those taken back."""
        taken = {
            run.undoes for run in incident.runs if run.mode == "undo" and (run.live or run.outcome == "done")
        }
        on = {lease.run for lease in incident.leases}
        return [
            (run, self._playbooks.get(run.playbook) or planning.remembered(run))
            for run in incident.runs
            if run.mode == "apply"
            and (run.id in on or (run.id not in taken and run.to_undo))
            and not any(other.undoes == run.id for other in incident.live_runs)
        ]

    async def _plan(
        self,
        found: Playbook,
        incident: Incident,
        *,
        mode: Mode,
        undoes: str | None,
        params: Mapping[str, JsonValue] = _NO_PARAMS,
    ) -> Plan:
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_S):
                return await planning.plan(
                    found,
                    self._steps,
                    incident=incident,
                    actor="mx",
                    mode=mode,
                    undoes=undoes,
                    params=params,
                )
        steps = tuple(
            PlannedStep(kind=step.kind, title=step.title, values=step.values, says=step.title, undo_says="")
            for step in found.filled(params)
        )
        return Plan(
            playbook=found.name,
            title=planning.TITLES[mode].format(found.title),
            mode=mode,
            undoes=undoes,
            steps=steps,
            warnings=(_LATE,),
            fingerprint=planning.fingerprint(
                found, mode=mode, undoes=undoes, incident=incident, params=params
            ),
            params=dict(params),
            at_expiry=found.at_expiry,
            second_person=found.second_person and mode == "apply",
        )


def _as_found(incident: Incident) -> Callable[[Playbook], int]:
    """The order in which the findings name playbooks, the gravest first; a team's own come last."""
    names = incident.assessment.playbooks if incident.assessment else ()
    return lambda found: names.index(found.name) if found.name in names else len(names)


def ends_soon(lease: Lease, now: datetime) -> bool:
    """Whether the lease has an end that is near."""
    return lease.expires_at is not None and lease.expires_at - now <= SOON


def _on(incident: Incident, name: str) -> bool:
    return any(run.playbook == name for run in incident.live_runs) or any(
        lease.playbook == name for lease in incident.leases
    )
