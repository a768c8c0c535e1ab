"""Block Kit as Slack enforces it: the blocks of a message, and modals. Pure: JSON in, faults out.

Left out on purpose, and refused as unknown: the newest blocks for AI apps (card, carousel, container, plan,
task_card, data_table).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from bot.demo.slack.elements import (
    ACCESSORIES,
    ACTIONS,
    ELEMENTS,
    ID,
    IMAGE,
    INPUTS,
    RICH,
    URL,
)
from bot.demo.slack.schema import (
    Check,
    Fault,
    Field,
    Json,
    anything,
    array,
    boolean,
    integer,
    may,
    must,
    one_of,
    record,
    string,
    text,
    typed,
)

MARKDOWN_CHARS = 12_000
"""All markdown blocks of one message together."""


def _block(kind: str, **fields: Field) -> Check:
    return record({"type": must(one_of(kind)), "block_id": may(ID), **fields})


def _context_item(value: Json, at: str) -> Iterator[Fault]:
    if isinstance(value, dict) and value.get("type") == "image":
        yield from record(IMAGE)(value, at)
    else:
        yield from text(3000)(value, at)


def _cell(value: Json, at: str) -> Iterator[Fault]:
    kinds = {
        "raw_text": record({"type": must(one_of("raw_text")), "text": must(string(3000))}),
        "rich_text": _RICH_TEXT,
    }
    yield from typed(kinds)(value, at)


def _section(value: Json, at: str) -> Iterator[Fault]:
    yield from _SECTION(value, at)
    if not {"text", "fields"} & set(value):
        yield Fault("missing_field", "must define either `text` or `fields`", at, "text|fields")


def _picture(value: Json, at: str) -> Iterator[Fault]:
    yield from _block("image", **{**IMAGE, "title": may(text(2000, plain=True))})(value, at)
    if ("image_url" in value) == ("slack_file" in value):
        yield Fault("invalid_value", "must define either `image_url` or `slack_file`", at, "image_url")


_RICH_TEXT = _block("rich_text", elements=must(array(typed(RICH), most=1000)))
_SECTION = _block(
    "section",
    text=may(text(3000)),
    fields=may(array(text(2000), most=10)),
    accessory=may(typed(ELEMENTS, only=ACCESSORIES)),
    expand=may(boolean),
)
_BLOCKS: Mapping[str, Check] = MappingProxyType(
    {
        "section": _section,
        "header": _block("header", text=must(text(150, plain=True)), level=may(integer(1, 4))),
        "divider": _block("divider"),
        "actions": _block("actions", elements=must(array(typed(ELEMENTS, only=ACTIONS), most=25))),
        "context": _block("context", elements=must(array(_context_item, most=10))),
        "image": _picture,
        "rich_text": _RICH_TEXT,
        "markdown": _block("markdown", text=must(string(MARKDOWN_CHARS))),
        "input": _block(
            "input",
            label=must(text(2000, plain=True)),
            element=must(typed(ELEMENTS, only=INPUTS)),
            hint=may(text(2000, plain=True)),
            optional=may(boolean),
            dispatch_action=may(boolean),
        ),
        "table": _block(
            "table",
            rows=must(array(array(_cell, most=20), most=100)),
            column_settings=may(array(anything, most=20)),
        ),
        "video": _block(
            "video",
            title=must(text(200, plain=True)),
            alt_text=must(string(2000)),
            thumbnail_url=must(URL),
            video_url=must(URL),
            author_name=may(string(50)),
            title_url=may(URL),
            description=may(text(200, plain=True)),
            provider_name=may(ID),
            provider_icon_url=may(URL),
        ),
        "file": _block("file", external_id=must(ID), source=must(one_of("remote"))),
        "alert": _block(
            "alert",
            text=must(text(3000)),
            level=may(one_of("default", "info", "warning", "error", "success")),
        ),
        "context_actions": _block(
            "context_actions",
            elements=must(
                array(
                    typed(
                        {
                            "feedback_buttons": record(
                                {
                                    "type": must(one_of("feedback_buttons")),
                                    "action_id": may(ID),
                                    "positive_button": must(anything),
                                    "negative_button": must(anything),
                                }
                            ),
                            "icon_button": record(
                                {
                                    "type": must(one_of("icon_button")),
                                    "action_id": may(ID),
                                    "icon": must(ID),
                                    "text": must(text(75, plain=True)),
                                    "value": may(string(2000)),
                                    "confirm": may(anything),
                                    "accessibility_label": may(string(75)),
                                    "visible_to_user_ids": may(anything),
                                }
                            ),
                        }
                    ),
                    most=5,
                )
            ),
        ),
    }
)
_MESSAGE = tuple(_BLOCKS)
_MODAL = tuple(kind for kind in _MESSAGE if kind not in {"file", "markdown", "table", "context_actions"})


def _repeats(blocks: Sequence[Json], at: str) -> Iterator[Fault]:
    """block_id is unique in the whole, action_id within its block."""
    seen_blocks: set[str] = set()
    for index, block in enumerate(blocks):
        if not isinstance(block, dict):
            continue
        name = block.get("block_id")
        if isinstance(name, str) and name in seen_blocks:
            yield Fault("duplicate", f"`block_id` already exists: {name}", f"{at}/{index}/block_id", "unique")
        elif isinstance(name, str):
            seen_blocks.add(name)
        seen: set[str] = set()
        elements = block.get("elements")
        for place, element in enumerate(elements if isinstance(elements, list) else ()):
            action = element.get("action_id") if isinstance(element, dict) else None
            if isinstance(action, str) and action in seen:
                where = f"{at}/{index}/elements/{place}/action_id"
                yield Fault("duplicate", f"`action_id` already exists: {action}", where, "unique")
            elif isinstance(action, str):
                seen.add(action)


def blocks_faults(blocks: Json, *, at: str = "/blocks", most: int = 50, modal: bool = False) -> list[Fault]:
    """Everything Slack refuses in a list of blocks."""
    if not isinstance(blocks, list):
        return [Fault("invalid_type", "must provide an array", at, "array")]
    kinds = _MODAL if modal else _MESSAGE
    faults = list(array(typed(_BLOCKS, only=kinds), most=most, least=0)(blocks, at))
    faults += _repeats(blocks, at)
    of_kind = [block for block in blocks if isinstance(block, dict)]
    if sum(block.get("type") == "table" for block in of_kind) > 1:
        faults.append(Fault("too_many_items", "only one table is allowed per message", at, "max_items:1"))
    markdown = sum(len(str(block.get("text", ""))) for block in of_kind if block.get("type") == "markdown")
    if markdown > MARKDOWN_CHARS:
        faults.append(
            Fault("too_long", f"markdown must be less than {MARKDOWN_CHARS + 1} characters together", at)
        )
    return faults


def blocks_chars(blocks: Json) -> int:
    """How long the blocks of a message are together, as msg_blocks_too_long counts."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


