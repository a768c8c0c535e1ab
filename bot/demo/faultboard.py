"""The fault board: what can be broken in the simulator, how hard and where, and what is broken now."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.demo.world import World

Value = float | str
Values = Mapping[str, Value]
"""A fault's parameters by name: numbers, or one of the choices."""

Undo = Callable[[], Awaitable[None]]
Switch = Callable[[World, Values], Awaitable[Undo]]
"""Breaks it, and returns what mends it again."""

Group = Literal["MaintainX", "The key", "The integration", "Slack"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number that people set with a slider."""

    name: str
    title: str
    least: float
    most: float
    default: float
    step: float
    unit: str = ""

    def read(self, value: object) -> float:
        """The number that was sent. Raises ValueError with what it may be."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.least <= value <= self.most
        ):
            raise ValueError(f"{self.title} is a number from {self.least:g} to {self.most:g}, not {value!r}")
        return float(value)

    def as_json(self) -> dict[str, Any]:
        """As the page shows it."""
        return {
            "kind": "number",
            "name": self.name,
            "title": self.title,
            "min": self.least,
            "max": self.most,
            "default": self.default,
            "step": self.step,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words; the first is the usual one."""

    name: str
    title: str
    options: tuple[tuple[str, str], ...]
    """Value and label of each."""

    @property
    def default(self) -> str:
        """The usual one."""
        return self.options[0][0]

    def read(self, value: object) -> str:
        """The word that was sent. Raises ValueError with what it may be."""
        if value not in [known for known, _ in self.options]:
            raise ValueError(
                f"{self.title} is one of {', '.join(known for known, _ in self.options)}, not {value!r}"
            )
        return str(value)

    def as_json(self) -> dict[str, Any]:
        """As the page shows it."""
        options = [{"value": value, "label": label} for value, label in self.options]
        return {
            "kind": "choice",
            "name": self.name,
            "title": self.title,
            "default": self.default,
            "options": options,
        }


@dataclass(frozen=True, slots=True)
class BoardFault:
    """One thing that can be broken: what it is called, what it does, which of mx's rules should find it, and how."""

    id: str
    group: Group
    title: str
    says: str
    switch: Switch
    rules: tuple[str, ...] = ()
    params: tuple[Number | Choice, ...] = ()
    still: Callable[[World], bool] = lambda _: True
    """Whether it is there yet: some faults can be mended past the board too, by a restart for example."""

    def read(self, sent: Mapping[str, object]) -> Values:
        """Every parameter as it was sent, or as it usually is. Raises ValueError for what is none."""
        known = {param.name: param for param in self.params}
        if odd := sorted(sent.keys() - known.keys()):
            raise ValueError(
                f"{self.title} has no {', '.join(odd)}; it takes {', '.join(known) or 'nothing'}"
            )
        return {
            name: param.read(sent[name]) if name in sent else param.default for name, param in known.items()
        }

    def as_json(self) -> dict[str, Any]:
        """As the page shows it."""
        return {
            "id": self.id,
            "group": self.group,
            "title": self.title,
            "says": self.says,
            "rules": list(self.rules),
            "params": [param.as_json() for param in self.params],
        }


@dataclass(slots=True)
class _On:
    values: Values
    undo: Undo


@dataclass(slots=True)
class Board:
    """Switches faults of a world on and off; each is on once, with its latest values."""

    world: World
    faults: Sequence[BoardFault]
    _on: dict[str, _On] = field(default_factory=dict)

    @property
    def on(self) -> dict[str, Values]:
        """What is broken now, with how hard."""
        still = {fault.id: fault.still for fault in self.faults}
        return {name: each.values for name, each in self._on.items() if still[name](self.world)}

    async def break_(self, name: str, sent: Mapping[str, object]) -> None:
        """Break this, or break it anew with other values. Raises ValueError with what can be broken and how."""
        fault = next((each for each in self.faults if each.id == name), None)
        if fault is None:
            raise ValueError(
                f"{name!r} is no fault of the board; there are {', '.join(f.id for f in self.faults)}"
            )
        values = fault.read(sent)
        await self.mend(name)
        self._on[name] = _On(values, await fault.switch(self.world, values))

    async def mend(self, name: str) -> None:
        """Mend this; harmless where it is not broken."""
        found = self._on.pop(name, None)
        if found is not None:
            await found.undo()

    async def heal(self) -> None:
        """Mend everything, the latest first."""
        for name in reversed(tuple(self._on)):
            await self.mend(name)
