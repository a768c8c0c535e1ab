"""What somebody said in Slack, as plain text: no mark-up that would ping or hide something where it is shown again. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.notebook import KeptFile

_MARKED = re.compile(r"<([^<>\n]*)>")
_LONGEST = 3000
"""Characters of a message that the timeline keeps; its permalink leads to the rest."""


def plain(text: str) -> str:
    """Slack's mrkdwn as people read it: ``<@U1>`` as ``@U1``, links as their words and address, no entities."""
    shown = _MARKED.sub(lambda found: _unmarked(found[1]), text)
    whole = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
    return whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "…"


def text_of(message: Mapping[str, Any]) -> str:
    """What a message says, where need be in its attachments or blocks, as alerts of other apps do; none is told as that."""
    words = str(message.get("text") or "") or "\n".join(_shown(message))
    return plain(words) or "(no words)"


def _shown(message: Mapping[str, Any]) -> Iterator[str]:
    """The words of attachments, else of blocks."""
    for one in _tables(message.get("attachments")):
        parts = [str(one[name]) for name in ("pretext", "title", "text") if one.get(name)]
        yield from parts or [str(one.get("fallback") or "")]
    for block in _tables(message.get("blocks")):
        yield "".join(_words(block))


def _words(element: object) -> Iterator[str]:
    """The texts within a block, in order, whatever holds them."""
    if isinstance(element, Mapping):
        for name in ("text", "elements", "fields"):
            found = element.get(name)
            if isinstance(found, str):
                yield found
            else:
                yield from _words(found)
    elif isinstance(element, Sequence) and not isinstance(element, str):
        for each in element:
            yield from _words(each)


def _tables(found: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(found, Sequence) and not isinstance(found, str):
        yield from (one for one in found if isinstance(one, Mapping))


def files_of(message: Mapping[str, Any]) -> tuple[KeptFile, ...]:
    """The files that hang on a message."""
    files = message.get("files")
    return tuple(
        KeptFile(title=str(one.get("title") or one.get("name") or "a file"), permalink=_address(one))
        for one in (files if isinstance(files, Sequence) else ())
        if isinstance(one, Mapping)
    )


def author_of(message: Mapping[str, Any]) -> str:
    """Who said it: ``slack:U1`` for a person, ``app:NAME`` for an app."""
    if message.get("bot_id"):
        profile = message.get("bot_profile")
        name = profile.get("name") if isinstance(profile, Mapping) else None
        return f"app:{name or message.get('username') or message['bot_id']}"
    user = message.get("user")
    return f"slack:{user}" if user else "app:unknown"


def moment_of(ts: str) -> datetime:
    """When the message of this timestamp was said, UTC. Raises ValueError."""
    return datetime.fromtimestamp(float(ts), UTC)


def _address(file: Mapping[str, Any]) -> str | None:
    found = file.get("permalink")
    return found if isinstance(found, str) and found.startswith(("https://", "http://")) else None


def _unmarked(marked: str) -> str:
    target, _, label = marked.partition("|")
    match target[:1]:
        case "@" | "#":
            return target[0] + (label or target[1:])
        case "!":
            return label or f"@{target[1:].partition('^')[0]}"
        case _:
            return f"{label} ({target})" if label and label != target else target
