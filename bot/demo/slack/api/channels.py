"""conversations.*: which there are, and making, filling, naming and closing them."""

import re

from bot.demo.slack.api.call import Answer, ApiError, Call
from bot.demo.slack.api.conversations import next_page, offset
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Channel

_NAME = re.compile(r"[a-z0-9_\-]+")
_KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
_READ = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
NAME = 80
"""The longest name of a channel."""
TOPIC = 250
"""The longest topic or purpose."""


def _wanted(call: Call) -> set[str]:
    """The kinds of conversations that a list is asked for."""
    types = {one.strip() for one in str(call.args.get("types") or "public_channel").split(",")}
    if not types <= set(_KINDS):
        raise ApiError("invalid_types")
    for kind in sorted(types):
        call.needs(f"{_READ[kind]}:read")
    return {_KINDS[kind] for kind in types}


def _listed(call: Call, *, mine: bool) -> Answer:
    kinds = _wanted(call)
    limit = call.number("limit", call.state.limits.history_page)
    if not 1 <= limit <= call.state.limits.history_page_max:
        raise ApiError("invalid_limit")
    bot = call.state.bot.id
    found = [
        channel
        for channel in call.state.channels.values()
        if channel.kind in kinds
        and (bot in channel.members or (not mine and channel.kind == "channel"))
        and not (call.flag("exclude_archived") and channel.archived)
    ]
    start = offset(call)
    page = [channel.as_json(member=bot in channel.members) for channel in found[start : start + limit]]
    return {"channels": page, **next_page(start + limit, len(found))}


def of_user(call: Call, _rates: Rates) -> Answer:
    """users.conversations: the channels of the kinds asked for in which the bot is, page by page."""
    return _listed(call, mine=True)


def listed(call: Call, _rates: Rates) -> Answer:
    """conversations.list: every public channel, and of the other kinds those in which the bot is."""
    return _listed(call, mine=False)


def create(call: Call, _rates: Rates) -> Answer:
    """conversations.create: the bot is its first member."""
    private = call.flag("is_private")
    call.needs("groups:write" if private else "channels:manage")
    name = call.maybe("name")
    if name is None:
        raise ApiError("invalid_name_required")
    if len(name) > NAME:
        raise ApiError("invalid_name_maxlength")
    if not _NAME.fullmatch(name):
        raise ApiError("invalid_name_specials")
    if any(each.name == name for each in call.state.channels.values()):
        raise ApiError("name_taken")
    channel = Channel(
        id=call.state.new_id("G" if private else "C"),
        name=name,
        private=private,
        members=[call.state.bot.id],
    )
    call.state.channels[channel.id] = channel
    call.state.touch()
    return {"channel": channel.as_json(member=True)}


def open_direct(call: Call, _rates: Rates) -> Answer:
    """conversations.open: the direct messages with one person; the stand-in has none with several."""
    call.needs("im:write")
    if call.maybe("channel") is not None:
        channel = call.channel()
        if not channel.direct:
            raise ApiError("method_not_supported_for_channel_type")
        return {"channel": {"id": channel.id}}
    users = [each.strip() for each in str(call.args.get("users") or "").split(",") if each.strip()]
    if not users:
        raise ApiError("users_list_not_supplied")
    if len(users) > 1:
        raise ApiError("too_many_users")
    person = call.state.people.get(users[0])
    if person is None or person.role == "bot":
        raise ApiError("user_not_found")
    if person.deleted:
        raise ApiError("user_disabled")
    return {"channel": {"id": call.state.direct(person.id).id}}


def invite(call: Call, _rates: Rates) -> Answer:
    """conversations.invite, by an app that is in the channel."""
    channel = _writable(call)
    users = [each.strip() for each in str(call.args.get("users") or "").split(",") if each.strip()]
    if not users:
        raise ApiError("no_user")
    for user in users:
        if user not in call.state.people:
            raise ApiError("user_not_found")
        if user == call.state.bot.id:
            raise ApiError("cant_invite_self")
        if user in channel.members:
            raise ApiError("already_in_channel")
    channel.members += users
    call.state.touch()
    return {"channel": channel.as_json(member=True)}


def archive(call: Call, _rates: Rates) -> Answer:
    """conversations.archive."""
    channel = _writable(call)
    channel.archived = True
    call.state.touch()
    return {}


def set_topic(call: Call, _rates: Rates) -> Answer:
    """conversations.setTopic."""
    channel = _writable(call)
    channel.topic = _short(call, "topic")
    call.state.touch()
    return {"channel": channel.as_json(member=True)}


def set_purpose(call: Call, _rates: Rates) -> Answer:
    """conversations.setPurpose."""
    channel = _writable(call)
    channel.purpose = _short(call, "purpose")
    call.state.touch()
    return {"channel": channel.as_json(member=True)}


def _short(call: Call, name: str) -> str:
    text = str(call.args.get(name) or "")
    if len(text) > TOPIC:
        raise ApiError("too_long")
    return text


def _writable(call: Call) -> Channel:
    channel = call.channel()
    if channel.direct:
        raise ApiError("method_not_supported_for_channel_type")
    call.needs("groups:write" if channel.private else "channels:manage")
    if channel.archived:
        raise ApiError("is_archived")
    if call.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return channel
