"""The dialog of the action items: ticks, one to reword or assign, one to add; and what was filled in. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import JsonValue

from bot.action_items import Assignment, Wanted
from bot.report_actions import Action
from bot.slack import blocks, limits
from bot.slack.limits import Block, Mrkdwn, joined, person, say, with_people
from bot.slack.modals import View, view
from bot.slack.press import Press

TITLE = "Action items"
TICKS = "items:"
_WHICH, _WHO, _DUE, _TEXT, _ADD = "item:which", "item:who", "item:due", "item:text", "item:add"
_AT_ONCE = 10
"""Slack takes so many checkboxes in one group."""
_SHOWN = 50
_LONGEST = 500
_IN_A_MESSAGE = (150, 110)
"""Characters of an item and of its evidence, so that a dozen fit."""
_NO_SLANT = "\u02cd"
"""Stands for an underscore in evidence, which is set between two of them."""


def listing(items: Sequence[Action], *, press: Press) -> View:
    """The dialog with everything in it."""
    shown = items[:_SHOWN]
    parts: list[Block] = [blocks.section(lines) for lines in _told(shown)]
    if not shown:
        parts.append(blocks.section(say("There is none yet: the timeline shows nothing that was missing.")))
    lines_of = [(_option(number, item), item.done) for number, item in enumerate(shown, start=1)]
    for number, start in enumerate(range(0, len(lines_of), _AT_ONCE)):
        group = lines_of[start : start + _AT_ONCE]
        options = [option for option, _ in group]
        done = [option for option, is_done in group if is_done]
        field: Block = {"type": "checkboxes", "action_id": "value", "options": [*options]}
        if done:
            field["initial_options"] = [*done]
        parts.append(_input(f"{TICKS}{number}", "Done" if number == 0 else "Done, further on", field))
    if shown:
        every: list[JsonValue] = [option for option, _ in lines_of]
        which: Block = {"type": "static_select", "action_id": "value", "options": every}
        parts.append(_input(_WHICH, "Which one to assign or to reword", which))
        parts.append(_input(_TEXT, "What it should read from here", _text()))
    parts.append(_input(_ADD, "A new one", _text()))
    who: Block = {"type": "users_select", "action_id": "value"}
    parts.append(_input(_WHO, "Who does it: the one chosen above, or the new one", who))
    parts.append(_input(_DUE, "By when", {"type": "datepicker", "action_id": "value"}))
    return view(TITLE, parts, press=press, submit="Save")


def wanted(sent: Mapping[str, Any]) -> tuple[Wanted, dict[str, str]]:
    """What was filled in, against what the dialog showed; and the faults by the input under which they stand."""
    state = (sent.get("state") or {}).get("values") or {}
    ticks: dict[str, bool] = {}
    for block in sent.get("blocks") or ():
        name = str(block.get("block_id", ""))
        if name.startswith(TICKS):
            was = _values((block.get("element") or {}).get("initial_options"))
            now = _values(_held(state, name).get("selected_options"))
            # Only what this person changed: somebody else may have ticked others meanwhile.
            ticks |= dict.fromkeys(now - was, True) | dict.fromkeys(was - now, False)
    which = (_held(state, _WHICH).get("selected_option") or {}).get("value")
    who = _held(state, _WHO).get("selected_user")
    day = _held(state, _DUE).get("selected_date")
    text, add = _held(state, _TEXT).get("value") or "", _held(state, _ADD).get("value") or ""
    due = date.fromisoformat(day) if day else None
    assignee = f"slack:{who}" if who else None
    faults: dict[str, str] = {}
    if text and not which:
        faults[_WHICH] = "Choose which one should read so."
    if (who or due) and not which and not add:
        faults[_WHO if who else _DUE] = "Choose which one this is about, or write a new one."
    if which and not (who or due or text):
        faults[_WHO] = "Choose who does it, by when, or what it should read."
    assign = Assignment(str(which), text or None, assignee, due) if which else None
    new_one = bool(add) and not which
    return (
        Wanted(
            ticks=ticks,
            assign=assign,
            add=add,
            add_for=assignee if new_one else None,
            add_due=due if new_one else None,
        ),
        faults,
    )


def line(item: Action, *, number: int | None = None) -> Mrkdwn:
    """One item in a message: whether it is done, whose it is, by when, and the evidence."""
    head = f"{number}. " if number else ""
    text, evidence = (_LONGEST, _LONGEST) if number else _IN_A_MESSAGE
    mark = ":white_check_mark:" if item.done else ":white_large_square:"
    said = say("{}{} {}", Mrkdwn(head), Mrkdwn(mark), limits.cut(str(item.text), text))
    if item.assignee:
        said = say("{}, {}", said, person(item.assignee))
    if item.due:
        said = say("{}, by {}", said, f"{item.due:%Y-%m-%d}")
    if item.evidence:
        told = limits.cut(item.evidence, evidence).replace("_", _NO_SLANT)
        # In a dialog a mention names and does not ping; a message has the names already.
        said = say("{} _({})_", said, with_people(told) if number else told)
    return said


def _told(items: Sequence[Action]) -> list[Mrkdwn]:
    """The items in as few sections as hold them whole."""
    made: list[list[Mrkdwn]] = [[]]
    for number, item in enumerate(items, start=1):
        said = line(item, number=number)
        if made[-1] and sum(len(one) + 1 for one in made[-1]) + len(said) > limits.SECTION - 100:
            made.append([])
        made[-1].append(said)
    return [joined("\n", part) for part in made if part]


def _option(number: int, item: Action) -> Block:
    text = limits.plain(f"{number}. {item.text}", limits.OPTION)
    return {"text": {"type": "plain_text", "text": text, "emoji": False}, "value": item.id}


def _text() -> Block:
    return {"type": "plain_text_input", "action_id": "value", "max_length": _LONGEST}


def _input(block: str, label: str, field: Block) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "optional": True,
        "label": {"type": "plain_text", "text": label, "emoji": False},
        "element": field,
    }


def _held(state: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    return next(iter((state.get(block) or {}).values()), None) or {}


def _values(options: Any) -> set[str]:
    return {str(one.get("value")) for one in options or ()}
