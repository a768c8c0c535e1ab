"""A message as plain lines for a terminal, the way a person would see it in Slack. Pure."""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bot.demo.slack.controls import Confirm
from bot.demo.slack.records import Message, View

Json = Any
"""Block Kit JSON, already checked."""

Names = Callable[[str], str]
"""From a user, channel or group id to the name to show."""

_EMOJI = MappingProxyType(
    {
        "white_check_mark": "✅",
        "warning": "⚠",
        "rotating_light": "🚨",
        "x": "❌",
        "red_circle": "🔴",
        "large_orange_circle": "🟠",
        "large_yellow_circle": "🟡",
        "large_green_circle": "🟢",
        "large_blue_circle": "🔵",
        "white_circle": "⚪",
        "hourglass_flowing_sand": "⏳",
        "eyes": "👀",
    }
)
_SEQUENCE = re.compile(r"<([^<>]*)>")
_MARK = re.compile(r"(?<![\w*_~])([*_~])(?=\S)(.+?)(?<=\S)\1(?![\w*_~])")
_CODE = re.compile(r"(`[^`\n]+`)")


def render(
    message: Message, *, names: Names = str, files: Sequence[str] = (), width: int = 78
) -> tuple[str, ...]:
    """The lines of a message: its blocks, or its text where it has none, then files and marks."""
    if message.blocks:
        lines = list(render_blocks(message.blocks, names=names, width=width))
    else:
        lines = list(_wrap(plain(message.text, names), width))
    lines += [f"[file] {name}" for name in files]
    if message.ephemeral_to:
        lines.insert(0, "(only visible to you)")
    if message.edited:
        lines.append("(edited)")
    return tuple(lines)


def render_confirm(dialog: Confirm, *, names: Names = str, width: int = 78) -> tuple[str, ...]:
    """The lines of the dialog that a button opens first."""
    return (
        dialog.title,
        *_wrap(plain(dialog.text, names), width),
        f"[ {dialog.deny} ]  [ {dialog.confirm} ]",
    )


def render_view(view: View, *, names: Names = str, width: int = 78) -> tuple[str, ...]:
    """The lines of a modal: its title, its blocks, its two buttons; of App Home its blocks."""
    buttons = [view.body[key]["text"] for key in ("close", "submit") if view.body.get(key)]
    return (
        *([view.body["title"]["text"]] if "title" in view.body else []),
        *render_blocks(view.body["blocks"], names=names, width=width),
        *(["  ".join(f"[ {words} ]" for words in buttons)] if buttons else []),
    )


def render_blocks(blocks: Sequence[Json], *, names: Names = str, width: int = 78) -> Iterator[str]:
    """The lines of some blocks, from top to bottom."""
    for block in blocks:
        yield from _block(block, names, width)


