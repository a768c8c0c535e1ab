"""The dialogs: a plan with what it needs and its button, a question for a reason, a sentence. Pure; Slack's JSON of views."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from bot.domain.incident import Incident
from bot.domain.mitigation import Plan
from bot.domain.plan import plan_lines
from bot.playbook import Playbook
from bot.playbook_params import Param
from bot.slack import blocks, limits
from bot.slack.limits import Block, Mrkdwn, escape, joined, say
from bot.slack.press import Press

View = dict[str, JsonValue]

CALLBACK = "mx"
"""The one name that every dialog of mx comes back under; what it is about is in its ``private_metadata``."""
KEY = "key"
REASON = "reason"
VALUE = "value"
PARAM = "param:"

_PARAGRAPH = 2800
_SUBMIT = {"apply": "Start it", "undo": "Take it back", "extend": "Keep it on"}
_YES_NO = ("yes", "no")
LONGEST_REASON = 2000


def waiting(title: str, words: str, *, press: Press) -> View:
    """What is shown at once, while the plan is worked out; it has no button to press yet."""
    return view(title, [blocks.section(escape(words))], press=press)


def told(title: str, text: Mrkdwn) -> View:
    """A sentence instead of what was wanted."""
    return view(title, [blocks.section(text)], press=None)


def plan(shown: Plan, incident: Incident, playbook: Playbook | None, *, press: Press, why: str = "") -> View:
    """The whole plan, the playbook's parameters and the new key where it takes one, and the button that carries it out."""
    head, *lines = plan_lines(shown)
    parts: list[Block] = [blocks.section(say("*{}*", why))] if why else []
    parts += paragraphs([say("*{}* for {}", head, incident.id), *map(escape, lines)])
    if shown.mode == "apply" and playbook is not None:
        parts += [_param(one, shown.params.get(one.name)) for one in playbook.params]
        if playbook.needs_key:
            parts.append(_key(again=bool(why)))
    submit = _SUBMIT[shown.mode] if shown.steps else None
    return view(shown.title, parts, press=press, submit=submit)


def questions(playbook: Playbook, given: Mapping[str, JsonValue], *, press: Press) -> View:
    """What has to be known before there can be a plan."""
    parts: list[Block] = [blocks.section(say("{}", playbook.when))]
    parts += [_param(one, given.get(one.name, one.default)) for one in playbook.params]
    return view(playbook.title, parts, press=press, submit="Show the plan")


def reason(title: str, words: str, *, press: Press, submit: str) -> View:
    """Asks why."""
    field: Block = {
        "type": "plain_text_input",
        "action_id": VALUE,
        "multiline": True,
        "max_length": LONGEST_REASON,
    }
    asked = question(REASON, "Why? It stands in the report.", field)
    return view(title, [blocks.section(escape(words)), asked], press=press, submit=submit)


def values(state: Mapping[str, Mapping[str, Mapping[str, object]]]) -> dict[str, str]:
    """What was filled in, by the block it stands in; what is empty is left out."""
    found: dict[str, str] = {}
    for block, fields in state.items():
        for held in fields.values():
            chosen = held.get("selected_option")
            value = chosen.get("value") if isinstance(chosen, Mapping) else held.get("value")
            value = held.get("selected_user", value)
            if isinstance(value, str) and value:
                found[block] = value
    return found


def params(filled: Mapping[str, str]) -> dict[str, JsonValue]:
    """The parameters among what was filled in."""
    return {name.removeprefix(PARAM): value for name, value in filled.items() if name.startswith(PARAM)}


def view(title: str, parts: Sequence[Block], *, press: Press | None, submit: str | None = None) -> View:
    """A dialog of these blocks; ``press`` is what comes back with it."""
    made: View = {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": {"type": "plain_text", "text": limits.plain(title, limits.MODAL_TITLE), "emoji": False},
        "close": {"type": "plain_text", "text": "Not now" if submit else "Close", "emoji": False},
        "blocks": [*parts],
    }
    if submit:
        made["submit"] = {"type": "plain_text", "text": submit, "emoji": False}
    if press is not None:
        made["private_metadata"] = limits.fits(press.value, limits.PRIVATE_METADATA)
    return made


def paragraphs(lines: Sequence[Mrkdwn]) -> list[Block]:
    """Lines in as few sections as hold them whole."""
    made: list[list[Mrkdwn]] = [[]]
    for line in lines:
        if made[-1] and sum(len(one) + 1 for one in made[-1]) + len(line) > _PARAGRAPH:
            made.append([])
        made[-1].append(line)
    return [blocks.section(joined("\n", part)) for part in made if part]


def _param(param: Param, value: JsonValue) -> Block:
    options = param.choices if param.type == "choice" else _YES_NO if param.type == "yes-no" else ()
    shown = _shown(value)
    if options:
        offered = [option(one) for one in options]
        field: Block = {"type": "static_select", "action_id": VALUE, "options": [*offered]}
        if shown in options:
            field["initial_option"] = option(shown)
    else:
        field = {"type": "plain_text_input", "action_id": VALUE, "max_length": LONGEST_REASON}
        if shown:
            field["initial_value"] = shown
    return question(f"{PARAM}{param.name}", param.title, field, hint=_hint(param))


def _key(*, again: bool) -> Block:
    field: Block = {"type": "plain_text_input", "action_id": VALUE, "max_length": LONGEST_REASON}
    hint = "It is tested before anything is changed. mx keeps it nowhere but where the service reads it."
    # Another block id: Slack would fill in what was typed before.
    return question(f"{KEY}:again" if again else KEY, "The new API key", field, hint=hint)


def question(block: str, label: str, element: Block, *, hint: str = "") -> Block:
    """An input with its label; ``block`` is what it is found by in what comes back."""
    made: Block = {
        "type": "input",
        "block_id": block,
        "label": {"type": "plain_text", "text": limits.plain(label, limits.LABEL), "emoji": False},
        "element": element,
    }
    if hint:
        made["hint"] = {"type": "plain_text", "text": limits.plain(hint, limits.LABEL), "emoji": False}
    return made


def option(value: str, words: str = "") -> Block:
    """One line of a menu; ``words`` where they are not the value itself."""
    return {
        "text": {"type": "plain_text", "text": limits.plain(words or value, limits.OPTION), "emoji": False},
        "value": limits.fits(value, limits.OPTION_VALUE),
    }


def _shown(value: JsonValue) -> str:
    if isinstance(value, bool):
        return _YES_NO[0] if value else _YES_NO[1]
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def _hint(param: Param) -> str:
    low, high = param.low, param.high
    parts = [f"from {low:g}" if low is not None else "", f"to {high:g}" if high is not None else ""]
    return " ".join(part for part in parts if part)