_VIEW = record(
    {
        "type": must(one_of("modal")),
        "title": must(text(24, plain=True)),
        "blocks": must(anything),
        "submit": may(text(24, plain=True)),
        "close": may(text(24, plain=True)),
        "private_metadata": may(string(3000, shortest=0)),
        "callback_id": may(string(255, shortest=0)),
        "external_id": may(string(255, shortest=0)),
        "clear_on_close": may(boolean),
        "notify_on_close": may(boolean),
        "submit_disabled": may(boolean),
    }
)


_HOME = record(
    {
        "type": must(one_of("home")),
        "blocks": must(anything),
        "private_metadata": may(string(3000, shortest=0)),
        "callback_id": may(string(255, shortest=0)),
        "external_id": may(string(255, shortest=0)),
    }
)


def home_faults(view: Json, *, at: str = "/view") -> list[Fault]:
    """Everything Slack refuses in an App Home."""
    faults = list(_HOME(view, at))
    if not isinstance(view, dict) or "blocks" not in view:
        return faults
    return faults + blocks_faults(view["blocks"], at=f"{at}/blocks", most=100, modal=True)


def view_faults(view: Json, *, at: str = "/view") -> list[Fault]:
    """Everything Slack refuses in a modal."""
    faults = list(_VIEW(view, at))
    if not isinstance(view, dict) or "blocks" not in view:
        return faults
    blocks = view["blocks"]
    faults += blocks_faults(blocks, at=f"{at}/blocks", most=100, modal=True)
    inputs = isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )
    if inputs and "submit" not in view:
        faults.append(
            Fault(
                "missing_field",
                "missing required field: submit is needed when an input block is within blocks array",
                at,
                "submit",
            )
        )
    return faults
