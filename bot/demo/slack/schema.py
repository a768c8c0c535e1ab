"""Checks that Block Kit's tables are written in: each takes a value and yields every fault with its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any
"""JSON as it came over the wire."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing Slack refuses, in the shape of blocks.validate."""

    code: str
    message: str
    pointer: str
    constraint: str = ""

    @property
    def field(self) -> str:
        """The last name of the pointer."""
        return self.pointer.rpartition("/")[2]

    def as_json(self) -> dict[str, str]:
        """As blocks.validate lists it."""
        return {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "pointer": self.pointer,
            "constraint": self.constraint,
        }

    def as_line(self, prefix: str = "") -> str:
        """As response_metadata.messages of the other methods lists it."""
        return f"[ERROR] {self.message} [json-pointer:{prefix}{self.pointer}]"


Check = Callable[[Json, str], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an object: how its value is checked, and whether it must be there."""

    check: Check
    required: bool = False


def must(check: Check) -> Field:
    """A key that has to be there."""
    return Field(check, required=True)


def may(check: Check) -> Field:
    """A key that can be left out."""
    return Field(check)


def _wrong_type(wanted: str, at: str) -> Fault:
    return Fault("invalid_type", f"must provide a {wanted}", at, wanted)


def anything(_value: Json, _at: str) -> Iterator[Fault]:
    """Accepts any value: what the stand-in knows of but does not judge."""
    return iter(())


def boolean(value: Json, at: str) -> Iterator[Fault]:
    """True or false."""
    if not isinstance(value, bool):
        yield _wrong_type("boolean", at)


def string(longest: int, *, shortest: int = 1) -> Check:
    """A string of so many characters."""

    def check(value: Json, at: str) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield _wrong_type("string", at)
        elif len(value) < shortest:
            yield Fault("too_short", f"must be more than {shortest - 1} characters", at, f"min:{shortest}")
        elif len(value) > longest:
            yield Fault("too_long", f"must be less than {longest + 1} characters", at, f"max:{longest}")

    return check


def integer(lowest: int, highest: int) -> Check:
    """A whole number in a range."""

    def check(value: Json, at: str) -> Iterator[Fault]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield _wrong_type("number", at)
        elif not lowest <= value <= highest:
            yield Fault("out_of_range", f"must be from {lowest} to {highest}", at, f"{lowest}..{highest}")

    return check


def one_of(*allowed: str) -> Check:
    """One of a few words."""

    def check(value: Json, at: str) -> Iterator[Fault]:
        if value not in allowed:
            yield Fault("invalid_value", f"must be one of {', '.join(allowed)}", at, "|".join(allowed))

    return check


def text(longest: int, *, plain: bool = False) -> Check:
    """A text object; ``plain`` where Slack takes plain_text alone."""
    inner = string(longest)

    def check(value: Json, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong_type("object", at)
            return
        kind = value.get("type")
        allowed = ("plain_text",) if plain else ("plain_text", "mrkdwn")
        if kind not in allowed:
            yield Fault("unsupported_type", f"unsupported type: {kind}", f"{at}/type", "|".join(allowed))
        extra = {"plain_text": "emoji", "mrkdwn": "verbatim"}.get(str(kind), "emoji")
        for key in value:
            if key not in {"type", "text", extra}:
                yield Fault("additional_property", f"invalid additional property: {key}", at)
        if extra in value:
            yield from boolean(value[extra], f"{at}/{extra}")
        if "text" not in value:
            yield Fault("missing_field", "missing required field: text", at, "text")
        else:
            yield from inner(value["text"], f"{at}/text")

    return check


def array(item: Check, *, most: int, least: int = 1) -> Check:
    """A list of so many items, each checked."""

    def check(value: Json, at: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield _wrong_type("array", at)
            return
        if len(value) > most:
            yield Fault("too_many_items", f"no more than {most} items allowed", at, f"max_items:{most}")
        if len(value) < least:
            yield Fault("too_few_items", f"no fewer than {least} items allowed", at, f"min_items:{least}")
        for index, each in enumerate(value):
            yield from item(each, f"{at}/{index}")

    return check


def record(fields: Mapping[str, Field]) -> Check:
    """An object with these keys and no others."""

    def check(value: Json, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong_type("object", at)
            return
        for key in value:
            if key not in fields:
                yield Fault("additional_property", f"invalid additional property: {key}", at)
        for key, rule in fields.items():
            if key in value:
                yield from rule.check(value[key], f"{at}/{key}")
            elif rule.required:
                yield Fault("missing_field", f"missing required field: {key}", at, key)

    return check


def typed(kinds: Mapping[str, Check], *, only: Sequence[str] | None = None) -> Check:
    """An object whose ``type`` chooses the check; ``only`` narrows the kinds that this place takes."""

    def check(value: Json, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield _wrong_type("object", at)
            return
        kind = value.get("type")
        if not isinstance(kind, str):
            yield Fault("missing_field", "missing required field: type", at, "type")
        elif kind not in kinds or (only is not None and kind not in only):
            yield Fault("unsupported_type", f"unsupported type: {kind}", f"{at}/type")
        else:
            yield from kinds[kind](value, at)

    return check
