"""reactions.*, pins.* and bookmarks.*: the small marks on messages and channels."""

import re
import time

from bot.demo.slack.api.call import Answer, ApiError, Call, Json
from bot.demo.slack.documents import Bookmark
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Channel, Message

_TS = re.compile(r"\d{10}\.\d{6}")
_EMOJI = re.compile(r"[a-z0-9_+'\-]+(::skin-tone-[2-6])?")


def _marked(call: Call) -> Message:
    channel = call.channel()
    ts = call.maybe("timestamp")
    if ts is None:
        raise ApiError("no_item_specified")
    if not _TS.fullmatch(ts):
        raise ApiError("bad_timestamp")
    if call.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    message = call.state.find(channel.id, ts)
    if message is None or message.ephemeral_to:
        raise ApiError("message_not_found")
    return message


def _emoji(call: Call) -> str:
    name = call.text("name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise ApiError("invalid_name")
    return name


def react(call: Call, _rates: Rates) -> Answer:
    """reactions.add."""
    message = _marked(call)
    if not call.state.react(message, _emoji(call), user=call.state.bot.id):
        raise ApiError("already_reacted")
    return {}


def unreact(call: Call, _rates: Rates) -> Answer:
    """reactions.remove: the app's own alone."""
    message = _marked(call)
    if not call.state.unreact(message, _emoji(call), user=call.state.bot.id):
        raise ApiError("no_reaction")
    return {}


def reactions(call: Call, _rates: Rates) -> Answer:
    """reactions.get."""
    message = _marked(call)
    shown = call.state.message_json(message)
    return {"type": "message", "channel": message.channel, "message": shown}


def pin(call: Call, _rates: Rates) -> Answer:
    """pins.add."""
    message = _marked(call)
    pins = call.state.channels[message.channel].pins
    if message.ts in pins:
        raise ApiError("already_pinned")
    pins.append(message.ts)
    call.state.touch()
    return {}


def unpin(call: Call, _rates: Rates) -> Answer:
    """pins.remove."""
    message = _marked(call)
    pins = call.state.channels[message.channel].pins
    if message.ts not in pins:
        raise ApiError("no_pin")
    pins.remove(message.ts)
    call.state.touch()
    return {}


def pins(call: Call, _rates: Rates) -> Answer:
    """pins.list: what is still there."""
    channel = _inside(call, "channel")
    found = [call.state.find(channel.id, ts) for ts in channel.pins]
    return {
        "items": [
            {"type": "message", "channel": channel.id, "message": call.state.message_json(each)}
            for each in found
            if each is not None
        ]
    }


def bookmark(call: Call, _rates: Rates) -> Answer:
    """bookmarks.add: a link at the head of a channel."""
    channel = _inside(call, "channel_id")
    if call.text("type") != "link":
        raise ApiError("invalid_bookmark_type")
    link = call.text("link")
    if not re.match(r"https?://", link):
        raise ApiError("invalid_link")
    if len(channel.bookmarks) >= call.state.limits.bookmarks:
        raise ApiError("too_many_bookmarks")
    made = Bookmark(call.state.new_id("Bk"), call.text("title"), link, call.maybe("emoji") or "", time.time())
    channel.bookmarks.append(made)
    call.state.touch()
    return {"bookmark": made.as_json(channel.id)}


def bookmarks(call: Call, _rates: Rates) -> Answer:
    """bookmarks.list."""
    channel = _inside(call, "channel_id")
    return {"bookmarks": [each.as_json(channel.id) for each in channel.bookmarks]}


def edit_bookmark(call: Call, _rates: Rates) -> Answer:
    """bookmarks.edit."""
    channel = _inside(call, "channel_id")
    old = _known(call, channel)
    new = Bookmark(
        old.id,
        call.maybe("title") or old.title,
        call.maybe("link") or old.link,
        call.maybe("emoji") or old.emoji,
        old.at,
    )
    channel.bookmarks[channel.bookmarks.index(old)] = new
    call.state.touch()
    return {"bookmark": new.as_json(channel.id)}


def remove_bookmark(call: Call, _rates: Rates) -> Answer:
    """bookmarks.remove."""
    channel = _inside(call, "channel_id")
    channel.bookmarks.remove(_known(call, channel))
    call.state.touch()
    return {}


def _known(call: Call, channel: Channel) -> Bookmark:
    wanted: Json = call.maybe("bookmark_id")
    for each in channel.bookmarks:
        if each.id == wanted:
            return each
    raise ApiError("not_found")


def _inside(call: Call, name: str) -> Channel:
    channel = call.channel(name)
    if call.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return channel
