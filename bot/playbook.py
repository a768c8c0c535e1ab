"""Playbooks: their TOML form, the plan that a person confirms, and the fingerprint that binds a button to it."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, Literal, NamedTuple

from pydantic import JsonValue

from bot.domain.incident import Incident
from bot.domain.mitigation import Plan, PlannedStep
from bot.domain.readings import Frozen
from bot.domain.run import Run
from bot.errors import ConfigError, OutsideError
from bot.ports import Step, StepContext

SHIPPED = ("rate-limited",)
"""The playbooks that come with mx, one TOML file each in ``bot/playbooks``."""

Mode = Literal["apply", "undo"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEXTS = {
    "title": "write what it does in a few words",
    "button": "write the words of its button",
    "when": "write a sentence that says when it fits",
}
_LONGEST_BUTTON = 75  # Slack cuts a button's text there


class _Part(NamedTuple):
    """A step as it is about to be planned; ``before`` is the recorded state that an undo goes back to."""

    kind: str
    title: str
    values: Mapping[str, JsonValue]
    before: Mapping[str, JsonValue]


class PlaybookStep(Frozen):
    """One step as the playbook writes it: its kind, what people see, and the kind's own values."""

    kind: str
    title: str
    values: dict[str, JsonValue]


class Playbook(Frozen):
    """A declared list of steps against one kind of trouble."""

    name: str
    title: str
    button: str
    fits: tuple[str, ...]
    """The rules whose findings it answers."""
    when: str
    steps: tuple[PlaybookStep, ...]


