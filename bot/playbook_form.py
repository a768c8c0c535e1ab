"""The TOML form of a playbook, checked: every fault with the path of its key and what to write instead. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import JsonValue

from bot.playbook_params import TYPES, reference, references, sample
from bot.toml_lines import key_name, line_at, lines_of

LONGEST_BUTTON = 75
"""Slack cuts a button's text there."""
STEP_KEYS = ("kind", "title", "timeout_s", "ask")
"""Keys of a step that belong to the playbook; the rest are the kind's own values."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PARAM = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TEXTS = {
    "title": "write what it does in a few words",
    "button": "write the words of its button",
    "when": "write a sentence that says when it fits",
}
_MAY = ("touches", "undo")
_CHOICES = {"who": ("responders", "approvers"), "at_expiry": ("undo", "keep")}
_SWITCHES = ("second_person", "needs_key")
_HEAD = ("name", *_TEXTS, "fits", *_MAY, *_CHOICES, *_SWITCHES, "params", "steps")
_LARGEST = 1e15
_PARAM_KEYS = ("type", "title", "default", "low", "high", "choices")


class Fault(NamedTuple):
    """What is wrong at ``path`` (``steps[2].rate_per_s``), and what to write there."""

    path: str
    instead: str

    def at(self, source: str, text: str) -> str:
        """The fault with its file and, where the text shows the key, its line."""
        line = line_of(text, self.path)
        return f"{source}{f':{line}' if line else ''}: {self.path}: {self.instead}"


def head_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong above the steps."""
    for key in table:
        if key not in _HEAD:
            yield Fault(key_name(key), f"there is no such key; write one of {', '.join(_HEAD)}")
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Fault("name", "write small letters, digits and hyphens, such as rate-limited")
    for key, instead in _TEXTS.items():
        if not _is_text(table.get(key)):
            yield Fault(key, instead)
    if isinstance(button := table.get("button"), str) and len(button) > LONGEST_BUTTON:
        yield Fault("button", f"{len(button)} characters; write at most {LONGEST_BUTTON}")
    fits = table.get("fits")
    if not isinstance(fits, list) or not all(isinstance(rule, str) and rule for rule in fits):
        yield Fault("fits", 'write a list of rules, such as ["rate-limited"]; [] offers it on no finding')
    yield from _word_faults(table)


def _word_faults(table: Mapping[str, Any]) -> Iterator[Fault]:
    for key, words in _CHOICES.items():
        if key in table and table[key] not in words:
            yield Fault(key, "write " + " or ".join(f'"{word}"' for word in words) + ", or leave it out")
    for key in _SWITCHES:
        if key in table and not isinstance(table[key], bool):
            yield Fault(key, "write true or false")
    for key in _MAY:
        if key in table and not _is_text(table[key]):
            yield Fault(key, "write a sentence, or leave it out")


def param_faults(found: object) -> Iterator[Fault]:
    """What is wrong with the ``[params.NAME]`` tables."""
    if not isinstance(found, dict):
        yield Fault("params", 'write tables, such as [params.rate_per_s] with type = "number"')
        return
    for name, table in found.items():
        path = f"params.{key_name(name)}"
        if not _PARAM.fullmatch(name):
            yield Fault(path, "name it with small letters, digits and underscores")
        if not isinstance(table, dict):
            yield Fault(path, f'write a table: [{path}] with type = "number"')
            continue
        yield from _one_param(path, table)


def _one_param(path: str, table: Mapping[str, Any]) -> Iterator[Fault]:
    for key in table:
        if key not in _PARAM_KEYS:
            yield Fault(
                f"{path}.{key_name(key)}", f"there is no such key; write one of {', '.join(_PARAM_KEYS)}"
            )
    kind = table.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        yield Fault(f"{path}.type", f"write one of {', '.join(TYPES)}")
        return
    if not _is_text(table.get("title")):
        yield Fault(f"{path}.title", "write what is asked for, in a few words")
    yield from _bound_faults(path, table, kind)
    bounds = {key: table[key] for key in ("low", "high") if _is_number(table.get(key))}
    choices = table.get("choices")
    bounds["choices"] = choices if isinstance(choices, list) else []
    if "default" in table and (instead := TYPES[kind].wrong(table["default"], bounds)):
        yield Fault(f"{path}.default", instead)


def _bound_faults(path: str, table: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    choices = table.get("choices", [])
    listed = isinstance(choices, list) and all(_is_text(one) for one in choices)
    if not listed or (kind == "choice" and not choices):
        yield Fault(f"{path}.choices", 'write the list to choose from, such as ["on", "auto"]')
    wrong = [key for key in ("low", "high") if key in table and not _is_number(table[key])]
    for key in wrong:
        yield Fault(f"{path}.{key}", "write a number, or leave it out")
    if {"low", "high"} <= set(table) and not wrong and table["low"] > table["high"]:
        yield Fault(f"{path}.high", f"it is below low; write at least {table['low']:g}")


def step_faults(
    found: object, kinds: Mapping[str, Any], params: Mapping[str, Mapping[str, Any]]
) -> Iterator[Fault]:
    """What is wrong with the steps; a value that is a parameter is checked with the parameter's default."""
    if not isinstance(found, list) or not found or not all(isinstance(step, dict) for step in found):
        yield Fault("steps", "write at least one [[steps]] table")
        return
    samples = {name: sample(table) for name, table in params.items()}
    for index, step in enumerate(found):
        path = f"steps[{index}]"
        named = step.get("kind")
        kind = kinds.get(named) if isinstance(named, str) else None
        if not isinstance(step.get("title", ""), str):
            yield Fault(f"{path}.title", "write a text")
        timeout = step.get("timeout_s", 1)
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 1 <= timeout <= 86400:  # noqa: PLR2004 - a second to a day
            yield Fault(f"{path}.timeout_s", "write the seconds after which it is given up, 1 to 86400")
        ask = step.get("ask", "")
        if not isinstance(ask, str) or len(ask) > LONGEST_BUTTON:
            yield Fault(f"{path}.ask", f"write the words of a button, at most {LONGEST_BUTTON} characters")
        if kind is None:
            yield Fault(f"{path}.kind", f"{named!r} is no kind; write one of {', '.join(sorted(kinds))}")
            continue
        own = values_of(step)
        unknown = {
            (key, name) for key, value in own.items() for name in references(value) if name not in params
        }
        for key, name in sorted(unknown):
            yield Fault(f"{path}.{key_name(key)}", f"{{{name}}} is no parameter; add a table [params.{name}]")
        unsure = {
            key
            for key, value in own.items()
            if any("default" not in params.get(name, {}) for name in references(value))
        }
        filled = {key: reference(value, samples) for key, value in own.items()}
        for fault in kind.check(filled):
            key, instead = _split(fault, own)
            if key not in unsure:
                yield Fault(f"{path}.{key_name(key) if key in own else key}", instead)


def values_of(step: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The kind's own values of a step's table."""
    return {key: value for key, value in step.items() if key not in STEP_KEYS}


def line_of(text: str, path: str) -> int | None:
    """The line of this path's key, of its table where the key is missing; None where the text does not show it."""
    return line_at(lines_of(text), path)


def _split(fault: str, keys: Mapping[str, Any]) -> tuple[str, str]:
    """A kind's fault as its key and its words; a key that holds a colon itself is known by its table."""
    known = [key for key in keys if fault.startswith(f"{key}: ")]
    key = max(known, key=len) if known else fault.partition(": ")[0]
    return key, fault[len(key) + 2 :]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_LARGEST < value < _LARGEST
