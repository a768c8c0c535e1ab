"""What a person can press or fill in: the interactive elements of blocks, and what choosing sends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any
"""Block Kit JSON, already checked."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """The dialog that Slack shows before a control does anything."""

    title: str
    text: str
    confirm: str
    deny: str


@dataclass(frozen=True, slots=True)
class Control:
    """One interactive element and the block it stands in."""

    block_id: str
    element: Json
    label: str

    @property
    def action_id(self) -> str:
        """The element's action_id."""
        return str(self.element["action_id"])

    @property
    def confirm(self) -> Confirm | None:
        """The dialog before it acts, where it has one."""
        dialog = self.element.get("confirm")
        if dialog is None:
            return None
        return Confirm(
            title=dialog["title"]["text"],
            text=dialog["text"]["text"],
            confirm=dialog["confirm"]["text"],
            deny=dialog["deny"]["text"],
        )


def controls(blocks: Sequence[Json]) -> Iterator[Control]:
    """Every interactive element, in reading order."""
    for block in blocks:
        found = [*block.get("elements", ())] if block["type"] in {"actions", "context_actions"} else []
        found += [block[key] for key in ("accessory", "element") if key in block]
        for element in found:
            if "action_id" not in element:
                continue
            words = block.get("label") or element.get("text") or element.get("placeholder") or {}
            yield Control(block["block_id"], element, words.get("text", ""))


def complete(blocks: Sequence[Json], held: Mapping[str, Json]) -> dict[str, Json]:
    """The ``state`` that Slack sends: everything that can be chosen or filled in, with what it holds now."""
    state: dict[str, Json] = {}
    for control in controls(blocks):
        element = control.element
        if element["type"] in _STATELESS:
            continue
        known = held.get(control.block_id, {}).get(control.action_id)
        value = known or initial(element) or chosen(element, None)
        state.setdefault(control.block_id, {})[control.action_id] = value
    return state


def find_control(blocks: Sequence[Json], name: str) -> Control:
    """The control with this action_id or this label, or at this place (``block_id/action_id``).

    A place whose block has another id by now is found by its action_id, as that is what the app goes by.
    """
    everything = list(controls(blocks))
    action = name.partition("/")[2]
    found = (
        [each for each in everything if f"{each.block_id}/{each.action_id}" == name]
        or [each for each in everything if each.action_id == name]
        or [each for each in everything if each.label == name]
        or [each for each in everything if action and each.action_id == action]
    )
    if len(found) != 1:
        there = ", ".join(f"{each.label!r} ({each.action_id})" for each in everything) or "nothing to press"
        raise LookupError(f"{len(found)} controls are called {name!r}; there is: {there}")
    return found[0]


def silent(blocks: Sequence[Json], control: Control) -> bool:
    """Whether filling this in tells the app nothing yet: an input block without dispatch_action."""
    block = next(each for each in blocks if each["block_id"] == control.block_id)
    return block["type"] == "input" and not block.get("dispatch_action")


def merged(element: Json, options: Sequence[Json]) -> Json:
    """A menu whose options the app brings, with those that it brought."""
    return {**element, "options": list(options)}


def _options(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", ()) for option in group["options"]]
    return [*element.get("options", ()), *grouped]


def _option(element: Json, name: str) -> Json:
    for option in _options(element):
        if name in {option["value"], option["text"]["text"]}:
            return option
    there = ", ".join(repr(option["text"]["text"]) for option in _options(element))
    raise LookupError(f"no option is called {name!r}; there is: {there}")


_PLAIN = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
}
_STATELESS = {"button", "overflow", "feedback_buttons", "icon_button"}
_ONE = {"static_select", "external_select", "overflow", "radio_buttons"}
_MANY = {"multi_static_select", "multi_external_select", "checkboxes"}


def chosen(element: Json, value: str | Sequence[str] | None) -> dict[str, Json]:
    """The value object that choosing ``value`` (an option's label or value, an id, a text) makes."""
    kind = element["type"]
    if kind in _ONE:
        picked = None if value is None else _option(element, str(value))
        return {"type": kind, "selected_option": picked}
    if kind in _MANY:
        names = [value] if isinstance(value, str) else value or ()
        return {"type": kind, "selected_options": [_option(element, name) for name in names]}
    if kind in _PLAIN:
        several = kind.startswith("multi_")
        if kind == "datetimepicker" and value is not None:
            return {"type": kind, _PLAIN[kind]: int(str(value))}
        return {"type": kind, _PLAIN[kind]: list(value or ()) if several else value}
    return {"type": kind, "value": value}


def initial(element: Json) -> dict[str, Json] | None:
    """The value object of what the app filled in beforehand, or None where it left it open."""
    kind = element["type"]
    for key, given in element.items():
        if not key.startswith("initial_"):
            continue
        if kind in _ONE:
            return {"type": kind, "selected_option": given}
        if kind in _MANY:
            return {"type": kind, "selected_options": given}
        return {"type": kind, _PLAIN.get(kind, "value"): given}
    return None


def is_empty(value: dict[str, Json]) -> bool:
    """Whether a value object holds nothing."""
    return all(not held for key, held in value.items() if key != "type")