def plain(text: str, names: Names = str) -> str:
    """Mrkdwn as it reads: names for ids, text of links, no marks, entities as characters."""
    named = _SEQUENCE.sub(lambda match: _sequence(match.group(1), names), text)
    parts = _CODE.split(named)
    read = "".join(part[1:-1] if _CODE.fullmatch(part) else _emoji(_MARK.sub(r"\2", part)) for part in parts)
    return read.replace("```", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _sequence(inner: str, names: Names) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return f"@{names(target[1:])}"
    if target.startswith("#"):
        return f"#{label or names(target[1:])}"
    if target.startswith("!subteam^"):
        return label or f"@{names(target.removeprefix('!subteam^'))}"
    if target.startswith("!date^"):
        return label
    if target.startswith("!"):
        return f"@{target[1:]}"
    return f"{label} ({target})" if label and label != target else target


def _emoji(text: str) -> str:
    return re.sub(r":([a-z_]+):", lambda match: _EMOJI.get(match.group(1), match.group(0)), text)


def _wrap(text: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        yield from textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]


def _text(value: Json, names: Names) -> str:
    return plain(value["text"], names) if value["type"] == "mrkdwn" else _emoji(value["text"])


def _header(block: Json, names: Names, width: int) -> Iterator[str]:
    words = _text(block["text"], names)
    yield from (words, "─" * min(width, max(8, len(words))))


def _section(block: Json, names: Names, width: int) -> Iterator[str]:
    if "text" in block:
        yield from _wrap(_text(block["text"], names), width)
    yield from _fields([_text(field, names) for field in block.get("fields", ())], width)
    if "accessory" in block:
        yield _control(block["accessory"])


def _context(block: Json, names: Names, width: int) -> Iterator[str]:
    words = "  ".join(
        f"[{item['alt_text']}]" if item["type"] == "image" else _text(item, names)
        for item in block["elements"]
    )
    yield from (f"· {line}" for line in _wrap(words, width - 2))


def _actions(block: Json, _names: Names, width: int) -> Iterator[str]:
    yield from _row([_control(each) for each in block["elements"]], width)


def _rich_text(block: Json, names: Names, width: int) -> Iterator[str]:
    for part in block["elements"]:
        yield from _rich(part, names, width)


_SHOWN: Mapping[str, Callable[[Json, Names, int], Iterable[str]]] = MappingProxyType(
    {
        "header": _header,
        "section": _section,
        "context": _context,
        "actions": _actions,
        "rich_text": _rich_text,
        "divider": lambda _block, _names, width: ("─" * width,),
        "image": lambda block, _names, _width: (f"[image: {block['alt_text']}]",),
        "table": lambda block, names, _width: _table(block["rows"], names),
        "markdown": lambda block, _names, _width: block["text"].splitlines(),
        "input": lambda block, names, _width: (
            f"{_text(block['label'], names)}: {_control(block['element'])}",
        ),
        "alert": lambda block, names, width: _wrap(f"! {_text(block['text'], names)}", width),
    }
)


def _block(block: Json, names: Names, width: int) -> Iterable[str]:
    show = _SHOWN.get(block["type"])
    return show(block, names, width) if show else (f"[{block['type']}]",)


def _fields(fields: Sequence[str], width: int) -> Iterator[str]:
    """Two columns, as Slack lays fields out; one where a field is too long for half the width."""
    half = width // 2 - 1
    for left, right in zip(fields[::2], [*fields[1::2], ""], strict=False):
        rows = (left.splitlines(), right.splitlines())
        if max((len(line) for row in rows for line in row), default=0) > half:
            yield from (line for row in rows for text in row for line in _wrap(text, width))
            continue
        for index in range(max(len(rows[0]), len(rows[1]))):
            cells = [row[index] if index < len(row) else "" for row in rows]
            yield f"{cells[0]:<{half}}  {cells[1]}".rstrip()


def _control(element: Json) -> str:
    if element["type"] == "image":
        return f"[image: {element['alt_text']}]"
    words = (element.get("text") or element.get("placeholder") or {}).get("text", "")
    if element["type"] == "button":
        return f"[ {_emoji(words)} ]"
    return f"[ {words or element['type']} ▾ ]"


def _row(parts: Sequence[str], width: int) -> Iterator[str]:
    line = ""
    for part in parts:
        if line and len(line) + len(part) + 2 > width:
            yield line
            line = ""
        line = f"{line}  {part}" if line else part
    if line:
        yield line


_INLINE: Mapping[str, Callable[[Json, Names], str]] = MappingProxyType(
    {
        "text": lambda each, _names: str(each["text"]),
        "link": lambda each, _names: str(each.get("text") or each["url"]),
        "user": lambda each, names: f"@{names(each['user_id'])}",
        "usergroup": lambda each, names: f"@{names(each['usergroup_id'])}",
        "channel": lambda each, names: f"#{names(each['channel_id'])}",
        "broadcast": lambda each, _names: f"@{each['range']}",
        "emoji": lambda each, _names: _emoji(f":{each['name']}:"),
    }
)


def _inline(element: Json, names: Names) -> str:
    show = _INLINE.get(element["type"])
    return show(element, names) if show else str(element.get("fallback", ""))


def _rich(part: Json, names: Names, width: int) -> Iterator[str]:
    if part["type"] == "rich_text_list":
        for number, item in enumerate(part["elements"], start=1):
            bullet = f"{number}." if part["style"] == "ordered" else "•"
            words = "".join(_inline(each, names) for each in item["elements"])
            lines = list(_wrap(words, width - len(bullet) - 1)) or [""]
            yield f"{'  ' * part.get('indent', 0)}{bullet} {lines[0]}"
            yield from (f"  {line}" for line in lines[1:])
        return
    words = "".join(_inline(each, names) for each in part["elements"])
    match part["type"]:
        case "rich_text_preformatted":
            yield from (f"  {line}" for line in words.splitlines())
        case "rich_text_quote":
            yield from (f"> {line}" for line in _wrap(words, width - 2))
        case _:
            yield from _wrap(words, width)


def _table(rows: Sequence[Json], names: Names) -> Iterator[str]:
    cells = [[_cell(cell, names) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in cells if at < len(row)) for at in range(max(map(len, cells)))]
    for row in cells:
        yield "  ".join(f"{cell:<{widths[at]}}" for at, cell in enumerate(row)).rstrip()


def _cell(cell: Json, names: Names) -> str:
    if cell["type"] == "raw_text":
        return str(cell["text"])
    return " ".join(line for part in cell["elements"] for line in _rich(part, names, 200))
