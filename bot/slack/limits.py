"""What Slack allows in a message, enforced here and nowhere else: escaping, lengths, counts, the size of the whole.

Text that Slack parses (mrkdwn, and the notification's fallback text) has the type ``Mrkdwn``, and ``say`` is the
only way to make it: whatever is put into it is escaped unless it is ``Mrkdwn`` already. So a probe's words that
read ``<!channel>`` are shown, and ping nobody.
"""

import json
import re
from collections.abc import Sequence

from pydantic import JsonValue

Block = dict[str, JsonValue]

BLOCKS = 50
SECTION = 3000
HEADER = 150
CONTEXT_ELEMENTS = 10
ACTION_ELEMENTS = 25
BUTTON = 75
VALUE = 2000
ACTION_ID = 255
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30
FALLBACK = 3900
"""``chat.update`` refuses a text over 4,000 characters."""
WHOLE = 12_000
"""All blocks together; Slack answers ``msg_blocks_too_long`` near 13,200 and does not say where."""
MODAL_TITLE = 24
LABEL = 2000
OPTION = 75
OPTION_VALUE = 150
OVERFLOW = 5
HOME_BLOCKS = 100
PRIVATE_METADATA = 3000
PHONE = 44
"""Columns of fixed-width text that a phone shows without breaking the line."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_USER = re.compile(r"slack:([UW][A-Z0-9]{1,30})")
_NAMED = re.compile(r"slack:[UWCG][A-Z0-9]{1,30}")
_CUT = "…"


class Mrkdwn(str):
    """Text that may be given to Slack's parser: escaped where it came from outside. Made by ``say``."""

    __slots__ = ()


def escape(text: str) -> Mrkdwn:
    """Somebody's words as mrkdwn that shows them letter by letter."""
    return Mrkdwn("".join(_ENTITIES.get(char, char) for char in _CONTROL.sub(" ", text)))


def say(template: str, *values: object) -> Mrkdwn:
    """``str.format`` for mrkdwn: the template is ours, every value is escaped unless it is ``Mrkdwn``."""
    return Mrkdwn(template.format(*(v if isinstance(v, Mrkdwn) else escape(str(v)) for v in values)))


def joined(separator: str, parts: Sequence[Mrkdwn]) -> Mrkdwn:
    """Several pieces of mrkdwn as one."""
    return Mrkdwn(separator.join(parts))


def person(actor: str) -> Mrkdwn:
    """An actor of the timeline for Slack: ``slack:U1`` becomes a mention, anybody else a plain name."""
    if found := _USER.fullmatch(actor):
        return Mrkdwn(f"<@{found[1]}>")
    kind, _, name = actor.partition(":")
    return escape(f"{name} (in PagerDuty)" if kind == "pagerduty" and name else actor)


def with_people(text: str) -> Mrkdwn:
    """Our own sentence with ``slack:U1`` or ``slack:C1`` in it, for a private answer: there a mention names and does not ping."""
    done, parts = 0, []
    for found in _NAMED.finditer(text):
        shown = person(found[0]) if _USER.fullmatch(found[0]) else channel(found[0].removeprefix("slack:"))
        parts += [escape(text[done : found.start()]), shown]
        done = found.end()
    return joined("", [*parts, escape(text[done:])])


def channel(channel_id: str) -> Mrkdwn:
    """A channel's link, for an id that has an id's shape."""
    return (
        Mrkdwn(f"<#{channel_id}>") if re.fullmatch(r"[CGD][A-Z0-9]{1,30}", channel_id) else escape(channel_id)
    )


def link(url: str, words: str) -> Mrkdwn:
    """A link to an address that Slack itself or our own settings gave."""
    return Mrkdwn(f"<{_escape_url(url)}|{escape(words).replace('|', '/')}>")


def cut(text: str, limit: int) -> str:
    """The text, or its beginning with an ellipsis; never longer than ``limit``."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + _CUT


def cut_mrkdwn(text: Mrkdwn, limit: int) -> Mrkdwn:
    """The same for mrkdwn: never cuts inside an entity or a ``<…>``."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = kept.rfind(opening)
        if start >= 0 and closing not in kept[start:] and len(kept) - start < 200:  # noqa: PLR2004 - longer is text
            kept = kept[:start]
    return Mrkdwn(kept.rstrip() + _CUT)


def plain(text: str, limit: int) -> str:
    """One line of plain text, not empty, within the limit."""
    return cut(" ".join(_CONTROL.sub(" ", text).split()) or "-", limit)


def fixed(text: str) -> str:
    """Lines of fixed-width text that nothing parses; never empty."""
    return cut(_CONTROL.sub(" ", text), SECTION) or "-"


def fits(value: str, limit: int) -> str:
    """A value that cannot be cut without losing its meaning: refused where it is too long."""
    if not 0 < len(value) <= limit:
        raise ValueError(f"a value of {len(value)} characters; Slack takes 1 to {limit} here")
    return value


def whole(blocks: Sequence[Block]) -> list[Block]:
    """The blocks of one message, cut to what Slack takes: at most 50, and not too much text in all.

    What is cut is the longest text; buttons and the first block always stay.
    """
    kept = list(blocks)
    if len(kept) > BLOCKS:
        actions = [b for b in kept if b["type"] == "actions"]
        others = [b for b in kept if b["type"] != "actions"]
        keep = set(map(id, others[: BLOCKS - 1 - len(actions)] + actions))
        kept = [*(b for b in kept if id(b) in keep), _left_out()]
    cuts = False
    while _size(kept) > WHOLE:
        loose = [b for b in kept[1:] if b["type"] != "actions"]
        if not loose:
            break
        longest = max(loose, key=lambda block: _size([block]))
        kept = [block for block in kept if block is not longest]
        cuts = True
    if cuts:
        kept = [*kept[: BLOCKS - 1], _left_out()]
    return kept


def _size(blocks: Sequence[Block]) -> int:
    return len(json.dumps(list(blocks)))


def _left_out() -> Block:
    words = "Some of it is left out: a Slack message has no room for more. /mx report has everything."
    return {"type": "context", "elements": [{"type": "plain_text", "text": words, "emoji": False}]}


def _escape_url(url: str) -> str:
    return re.sub(r"[<>|\s]", lambda found: f"%{ord(found[0]):02X}", url)
