"""What somebody said in Slack, as plain text: no mark-up that would ping or hide something where it is shown again. Pure."""

import re
from collections.abc import Mapping, Sequence
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
    """What a message says; a file without words says so."""
    return plain(str(message.get("text") or "")) or "(no words)"


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
