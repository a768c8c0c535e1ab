"""Scenarios of drills: what breaks when, what the people in it see, and what good looks like; read from TOML."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from bot.domain.assessment import Severity, Verdict
from bot.domain.readings import Frozen
from bot.errors import ConfigError
from bot.toml_lines import line_at, lines_of, path_name

SHIPPED = (
    "rate-limit",
    "revoked-key",
    "vendor-outage",
    "service-down",
    "sync-gap",
    "storm-and-silence",
)
"""The drills that come with mx: one for each family of failures; in the last, two things break at once."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Seconds = Annotated[float, Field(ge=0, le=86400)]
Words = Annotated[str, Field(min_length=1, max_length=3000)]


class ScenarioFault(Frozen, extra="forbid"):
    """One thing that breaks: a fault of the simulator's board, from when, how hard, until when or what."""

    id: Words
    at_s: Seconds
    """Simulated seconds after the drill began."""
    values: dict[str, float | str] = {}
    """The fault's own parameters; what is left out is as the board has it."""
    until_s: Seconds | None = None
    mended_by: str = ""
    """Somebody at its source mends it, ``after_s`` simulated seconds after this playbook ran well: it bought the time."""
    after_s: Seconds = 60.0
    mended: str = Field(default="", max_length=3000)
    """What the exercise control tells the channel when it is mended, as somebody at its source would; "" is nothing."""


class Help(Frozen, extra="forbid"):
    """A mitigation that the scenario wants: any of these playbooks, within so many simulated seconds."""

    any_of: Annotated[tuple[str, ...], Field(min_length=1)]
    within_s: Seconds


class Harm(Frozen, extra="forbid"):
    """A playbook that makes it worse, or risks something for nothing; ``why`` is read by whoever ran it."""

    playbook: Words
    why: Words


class Good(Frozen, extra="forbid"):
    """What good looks like."""

    severity: Severity
    verdict: Verdict
    helps: Annotated[tuple[Help, ...], Field(min_length=1)]
    harms: tuple[Harm, ...] = ()
    lesson: Words
    """What people should take away; printed with the score."""


class Scenario(Frozen, extra="forbid"):
    """A drill."""

    name: str
    title: Words
    story: Words
    """What the people in it are told at its beginning; it gives nothing away."""
    length_s: Annotated[float, Field(ge=60, le=86400)]
    """After so many simulated seconds it is over."""
    speed: Literal[1, 10, 60] = 10
    """How fast the clock runs unless told otherwise."""
    faults: Annotated[tuple[ScenarioFault, ...], Field(min_length=1)]
    good: Good

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("write small letters, digits and hyphens, such as rate-limit")
        return name

    @model_validator(mode="after")
    def _in_time(self) -> "Scenario":
        late = [fault.id for fault in self.faults if fault.at_s >= self.length_s]
        if late:
            raise ValueError(f"{', '.join(late)} would break only after the drill is over (length_s)")
        return self


def load(text: str, *, source: str) -> Scenario:
    """Read one scenario; raises ConfigError with every fault, each with its place and what to write."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError((f"{source}: this is not TOML: {error}",)) from None
    try:
        return Scenario.model_validate(table)
    except ValidationError as error:
        lines = lines_of(text)
        raise ConfigError(tuple(_faults(error, source, lines))) from None


def shipped() -> Mapping[str, Scenario]:
    """The drills that come with mx, by name."""
    folder = resources.files("bot") / "scenarios"
    return {
        name: load((folder / f"{name}.toml").read_text("utf-8"), source=f"{name}.toml") for name in SHIPPED
    }


def known(folder: Path | None) -> tuple[Mapping[str, Scenario], tuple[str, ...]]:
    """The shipped ones and the team's own, which go before them; and what is wrong with those that were left out."""
    found, faults = dict(shipped()), list[str]()
    for path in sorted(folder.glob("*.toml")) if folder is not None and folder.is_dir() else ():
        try:
            own = load(path.read_text("utf-8", errors="replace"), source=path.name)
        except ConfigError as error:
            faults += error.faults
        except OSError as error:
            faults.append(f"{path.name}: reading it: {error.strerror or error}")
        else:
            found[own.name] = own
    return found, tuple(faults)


def _faults(error: ValidationError, source: str, lines: Mapping[str, int]) -> Iterator[str]:
    found = error.errors(include_url=False, include_input=False)
    for one in found:
        inside = [
            other for other in found if other is not one and other["loc"][: len(one["loc"])] == one["loc"]
        ]
        if one["type"] == "too_short" and inside:
            continue  # it is too short since what is in it is wrong
        path = path_name(_known(one["loc"]))
        line = line_at(lines, path)
        place = f"{source}{f':{line}' if line else ''}: {path or 'the file'}"
        yield f"{place}: {one['msg'].removeprefix('Value error, ')}"


def _known(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """A place without pydantic's own names for the alternatives of a union."""
    return tuple(part for part in loc if part not in {"float", "str"})
