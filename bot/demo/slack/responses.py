"""What an app says without a token: the body of an ack to a command, and posts to a response_url.

Slack does not document the error bodies of response_url; these are the ones that people have reported.
"""

import json
from typing import Any

from bot.demo.slack.api.call import ApiError
from bot.demo.slack.api.chat import checked_blocks
from bot.demo.slack.records import Message, Version
from bot.demo.slack.state import State
from bot.demo.slack.tickets import ResponseUrl

Json = Any
"""JSON as it came over the wire."""


def said(body: str) -> dict[str, Json] | None:
    """The message in an ack's body: JSON, or plain text; None where there is nothing to show."""
    if not body.strip():
        return None
    try:
        value = json.loads(body)
    except ValueError:
        return {"text": body}
    return value if isinstance(value, dict) else {"text": str(value)}


def version_of(state: State, message: dict[str, Json]) -> Version:
    """What such a message shows; ApiError where Slack refuses it."""
    blocks = message.get("blocks") or []
    text = str(message.get("text") or "")
    shown = checked_blocks(blocks, state.limits) if blocks else ()
    attachments = message.get("attachments") or []
    if not isinstance(attachments, list):
        raise ApiError("invalid_attachments")
    if not text.strip() and not shown and not attachments:
        raise ApiError("no_text")
    return Version(text=text, blocks=shown, attachments=tuple(attachments))


def respond(state: State, url: ResponseUrl, message: dict[str, Json]) -> Message | None:
    """Do what a post to a response_url asks; None where it deleted something."""
    source = next(
        (each for each in state.messages if each.channel == url.channel and each.ts == url.source_ts), None
    )
    if message.get("delete_original") is True:
        if source is not None:
            state.delete(source)
        return None
    version = version_of(state, message)
    if message.get("replace_original") is True and source is not None and not source.deleted:
        state.edit(source, version)
        return source
    in_channel = message.get("response_type") == "in_channel"
    return state.post(
        url.channel,
        version,
        thread_ts=message.get("thread_ts"),
        ephemeral_to=None if in_channel else url.user,
    )
