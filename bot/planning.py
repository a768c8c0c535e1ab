"""What a click will do: the plan that a person confirms, and the fingerprint that binds the click to it."""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import JsonValue

from bot.domain.incident import Incident
from bot.domain.mitigation import Mode, Plan, PlannedStep
from bot.domain.run import Run
from bot.errors import OutsideError
from bot.playbook import DEFAULT_TIMEOUT_S, Playbook, PlaybookStep
from bot.playbook_form import LONGEST_BUTTON
from bot.ports import Step, StepContext

TITLES: Mapping[Mode, str] = {"apply": "{}", "undo": "Undo: {}", "extend": "Keep on: {}"}
"""What a plan is called, by what it does with its playbook."""
_NO_PARAMS: Mapping[str, JsonValue] = {}


class _Part(NamedTuple):
    """A step as it is about to be planned; ``before`` is the recorded state that an undo goes back to."""

    step: PlaybookStep
    place: int
    before: Mapping[str, JsonValue]


def fingerprint(
    playbook: Playbook,
    *,
    mode: Mode = "apply",
    undoes: str | None = None,
    incident: Incident,
    params: Mapping[str, JsonValue] = _NO_PARAMS,
) -> str:
    """What a button is bound to: the steps and values, what is on, what is running, and why it was offered.

    Traffic counts are left out: they change by the second and change nothing of what will be done.
    """
    bound: dict[str, object] = {
        "playbook": playbook.name,
        "mode": mode,
        "undoes": undoes,
        "steps": [
            [part.step.kind, part.step.values]
            for part in _parts(playbook, incident, mode=mode, undoes=undoes, params=params)
        ],
        "leases": sorted([lease.id, lease.says] for lease in incident.leases),
        "runs": sorted(run.id for run in incident.runs if run.live),
        "rules": reasons(playbook, incident),
    }
    if playbook.second_person:
        bound["second_person"] = True
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:16]


def reasons(playbook: Playbook, incident: Incident) -> list[str]:
    """The rules of the latest findings that it answers: why it is offered."""
    findings = incident.assessment.findings if incident.assessment else ()
    return sorted(
        found.rule for found in findings if playbook.name in found.playbooks or found.rule in playbook.fits
    )


async def plan(
    playbook: Playbook,
    steps: Mapping[str, Step],
    *,
    incident: Incident,
    actor: str,
    run: str = "",
    mode: Mode = "apply",
    undoes: str | None = None,
    params: Mapping[str, JsonValue] = _NO_PARAMS,
) -> Plan:
    """What a click will do, asked of every step; what cannot be asked becomes a warning."""
    undone = incident.run(undoes) if undoes else None
    planned: list[PlannedStep] = []
    warnings: list[str] = _lasting(undone) if mode == "undo" else []
    for part in _parts(playbook, incident, mode=mode, undoes=undoes, params=params):
        context = StepContext(
            incident=incident.id,
            run=undoes or run if mode == "extend" else run,
            playbook=playbook.name,
            actor=actor,
            values=part.step.values,
            leases=incident.leases,
            undoes=undoes if mode == "undo" else None,
            before=part.before,
            about=incident,
            index=part.place,
        )
        step = await _planned(steps.get(part.step.kind), context, kind=part.step.kind)
        asked = {"ask": part.step.ask} if mode == "apply" else {}
        planned.append(
            step.model_copy(update={"title": part.step.title, "timeout_s": part.step.patience_s, **asked})
        )
        warnings += [warning for warning in step.warnings if warning not in warnings]
    if not planned:
        lasting = "nothing of it can be taken back"
        warnings.append(lasting if warnings else "nothing was started, so there is nothing to take back")
    return Plan(
        playbook=playbook.name,
        title=TITLES[mode].format(playbook.title),
        mode=mode,
        undoes=undoes,
        steps=tuple(planned),
        warnings=tuple(warnings),
        fingerprint=fingerprint(playbook, mode=mode, undoes=undoes, incident=incident, params=params),
        params={one.name: params.get(one.name, one.default) for one in playbook.params},
        at_expiry=playbook.at_expiry,
        second_person=playbook.second_person and mode == "apply",
        touches=playbook.touches if mode == "apply" else "",
        undo=playbook.undo if mode == "apply" else "",
    )


async def held_step(run: Run, steps: Mapping[str, Step], *, incident: Incident) -> PlannedStep:
    """The step before which a run is held, as it would go now; where that cannot be asked, as it was planned."""
    assert run.plan is not None
    assert run.held is not None
    part = run.plan.steps[run.held]
    context = StepContext(
        incident=incident.id,
        run=run.id,
        playbook=run.playbook,
        actor=run.requested_by,
        values=part.values,
        leases=incident.leases,
        about=incident,
        index=run.held,
    )
    try:
        fresh = await steps[part.kind].plan(context)
    except (KeyError, OutsideError):
        return part
    return fresh.model_copy(update={"ask": part.ask, "title": part.title, "timeout_s": part.timeout_s})


def remembered(run: Run) -> Playbook:
    """What a run tells of its playbook, where that playbook is no longer there: enough to take the run back."""
    title = run.plan.title if run.plan else run.playbook
    return Playbook(name=run.playbook, title=title, button=title[:LONGEST_BUTTON], fits=(), when="", steps=())


def extend_order(run: Run, incident: Incident) -> tuple[int, ...]:
    """The steps of a run whose leases are on: those that an extension does once more."""
    on = {lease.id for lease in incident.leases}
    return tuple(step.index for step in run.steps if step.lease in on)


def order(run: Run, incident: Incident) -> tuple[int, ...]:
    """For each step of an undo or an extension: which step of the run it is about it belongs to."""
    about = incident.run(run.undoes) if run.undoes else None
    if about is None:
        return ()
    return about.to_undo if run.mode == "undo" else extend_order(about, incident)


async def _planned(step: Step | None, context: StepContext, *, kind: str) -> PlannedStep:
    if step is None:
        warning = f"this mx has no step of the kind {kind}; use the version that started the run"
        return PlannedStep(kind=kind, title="", values=dict(context.values), says=kind, warnings=(warning,))
    try:
        return await step.plan(context)
    except OutsideError as error:
        return PlannedStep(
            kind=kind, title="", values=dict(context.values), says=kind, undo_says="", warnings=(str(error),)
        )


def _parts(
    playbook: Playbook,
    incident: Incident,
    *,
    mode: Mode,
    undoes: str | None,
    params: Mapping[str, JsonValue],
) -> list[_Part]:
    if mode == "apply":
        return [_Part(step, index, {}) for index, step in enumerate(playbook.filled(params))]
    undone = incident.run(undoes) if undoes else None
    if undone is None or undone.plan is None:
        return []
    before = {step.index: step.before for step in undone.steps}
    wanted = undone.to_undo if mode == "undo" else extend_order(undone, incident)
    return [
        _Part(
            PlaybookStep(
                kind=part.kind,
                title=part.title,
                values=part.values,
                timeout_s=part.timeout_s if "within_s" not in part.values else DEFAULT_TIMEOUT_S,
            ),
            index,
            before.get(index) or {},
        )
        for index in wanted
        for part in (undone.plan.steps[index],)
    ]


def _lasting(undone: Run | None) -> list[str]:
    """What of a run cannot be taken back."""
    if undone is None or undone.plan is None:
        return []
    begun = {step.index for step in undone.steps if step.state not in ("waiting", "skipped")}
    return [
        f"step {index + 1} ({part.says}) cannot be taken back"
        for index, part in enumerate(undone.plan.steps)
        if index in begun and part.undo_says is None
    ]
