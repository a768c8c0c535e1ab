"""Checks of a step's values in a playbook: each fault names the key and says what to write instead."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

Check = Callable[[JsonValue], str | None]
"""Looks at one value; returns what to write instead where it is wrong."""

WORKED_OUT = ("", "worked out")
_COLLECTION = re.compile(r"/[A-Za-z]+")


def faults(
    values: Mapping[str, JsonValue], *, keys: Mapping[str, Check], required: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Every fault of the values: unknown keys, missing ones, wrong ones, each as ``key: what to write``."""
    instead = f"write one of {', '.join(keys)}" if keys else "this kind takes none, so leave it out"
    found = [f"{key}: there is no such value; {instead}" for key in values if key not in keys]
    for key, check in keys.items():
        if key not in values:
            if key in required:
                found.append(f"{key}: it is missing; {check(None)}")
        elif wanted := check(values[key]):
            found.append(f"{key}: {values[key]!r:.60} does not fit; {wanted}")
    return tuple(found)


def number(low: float, high: float) -> Check:
    """A number within bounds."""

    def check(value: JsonValue) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            return None
        return f"write a number from {low:g} to {high:g}"

    return check


def whole(low: int, high: int) -> Check:
    """A whole number within bounds."""

    def check(value: JsonValue) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return None
        return f"write a whole number from {low} to {high}"

    return check


def names(value: JsonValue) -> str | None:
    """A list of names, none of them empty."""
    if isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value):
        return None
    return 'write a list of names, such as ["asset-sync"]'


def one_of(*words: str) -> Check:
    """One of these words."""

    def check(value: JsonValue) -> str | None:
        return None if value in words else "write " + " or ".join(f'"{word}"' for word in words)

    return check


def switch(value: JsonValue) -> str | None:
    """What is switched on by being named."""
    return None if value is True else "write true, or leave it out"


def paths(value: JsonValue) -> str | None:
    """A list of collections of the API."""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, str) and _COLLECTION.fullmatch(v) for v in value)
    ):
        return None
    return 'write a list of collections, such as ["/workorders", "/assets"]'


def moment(value: JsonValue) -> str | None:
    """A time with its zone; an empty text, or ``worked out``, leaves it to mx."""
    if isinstance(value, str) and (value.strip() in WORKED_OUT or time_of(value) is not None):
        return None
    return 'write a time such as 2026-11-23T02:40Z, or "worked out"'


def time_of(value: str) -> datetime | None:
    """An ISO time in UTC; one without a zone is taken for UTC, None where it is no time."""
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
