"""Who is who, and the small marks on messages: auth.test, sockets, users, usergroups, reactions, pins."""

import re

from bot.demo.slack.api.call import Answer, ApiError, Call
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Message
from bot.demo.slack.state import APP, BOT_ID, DOMAIN, TEAM

_TS = re.compile(r"\d{10}\.\d{6}")


def auth_test(call: Call, _rates: Rates) -> Answer:
    """auth.test."""
    return {
        "url": f"https://{DOMAIN}.slack.com/",
        "team": "Stand-in",
        "team_id": TEAM,
        "user": call.state.bot.name,
        "user_id": call.state.bot.id,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def open_socket(call: Call, _rates: Rates) -> Answer:
    """apps.connections.open: the address of one socket, for Socket Mode."""
    address = call.state.base.replace("http://", "ws://", 1)
    return {"url": f"{address}/link?ticket={call.tickets.new_socket()}&app_id={APP}"}


def user_info(call: Call, _rates: Rates) -> Answer:
    """users.info."""
    person = call.state.people.get(call.text("user"))
    if person is None:
        raise ApiError("user_not_found")
    return {"user": person.as_json()}


def group_users(call: Call, _rates: Rates) -> Answer:
    """usergroups.users.list."""
    _needs_groups(call)
    group = call.state.groups.get(call.text("usergroup"))
    if group is None:
        raise ApiError("no_such_subteam")
    return {"users": list(group[1])}


def groups(call: Call, _rates: Rates) -> Answer:
    """usergroups.list: without their members, as when ``include_users`` is left out."""
    _needs_groups(call)
    found = [
        {
            "id": group,
            "team_id": TEAM,
            "is_usergroup": True,
            "name": handle.title(),
            "handle": handle,
            "description": "",
            "date_delete": 0,
            "user_count": len(users),
        }
        for group, (handle, users) in call.state.groups.items()
    ]
    return {"usergroups": found}


def _needs_groups(call: Call) -> None:
    if call.state.free_plan:
        raise ApiError("plan_upgrade_required")


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


def react(call: Call, _rates: Rates) -> Answer:
    """reactions.add."""
    message = _marked(call)
    name = call.text("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'\-]+(::skin-tone-[2-6])?", name):
        raise ApiError("invalid_name")
    if not call.state.react(message, name, user=call.state.bot.id):
        raise ApiError("already_reacted")
    return {}


def pin(call: Call, _rates: Rates) -> Answer:
    """pins.add."""
    message = _marked(call)
    pins = call.state.channels[message.channel].pins
    if message.ts in pins:
        raise ApiError("already_pinned")
    pins.append(message.ts)
    call.state.touch()
    return {}
