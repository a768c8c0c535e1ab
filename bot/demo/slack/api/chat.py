"""chat.*: post, update, delete, ephemeral messages, permalinks."""

import json

from bot.demo.slack.api.call import Answer, ApiError, Call, Json, RateLimited, refused
from bot.demo.slack.blockkit import blocks_chars, blocks_faults
from bot.demo.slack.limits import Limits
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Channel, Message, Version
from bot.demo.slack.state import DOMAIN


def checked_blocks(blocks: Json, limits: Limits) -> tuple[Json, ...]:
    """The blocks of a message, or the refusal Slack would give."""
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    faults = blocks_faults(blocks)
    if faults:
        raise refused("invalid_blocks", faults)
    if blocks_chars(blocks) > limits.blocks_chars:
        raise ApiError("msg_blocks_too_long")
    return tuple(blocks)


def _metadata(call: Call) -> Json:
    metadata = call.json("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return metadata
    if (
        not isinstance(metadata, dict)
        or not isinstance(metadata.get("event_type"), str)
        or not metadata["event_type"]
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        raise ApiError("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > call.state.limits.metadata_bytes:
        raise ApiError("metadata_too_large")
    return metadata


def _version(call: Call) -> Version:
    """What the call wants to be seen; absent blocks are none."""
    limits = call.state.limits
    blocks = call.json("blocks", "invalid_blocks_format")
    attachments = call.json("attachments", "invalid_attachments") or []
    markdown = call.maybe("markdown_text")
    text = str(call.args.get("text") or "")
    if markdown and (text or blocks):
        raise ApiError("markdown_text_conflict")
    if not isinstance(attachments, list):
        raise ApiError("invalid_attachments")
    if len(attachments) > limits.attachments:
        raise ApiError("too_many_attachments")
    shown = checked_blocks(blocks, limits) if blocks else ()
    if markdown:
        if len(markdown) > limits.markdown_text:
            raise ApiError("msg_too_long")
        shown = ({"type": "markdown", "text": markdown},)
    if not text.strip() and not shown and not attachments:
        raise ApiError("no_text")
    return Version(
        text=text,
        blocks=shown,
        attachments=tuple(attachments),
        metadata=_metadata(call),
        parse=call.flag("link_names") or call.maybe("parse") == "full",
    )


def _writable(call: Call, *, by_name: bool = False) -> Channel:
    channel = _direct(call) or call.channel(by_name=by_name)
    if channel.archived:
        raise ApiError("is_archived")
    if call.state.bot.id not in channel.members and not (
        call.method == "chat.postMessage" and "chat:write.public" in call.state.scopes
    ):
        raise ApiError("not_in_channel")
    return channel


def _direct(call: Call) -> Channel | None:
    """A post to a person's id goes into the direct messages with that person."""
    person = call.state.people.get(str(call.args.get("channel")))
    if call.method != "chat.postMessage" or person is None or person.role == "bot":
        return None
    return call.state.direct(person.id)


def _thread(call: Call, channel: Channel) -> str | None:
    thread_ts = call.maybe("thread_ts")
    if thread_ts is None:
        return None
    parent = call.state.find(channel.id, thread_ts)
    if parent is None or parent.ephemeral_to:
        raise ApiError("thread_not_found")
    if parent.thread_ts and parent.thread_ts != parent.ts:
        raise ApiError("cannot_reply_to_message")
    parent.thread_ts = parent.ts
    return thread_ts


def post_message(call: Call, rates: Rates) -> Answer:
    """chat.postMessage; text past 40,000 characters is cut without a word."""
    channel = _writable(call, by_name=True)
    version = _version(call)
    thread_ts = _thread(call, channel)
    wait_s = rates.post_refusal(channel.id)
    if wait_s is not None:
        raise RateLimited(wait_s)
    if len(version.text) > call.state.limits.post_text:
        cut = version.text[: call.state.limits.post_text]
        version = Version(cut, version.blocks, version.attachments, version.metadata, parse=version.parse)
    message = call.state.post(
        channel.id, version, thread_ts=thread_ts, broadcast=call.flag("reply_broadcast")
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(metadata=True)}


def _own(call: Call, channel: Channel, fault: str) -> Message:
    message = call.state.find(channel.id, call.text("ts"))
    if message is None or message.ephemeral_to:
        raise ApiError("message_not_found")
    if message.user != call.state.bot.id:
        raise ApiError(fault)
    return message


def update(call: Call, _rates: Rates) -> Answer:
    """chat.update; as in Slack, text alone takes the blocks away, and metadata that is not named stays as it was."""
    channel = call.channel()
    message = _own(call, channel, "cant_update_message")
    if len(str(call.args.get("text") or "")) > call.state.limits.update_text:
        raise ApiError("msg_too_long")
    names_blocks = call.json("blocks", "invalid_blocks_format") is not None
    version = _version(call)
    call.state.edit(
        message,
        Version(
            text=version.text,
            blocks=version.blocks if names_blocks or version.text else message.blocks,
            attachments=version.attachments,
            metadata=message.now.metadata if version.metadata is None else version.metadata or None,
            parse=version.parse,
        ),
    )
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": message.as_json(metadata=True),
    }


def delete(call: Call, _rates: Rates) -> Answer:
    """chat.delete, of the app's own messages."""
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    call.state.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(call: Call, _rates: Rates) -> Answer:
    """chat.postEphemeral: seen by one person, gone with the client, never to be updated."""
    channel = _writable(call)
    if call.text("user") not in channel.members:
        raise ApiError("user_not_in_channel")
    version = _version(call)
    if len(version.text) > call.state.limits.post_text:
        raise ApiError("msg_too_long")
    message = call.state.post(
        channel.id, version, thread_ts=_thread(call, channel), ephemeral_to=call.text("user")
    )
    return {"message_ts": message.ts}


def permalink(call: Call, _rates: Rates) -> Answer:
    """chat.getPermalink."""
    channel = call.channel()
    message = call.state.find(channel.id, call.text("message_ts"))
    if message is None or message.ephemeral_to:
        raise ApiError("message_not_found")
    link = f"https://{DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}
