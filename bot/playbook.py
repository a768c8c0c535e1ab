"""Playbooks: declared lists of steps against one kind of trouble, read from TOML (step kinds are passed in)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from bot.domain.mitigation import AtExpiry
from bot.domain.readings import Frozen
from bot.errors import ConfigError
from bot.playbook_form import Fault, head_faults, param_faults, step_faults, values_of
from bot.playbook_params import Param, reference, settled
from bot.ports import Step

SHIPPED = (
    "rate-limited",
    "api-key-rejected",
    "api-key-from-store",
    "service-down",
    "path-changed",
    "escalate",
    "platform-outage",
    "intermittent-errors",
    "sync-gap",
    "webhook-failure",
)
"""The playbooks that come with mx, one TOML file each in ``bot/playbooks``."""

DEFAULT_TIMEOUT_S = 120.0


class PlaybookStep(Frozen):
    """One step as the playbook writes it: its kind, what people see, and the kind's own values."""

    kind: str
    title: str
    values: dict[str, JsonValue]
    timeout_s: float = DEFAULT_TIMEOUT_S
    ask: str = ""
    """The words of a button: the run is held before this step until a person presses it."""

    @property
    def patience_s(self) -> float:
        """Seconds of real time for the act: its own time-out, and what its values let it watch."""
        watch = self.values.get("within_s")
        return self.timeout_s + (watch if isinstance(watch, int | float) else 0.0)


class Playbook(Frozen):
    """A declared list of steps against one kind of trouble."""

    name: str
    title: str
    button: str
    fits: tuple[str, ...]
    """The rules whose findings it answers."""
    when: str
    steps: tuple[PlaybookStep, ...]
    touches: str = ""
    """What it changes, in a sentence."""
    undo: str = ""
    """How it is taken back, in a sentence."""
    who: Literal["responders", "approvers"] = "responders"
    second_person: bool = False
    """Somebody else has to approve it before it begins."""
    at_expiry: AtExpiry = "undo"
    needs_key: bool = False
    """A new API key is handed over with it."""
    params: tuple[Param, ...] = ()
    source: str = "mx"
    """The file of a team's own playbook."""

    def filled(self, params: Mapping[str, JsonValue]) -> tuple[PlaybookStep, ...]:
        """The steps with these parameters in their places; what is not given stands with its default."""
        given = {one.name: one.default for one in self.params} | dict(params)
        return tuple(
            step.model_copy(
                update={"values": {key: reference(value, given) for key, value in step.values.items()}}
            )
            for step in self.steps
        )


def load(text: str, *, source: str, steps: Mapping[str, Step]) -> Playbook:
    """Read one playbook; raises ConfigError with every fault, each with its place and what to write."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError((_not_toml(source, str(error)),)) from None
    params = table.get("params", {})
    described = {
        name: one
        for name, one in (params.items() if isinstance(params, dict) else ())
        if isinstance(one, dict)
    }
    faults = [
        *head_faults(table),
        *param_faults(params),
        *step_faults(table.get("steps"), steps, described),
    ]
    if faults:
        raise ConfigError(tuple(fault.at(source, text) for fault in faults))
    head = {
        key: table[key]
        for key in ("name", "title", "button", "when", "touches", "undo", "who", "at_expiry")
        if key in table
    }
    return Playbook(
        **head,
        fits=tuple(table["fits"]),
        second_person=table.get("second_person", False),
        needs_key=table.get("needs_key", False),
        params=tuple(
            Param(
                **{
                    **one,
                    "name": name,
                    "default": settled(one["type"], one.get("default")),
                    "choices": tuple(one.get("choices", ())),
                }
            )
            for name, one in described.items()
        ),
        steps=tuple(
            PlaybookStep(
                kind=step["kind"],
                title=step.get("title", step["kind"]),
                values=values_of(step),
                timeout_s=step.get("timeout_s", DEFAULT_TIMEOUT_S),
                ask=step.get("ask", ""),
            )
            for step in table["steps"]
        ),
    )


def _not_toml(source: str, says: str) -> str:
    """What the reader of TOML says, with the line where it stopped in its place."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", says)
    if place is None:
        return f"{source}: it is not TOML: {says}"
    return f"{source}:{place[1]}: it is not TOML: {says[: place.start()]}, at column {place[2]} of line {place[1]}"


def shipped(steps: Mapping[str, Step]) -> Mapping[str, Playbook]:
    """The playbooks that come with mx, by name."""
    folder = resources.files("bot") / "playbooks"
    return {
        name: load((folder / f"{name}.toml").read_text("utf-8"), source=f"playbooks/{name}.toml", steps=steps)
        for name in SHIPPED
    }


def own(folder: Path, steps: Mapping[str, Step]) -> tuple[Mapping[str, Playbook], tuple[str, ...]]:
    """The team's own playbooks in a folder, by name, and every fault; a faulty one is left out, the others stand.

    A folder that is not there holds none.
    """
    found: dict[str, Playbook] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            text = path.read_text("utf-8-sig")
            one = load(text, source=str(path), steps=steps)
        except ConfigError as error:
            faults.extend(error.faults)
            continue
        except OSError as error:
            faults.append(f"{path}: reading it: {error.strerror}; let mx's user read it, or take it away")
            continue
        except UnicodeDecodeError as error:
            faults.append(f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8")
            continue
        if one.name in found:
            twice = Fault("name", f"{one.name} is in {found[one.name].source} already; choose another name")
            faults.append(twice.at(str(path), text))
        else:
            found[one.name] = one.model_copy(update={"source": str(path)})
    return found, tuple(faults)


def by_kind(steps: Iterable[Step]) -> Mapping[str, Step]:
    """The step kinds by the word that a playbook uses for them."""
    return {step.kind: step for step in steps}