def load(text: str, *, source: str, steps: Mapping[str, Step]) -> Playbook:
    """Read one playbook; raises ConfigError with every fault, each with its place and what to write."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((f"{source}: it is not TOML: {error}",)) from None
    faults = [*_head_faults(table), *_step_faults(table.get("steps"), steps)]
    if faults:
        raise ConfigError(tuple(f"{source}: {fault}" for fault in faults))
    return Playbook(
        name=table["name"],
        title=table["title"],
        button=table["button"],
        fits=tuple(table["fits"]),
        when=table["when"],
        steps=tuple(
            PlaybookStep(kind=step["kind"], title=step.get("title", step["kind"]), values=_values(step))
            for step in table["steps"]
        ),
    )


def shipped(steps: Mapping[str, Step]) -> Mapping[str, Playbook]:
    """The playbooks that come with mx, by name."""
    folder = resources.files("bot") / "playbooks"
    return {
        name: load((folder / f"{name}.toml").read_text("utf-8"), source=f"playbooks/{name}.toml", steps=steps)
        for name in SHIPPED
    }


def fingerprint(
    playbook: Playbook, *, mode: Mode = "apply", undoes: str | None = None, incident: Incident
) -> str:
    """What a button is bound to: the steps and values, what is on, what is running, and why it was offered.

    Traffic counts are left out: they change by the second and change nothing of what will be done.
    """
    undone = incident.run(undoes) if undoes else None
    bound = {
        "playbook": playbook.name,
        "mode": mode,
        "undoes": undoes,
        "steps": [
            [step.kind, step.values]
            for step in (
                (undone.plan.steps if undone and undone.plan else ()) if mode == "undo" else playbook.steps
            )
        ],
        "leases": sorted([lease.id, lease.says] for lease in incident.leases),
        "runs": sorted(run.id for run in incident.runs if run.live),
        "rules": sorted(
            finding.rule
            for finding in (incident.assessment.findings if incident.assessment else ())
            if playbook.name in finding.playbooks
        ),
    }
    return hashlib.sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()[:16]


async def plan(
    playbook: Playbook,
    steps: Mapping[str, Step],
    *,
    incident: Incident,
    actor: str,
    run: str = "",
    mode: Mode = "apply",
    undoes: str | None = None,
) -> Plan:
    """What a click will do, asked of every step; what cannot be asked becomes a warning."""
    undone = incident.run(undoes) if undoes else None
    planned: list[PlannedStep] = []
    warnings: list[str] = []
    if mode == "apply":
        parts = [_Part(step.kind, step.title, step.values, {}) for step in playbook.steps]
    else:
        parts = _undo_parts(undone)
        warnings += _lasting(undone)
    for part in parts:
        context = StepContext(
            incident=incident.id,
            run=run,
            playbook=playbook.name,
            actor=actor,
            values=part.values,
            leases=incident.leases,
            undoes=undoes,
            before=part.before,
        )
        step = await _planned(steps.get(part.kind), context, kind=part.kind)
        planned.append(step.model_copy(update={"title": part.title}))
        warnings += [warning for warning in step.warnings if warning not in warnings]
    if not planned:
        warnings.append("nothing was started, so there is nothing to take back")
    return Plan(
        playbook=playbook.name,
        title=playbook.title if mode == "apply" else f"Undo: {playbook.title}",
        mode=mode,
        undoes=undoes,
        steps=tuple(planned),
        warnings=tuple(warnings),
        fingerprint=fingerprint(playbook, mode=mode, undoes=undoes, incident=incident),
    )


def by_kind(steps: Iterable[Step]) -> Mapping[str, Step]:
    """The step kinds by the word that a playbook uses for them."""
    return {step.kind: step for step in steps}


def remembered(run: Run) -> Playbook:
    """What a run tells of its playbook, where that playbook is no longer there: enough to take the run back."""
    title = run.plan.title if run.plan else run.playbook
    return Playbook(
        name=run.playbook, title=title, button=title[:_LONGEST_BUTTON], fits=(), when="", steps=()
    )


def undo_order(undone: Run) -> tuple[int, ...]:
    """The steps of a run that an undo takes back, the latest first: all that were begun and can be."""
    if undone.plan is None:
        return ()
    begun = {step.index for step in undone.steps if step.state != "waiting"}
    return tuple(i for i in sorted(begun, reverse=True) if undone.plan.steps[i].undo_says)


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


def _undo_parts(undone: Run | None) -> list[_Part]:
    if undone is None or undone.plan is None:
        return []
    before = {step.index: step.before for step in undone.steps}
    return [
        _Part(part.kind, part.title, part.values, before.get(index) or {})
        for index in undo_order(undone)
        for part in (undone.plan.steps[index],)
    ]


def _lasting(undone: Run | None) -> list[str]:
    """What of a run cannot be taken back."""
    if undone is None or undone.plan is None:
        return []
    begun = {step.index for step in undone.steps if step.state != "waiting"}
    return [
        f"step {index + 1} ({part.says}) cannot be taken back"
        for index, part in enumerate(undone.plan.steps)
        if index in begun and part.undo_says is None
    ]


def _values(step: Mapping[str, Any]) -> dict[str, JsonValue]:
    return {key: value for key, value in step.items() if key not in ("kind", "title")}


def _head_faults(table: Mapping[str, Any]) -> list[str]:
    known = ("name", *_TEXTS, "fits", "steps")
    faults = [
        f"{key}: there is no such key; write one of {', '.join(known)}" for key in table if key not in known
    ]
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        faults.append("name: write small letters, digits and hyphens, such as rate-limited")
    for key, instead in _TEXTS.items():
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            faults.append(f"{key}: {instead}")
    if isinstance(button := table.get("button"), str) and len(button) > _LONGEST_BUTTON:
        faults.append(f"button: {len(button)} characters; write at most {_LONGEST_BUTTON}")
    fits = table.get("fits")
    if not isinstance(fits, list) or not all(isinstance(rule, str) and rule for rule in fits):
        faults.append('fits: write a list of rules, such as ["rate-limited"]; [] offers it on no finding')
    return faults


def _step_faults(found: object, kinds: Mapping[str, Step]) -> list[str]:
    if not isinstance(found, list) or not found or not all(isinstance(step, dict) for step in found):
        return ["steps: write at least one [[steps]] table"]
    faults = []
    for index, step in enumerate(found):
        place = f"steps[{index}]"
        named = step.get("kind")
        kind = kinds.get(named) if isinstance(named, str) else None
        if not isinstance(step.get("title", ""), str):
            faults.append(f"{place}.title: write a text")
        if kind is None:
            faults.append(f"{place}.kind: {named!r} is no kind; write one of {', '.join(sorted(kinds))}")
        else:
            faults += [f"{place}.{fault}" for fault in kind.check(_values(step))]
    return faults
