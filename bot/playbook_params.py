"""A playbook's parameters: their types, what a person typed read as one, and their places in the steps' values. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic import JsonValue

from bot.domain.readings import Frozen
from bot.errors import Refused

Kind = Literal["text", "number", "whole", "yes-no", "choice", "time"]

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_YES, _NO = frozenset({"yes", "true", "on", "1"}), frozenset({"no", "false", "off", "0"})
_LONGEST = 2000
_LARGEST = 1e15


class Param(Frozen):
    """One thing that a person may choose before a playbook runs."""

    name: str
    type: Kind
    title: str
    default: JsonValue = None
    """None: it has to be given."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


class Type(NamedTuple):
    """A parameter's type: what is wrong with a value (None: nothing), and a typed text as a value."""

    wrong: Callable[[object, Mapping[str, Any]], str | None]
    read: Callable[[str], JsonValue]
    sample: JsonValue


def read(params: tuple[Param, ...], given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Every parameter's value: what was given (texts are read as the type says), else the default.

    Raises Refused with every fault at once.
    """
    known = ", ".join(one.name for one in params) or "none"
    faults = [
        f"{name}: there is no such parameter; there is: {known}"
        for name in given
        if name not in {one.name for one in params}
    ]
    faults += [f"{name}: {fault}" for name, fault in wrong(params, given).items()]
    if faults:
        raise Refused("; ".join(faults))
    return {one.name: _value(one, given.get(one.name)) for one in params}


def wrong(params: tuple[Param, ...], given: Mapping[str, JsonValue]) -> dict[str, str]:
    """What is wrong with each parameter's value, by its name, and what to write instead."""
    faults: dict[str, str] = {}
    for one in params:
        value = _value(one, given.get(one.name))
        table = {"low": one.low, "high": one.high, "choices": list(one.choices)}
        if value is None:
            faults[one.name] = f"{one.title} has to be given"
        elif instead := TYPES[one.type].wrong(value, table):
            faults[one.name] = f"{value!r:.60} does not fit; {instead}"
    return faults


def _value(param: Param, given: JsonValue) -> JsonValue:
    if given is None or given == "":
        return param.default
    value = TYPES[param.type].read(given.strip()) if isinstance(given, str) else given
    return settled(param.type, value)


def settled(kind: str, value: JsonValue) -> JsonValue:
    """The value in the one form that plans are compared in: 1 and 1.0 requests per second are the same."""
    whole = kind == "number" and isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and isinstance(value, int) else value


def references(value: JsonValue) -> Iterator[str]:
    """The parameters that a step's value names: ``"{rate_per_s}"`` alone, or within a text."""
    match value:
        case str():
            yield from _PLACE.findall(value)
        case list():
            for one in value:
                yield from references(one)
        case dict():
            for one in value.values():
                yield from references(one)
        case _:
            pass


def reference(value: JsonValue, given: Mapping[str, JsonValue]) -> JsonValue:
    """The value with its parameters put in; one that stands alone keeps its type, others become text."""
    match value:
        case str():
            whole = _PLACE.fullmatch(value)
            if whole and whole[1] in given:
                return given[whole[1]]
            return _PLACE.sub(lambda place: str(given.get(place[1], place[0])), value)
        case list():
            return [reference(one, given) for one in value]
        case dict():
            return {key: reference(one, given) for key, one in value.items()}
        case _:
            return value


def sample(table: Mapping[str, Any]) -> JsonValue:
    """A value of a parameter with which its places can be checked: the default, else any that fits."""
    kind = str(table.get("type"))
    default: JsonValue = table.get("default")
    if default is not None or kind not in TYPES:
        return default
    choices = table.get("choices")
    if kind == "choice" and isinstance(choices, list) and choices:
        return str(choices[0])
    low: JsonValue = table.get("low")
    return TYPES[kind].sample if low is None else low


def _number(value: object, table: Mapping[str, Any]) -> str | None:
    low, high = table.get("low"), table.get("high")
    bounds = " ".join(
        part
        for part in (f"from {low:g}" if low is not None else "", f"to {high:g}" if high is not None else "")
        if part
    )
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        return f"write a number {bounds}".strip()
    outside = (low is not None and value < low) or (high is not None and value > high)
    return f"write a number {bounds}" if outside else None


def _whole(value: object, table: Mapping[str, Any]) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(value, table)
    return "write a whole number"


def _text(value: object, _table: Mapping[str, Any]) -> str | None:
    if isinstance(value, str) and value.strip() and len(value) <= _LONGEST:
        return None
    return f"write a text of at most {_LONGEST} characters"


def _yes_no(value: object, _table: Mapping[str, Any]) -> str | None:
    return None if isinstance(value, bool) else "write yes or no"


def _choice(value: object, table: Mapping[str, Any]) -> str | None:
    choices = [str(one) for one in table.get("choices") or ()]
    return None if value in choices else f"write one of {', '.join(choices)}"


def _time(value: object, _table: Mapping[str, Any]) -> str | None:
    instead = "write a time such as 2026-11-23T02:40Z"
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return instead
    return None if found else instead


def _as_number(text: str) -> JsonValue:
    try:
        return float(text)
    except ValueError:
        return text


def _as_whole(text: str) -> JsonValue:
    number = _as_number(text)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _as_yes_no(text: str) -> JsonValue:
    return True if text.lower() in _YES else False if text.lower() in _NO else text


def _as_time(text: str) -> JsonValue:
    """An ISO time with its zone; without one it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


TYPES: Mapping[str, Type] = MappingProxyType(
    {
        "text": Type(_text, str, "text"),
        "number": Type(_number, _as_number, 1.0),
        "whole": Type(_whole, _as_whole, 1),
        "yes-no": Type(_yes_no, _as_yes_no, sample=True),
        "choice": Type(_choice, str, ""),
        "time": Type(_time, _as_time, "2026-11-23T02:40:00+00:00"),
    }
)
"""The types that a ``[params.NAME]`` table may name."""
