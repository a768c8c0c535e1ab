"""Whom a message would notify: the live control sequences in everything of it that Slack parses."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.demo.slack.records import Message

Json = Any
"""Block Kit JSON."""

_LIVE = re.compile(r"<(!(?:channel|here|everyone)(?:\|[^>]*)?|!subteam\^[^>]*|@[UW][A-Z0-9]+(?:\|[^>]*)?)>")
_BARE = re.compile(r"(?<!\w)@(?:channel|here|everyone)\b")


def notifications(message: Message) -> tuple[str, ...]:
    """Every ping in what the message shows now and in its fallback text, as written; () pings nobody.

    plain_text and preformatted text never ping. Code spans count: Slack parses control sequences first.
    """
    seen = message.now
    found = [*_in_text(seen.text)]
    if seen.parse:
        found += _BARE.findall(seen.text)
    for block in seen.blocks:
        found += _in_block(block)
    for attachment in seen.attachments:
        for value in attachment.values() if isinstance(attachment, Mapping) else ():
            found += _in_text(value) if isinstance(value, str) else _in_block(value)
    return tuple(found)


def _in_text(text: str) -> Iterator[str]:
    for match in _LIVE.finditer(text):
        yield match.group(0)


def _in_block(value: Json) -> Iterator[str]:
    """Mrkdwn and markdown anywhere inside, and rich text's own mention elements."""
    if isinstance(value, list):
        for each in value:
            yield from _in_block(each)
        return
    if not isinstance(value, Mapping):
        return
    match value.get("type"):
        case "mrkdwn" | "markdown":
            yield from _in_text(str(value.get("text", "")))
        case "broadcast":
            yield f"<!{value['range']}>"
        case "user":
            yield f"<@{value['user_id']}>"
        case "usergroup":
            yield f"<!subteam^{value['usergroup_id']}>"
        case _:
            for each in value.values():
                yield from _in_block(each)
