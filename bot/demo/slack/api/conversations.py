"""conversations.*: what a channel is, who is in it, what was said."""

import base64
import binascii

from bot.demo.slack.api.call import Answer, ApiError, Call, Json
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Channel, Message


def info(call: Call, _rates: Rates) -> Answer:
    """conversations.info."""
    channel = call.channel()
    call.needs_of(channel, "read")
    return {"channel": channel.as_json(member=call.state.bot.id in channel.members)}


def members(call: Call, _rates: Rates) -> Answer:
    """conversations.members, page by page."""
    channel = call.channel()
    call.needs_of(channel, "read")
    limit = call.number("limit", call.state.limits.history_page)
    if limit < 1:
        raise ApiError("invalid_limit")
    start = offset(call)
    page = channel.members[start : start + limit]
    return {"members": page, **next_page(start + limit, len(channel.members))}


def join(call: Call, _rates: Rates) -> Answer:
    """conversations.join: public channels only."""
    channel = call.channel()
    if channel.kind != "channel":
        raise ApiError("method_not_supported_for_channel_type")
    if channel.archived:
        raise ApiError("is_archived")
    if call.state.bot.id not in channel.members:
        channel.members.append(call.state.bot.id)
        call.state.touch()
    return {"channel": channel.as_json(member=True)}


def history(call: Call, _rates: Rates) -> Answer:
    """conversations.history: newest first, without replies in threads."""
    channel = _readable(call)
    seen = [
        message
        for message in _said(call, channel)
        if message.thread_ts in {None, message.ts} or message.broadcast
    ]
    return _page(call, list(reversed(seen)))


def replies(call: Call, _rates: Rates) -> Answer:
    """conversations.replies: a message and what was answered in its thread, oldest first."""
    channel = _readable(call)
    ts = call.text("ts")
    if call.state.find(channel.id, ts) is None:
        raise ApiError("thread_not_found")
    return _page(call, [each for each in _said(call, channel) if ts in {each.ts, each.thread_ts}])


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.needs_of(channel, "history")
    if call.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def _said(call: Call, channel: Channel) -> list[Message]:
    oldest, latest = _bound(call, "oldest"), _bound(call, "latest")
    inclusive = call.flag("inclusive")

    def within(ts: float) -> bool:
        if inclusive and ts in {oldest, latest}:
            return True
        return (oldest is None or ts > oldest) and (latest is None or ts < latest)

    return [
        message
        for message in call.state.messages
        if message.channel == channel.id
        and not message.ephemeral_to
        and not message.deleted
        and within(float(message.ts))
    ]


def _bound(call: Call, name: str) -> float | None:
    value = call.maybe(name)
    try:
        return None if value in {None, "0", "now"} else float(str(value))
    except ValueError:
        raise ApiError(f"invalid_ts_{name}") from None


def _page(call: Call, seen: list[Message]) -> Answer:
    limits = call.state.limits
    limit = min(call.number("limit", limits.history_page), limits.history_page_max)
    if limit < 1:
        raise ApiError("invalid_limit")
    start = offset(call)
    shown = [_shown(call, message) for message in seen[start : start + limit]]
    return {"messages": shown, "has_more": len(seen) > start + limit, **next_page(start + limit, len(seen))}


def _shown(call: Call, message: Message) -> dict[str, Json]:
    shown = call.state.message_json(message, metadata=call.flag("include_all_metadata"))
    answers = [
        each
        for each in call.state.messages
        if each.thread_ts == message.ts
        and each.ts != message.ts
        and not each.deleted
        and not each.ephemeral_to
    ]
    return shown | ({"reply_count": len(answers), "latest_reply": answers[-1].ts} if answers else {})


def offset(call: Call) -> int:
    """Where the page starts that a cursor names."""
    cursor = call.maybe("cursor")
    if cursor is None:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, ValueError):
        raise ApiError("invalid_cursor") from None


def next_page(start: int, total: int) -> Answer:
    """The cursor of the page that starts there; empty where that was all."""
    cursor = base64.b64encode(f"next:{start}".encode()).decode() if start < total else ""
    return {"response_metadata": {"next_cursor": cursor}}
