"""Block Kit pieces as plain functions; every one keeps to ``limits``."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import JsonValue

from bot.slack import limits
from bot.slack.limits import Block, Mrkdwn

Style = Literal["primary", "danger"]
Message = dict[str, JsonValue]
"""A message's JSON: text, blocks, metadata and how Slack should treat them."""


def header(text: str) -> Block:
    """The large line on top."""
    return {"type": "header", "text": _plain(text, limits.HEADER)}


def section(text: Mrkdwn) -> Block:
    """A paragraph."""
    return {"type": "section", "text": _mrkdwn(text)}


def context(*lines: Mrkdwn) -> Block:
    """Small grey lines."""
    shown = lines[: limits.CONTEXT_ELEMENTS]
    return {"type": "context", "elements": [_mrkdwn(line) for line in shown if line]}


def preformatted(text: str) -> Block:
    """Fixed-width text that Slack does not parse at all."""
    return {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": limits.fixed(text)}]}
        ],
    }


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def actions(buttons: Sequence[Block]) -> tuple[Block, ...]:
    """Rows of buttons; none where there are no buttons."""
    size = limits.ACTION_ELEMENTS
    rows = [list(buttons[i : i + size]) for i in range(0, len(buttons), size)]
    return tuple({"type": "actions", "elements": [*row]} for row in rows)


def button(
    text: str,
    *,
    action: str,
    value: str,
    style: Style | None = None,
    confirm: Block | None = None,
) -> Block:
    """A button; ``value`` comes back with the click."""
    made: Block = {
        "type": "button",
        "text": _plain(text, limits.BUTTON),
        "action_id": limits.fits(action, limits.ACTION_ID),
        "value": limits.fits(value, limits.VALUE),
    }
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def overflow(options: Sequence[tuple[str, str]], *, action: str) -> Block:
    """The menu behind three dots, at most five lines: each its words and the value that comes back."""
    return {
        "type": "overflow",
        "action_id": limits.fits(action, limits.ACTION_ID),
        "options": [
            {"text": _plain(words, limits.OPTION), "value": limits.fits(value, limits.OPTION_VALUE)}
            for words, value in options[: limits.OVERFLOW]
        ],
    }


def confirm(title: str, text: str, *, yes: str, style: Style | None = None) -> Block:
    """The dialog between a click and the act."""
    made: Block = {
        "title": _plain(title, limits.CONFIRM_TITLE),
        "text": {"type": "plain_text", "text": limits.cut(text, limits.CONFIRM_TEXT) or "-", "emoji": False},
        "confirm": _plain(yes, limits.CONFIRM_BUTTON),
        "deny": _plain("Not now", limits.CONFIRM_BUTTON),
    }
    if style:
        made["style"] = style
    return made


def message(
    text: Mrkdwn,
    blocks: Sequence[Block] = (),
    *,
    event: str | None = None,
    payload: Mapping[str, str] | None = None,
) -> Message:
    """A whole message: the text for notifications, the blocks, and the metadata by which it is found again."""
    made: Message = {
        "text": limits.cut_mrkdwn(text, limits.FALLBACK),
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
        "parse": "none",
    }
    if blocks:
        made["blocks"] = [*limits.whole(blocks)]
    if event:
        made["metadata"] = {"event_type": event, "event_payload": dict(payload or {})}
    return made


def private(text: Mrkdwn, blocks: Sequence[Block] = ()) -> Message:
    """An answer that only the asker sees, as a response URL or an acknowledgement takes it."""
    made: Message = {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": limits.cut_mrkdwn(text, limits.FALLBACK),
    }
    if blocks:
        made["blocks"] = [*limits.whole(blocks)]
    return made


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": limits.plain(text, limit), "emoji": False}


def _mrkdwn(text: Mrkdwn) -> Block:
    # verbatim: Slack makes no links or mentions of its own out of bare names and addresses.
    return {"type": "mrkdwn", "text": limits.cut_mrkdwn(text, limits.SECTION) or " ", "verbatim": True}
